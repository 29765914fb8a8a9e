r"""Whose words are these? Takes quotation marks off, and parts what a person wrote from what they forward.

All functions take text with `\n` line ends and are linear in it.
"""

import re

from responder.domain.letter_case import lower_case

# The beginning of a line is looked for behind a line end, which is found much faster than `^`; the text gets one in
# front for that.
_MARK = re.compile(r"\n[ \t]*(?:[A-Z]{1,3}(?=>))?(?:[>|][ \t]?)+")
_QUOTED = re.compile(r"[A-Z]{0,3}>")  # some programs put the author's initials before the mark
_HEARD = re.compile(r"^[ \t]*<<<[ \t]", re.MULTILINE)
_NUMBER_LEADS = re.compile(r"\n[ \t]*\.?\d")
_COLON_ENDS = re.compile(r":[ \t]*\n[ \t]*:?[0-9A-Fa-f]{1,4}(?::|\b)")
# Both begin with a plain set of characters, which is what makes looking for them fast.
_BROKEN_IPV4 = re.compile(r"([0-9](?<![\w.].)[\d.]{0,13})[ \t]*\n[ \t]*([\d.]{1,14})(?![\d.]*\w)")
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}\.?")
_BROKEN_IPV6 = re.compile(
    r"([0-9A-Fa-f](?<![\w:.].)[0-9A-Fa-f]{0,3}:(?:[0-9A-Fa-f]{1,4}:){0,6}:?)"
    r"[ \t]*\n[ \t]*(?=:?[0-9A-Fa-f]{1,4}(?::|\b))"
)

# These three, in lower case, are looked for in text that is so too: to ignore case would cost several times as much.
# Behind this one a report carries a copy of the message that was refused, which is nobody's refusal.
_COPY = re.compile(
    r"\n[ \t]*(?:-{2,}[ \t]*)?(?:this is a copy of (?:the|your) message|below this line is a copy of the message"
    r"|(?:the )?(?:original|returned|unsent|undelivered) message (?:follows|headers?|header follows|text)"
    r"|message headers? follows?|the header of the original message|copy of (?:the )?(?:original )?message"
    r"|original message headers)\b"
)
_COPY_HINT = "message"

# The line that a mail program puts between a person's words and what they forward or answer, or a report's first line.
_FORWARDS = (
    r"-{2,}[ \t]*(?:original|forwarded|urspr|weiterg|message (?:transf|d'origine)|mensaje|messaggio|oorspr|doorgest)",
    r"begin forwarded message|anfang der weitergeleiteten|d.but du message r.exp.di|_{20,}[ \t]*\n",
    r"(?:from|von|de|da|van)[ \t]?:[^\n]*\n[ \t>]*(?:sent|date|to|gesend|datum|an|envoy|envi|invi|verz)[^\n:]{0,12}:",
    r"-- \n",  # a signature
    r"(?:return-path|received|received-spf|authentication-results|delivered-to|reporting-mta|x-[\w-]{1,60})[ \t]?:",
    r"(?:hi\. )?this is the (?:mail system|qmail|postfix|mail delivery)|this message was created automatically by",
    r"this is an automatically generated|your message did not reach|delivery (?:has failed|to the following)",
    r"the following recipient|the original message was received at",
)
_FORWARD = re.compile(rf"\n[ \t>]*(?:{'|'.join(_FORWARDS)})")
# Apart from the others and behind a hint, since it would be tried at every place near the beginning of a line.
_UNDELIVERED_HINT = "could not be delivered"
_UNDELIVERED = re.compile(rf"\n[ \t>]*[^\n]{{0,60}}{_UNDELIVERED_HINT}")
_WROTE = re.compile(r"\b(?:wrote|schrieb|a .crit|escribi.|ha scritto|schreef)[^\n]{0,80}:\Z")


def unquote(text: str) -> str:
    """Give `text` without marks before its lines, and with addresses mended that a line break cut.

    Marks are those of quotations, and that of a transcript for what the other side said (`<<<`).
    """
    if ">" in text or "|" in text:
        text = _MARK.sub("\n", f"\n{text}")[1:]
    if "<<<" in text:
        text = _HEARD.sub("", text)
    if _NUMBER_LEADS.search(text):
        text = _BROKEN_IPV4.sub(_mend, text)
    return _BROKEN_IPV6.sub(r"\1", text) if _COLON_ENDS.search(text) else text


def _mend(match: re.Match[str]) -> str:
    """Join the halves where together they are one IPv4 address and the first alone is none."""
    joined = match[1] + match[2]
    return joined if _IPV4.fullmatch(joined) and not _IPV4.fullmatch(match[1]) else match[0]


def without_copy(text: str) -> str:
    """Give a report's text up to the copy of the refused message that it carries."""
    lowered = lower_case(text)
    copy = _COPY.search(f"\n{lowered}") if _COPY_HINT in lowered else None
    return text[: copy.start()] if copy else text


def own_words(text: str) -> str:
    """Give what the person wrote: lines that are not quoted, up to what they forward."""
    words = text[: _forward_start(text)]
    if ">" not in words:
        return words
    lines = [line.strip(" \t") for line in words.split("\n")]
    own = [line for line in lines if not _QUOTED.match(line)]
    return "\n".join(["" if line[-1:] == ":" and _introduces(line) else line for line in own])


def _forward_start(text: str) -> int:
    """Give where in `text` the first line begins that is not the person's, its length without one."""
    lowered = f"\n{lower_case(text)}"
    forward = _FORWARD.search(lowered)
    undelivered = _UNDELIVERED.search(lowered) if _UNDELIVERED_HINT in lowered else None
    return min([match.start() for match in (forward, undelivered) if match], default=len(text))


def _introduces(line: str) -> bool:
    """Tell whether a line, which a colon ends, says who wrote the quotation below it."""
    return _WROTE.search(line, max(0, len(line) - 300)) is not None
