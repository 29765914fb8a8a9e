"""Refusals in prose: where an SMTP reply begins, what it says, and where it ends (RFC 5321 section 4.2, RFC 3463)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_STATEMENTS = 50

_STATEMENT_CHARACTERS = 2_000
_STATEMENT_LINES = 25
_LEAD_CHARACTERS = 40
_WORDS_CHARACTERS = 400

_ENHANCED = r"[245]\.\d{1,3}\.\d{1,3}(?!\w|\.\d)"
_CODE = re.compile(
    rf"([45]\d\d)(?<![\w.@+-][45]\d\d)(?:[ \t]*[-,:;]?\s{{0,6}}['\"(]?\#?({_ENHANCED})|[- ](?=[ \t]*\S)|-?(?=\n))",
    re.ASCII,
)
_REPEATED_CODE = re.compile(rf"(?<![\w.-])([45]\d\d)[- ]\s{{0,8}}(?:{_ENHANCED})?", re.ASCII)
_LEADS_IN = re.compile(
    r"(?:^|[:;<]|\b(?:said|returned|errors?|code|status|response|replied|answer|message|got|get|was|is|with|an?))\Z",
    re.IGNORECASE,
)
_BESIDE_HOST = re.compile(r"\w\.[A-Za-z]{2,24}[ \t]{1,4}#\Z")  # Exchange 2007 and 2010: `mx.example.net #554 ...`
_REFUSES = re.compile(
    r"block|black|reject|denied|refus|unavailable|unknown|not |n't|list|dynamic|fail|invalid|limit|mailbox|relay|spam"
    r"|policy|reverse|ptr|bad |poor |denegad|required|forbidden|banned|too many|problem"
    r"|(?:con|dns|hvu|rly|rtr):[a-z]"  # AOL's own codes
    r"|\d\.\d{1,3}\.\d{1,3}\.\d|[0-9a-f]:[0-9a-f]{0,4}:",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(r"\d{3}[- .](?:\d{3}[- .])?\d{4}(?![\w.:])", re.ASCII)
# Words of a refusal that speak to the client; they give it away where the code was not quoted. Begins, as `_END` does,
# with a plain set of characters, which is what makes looking for it fast.
_SPEAKS = re.compile(
    r"[YCBADGycbadg](?<=\b.)(?i:(?<=y)our (?:ip|host|server|mail ?server|address)\b[^\n]{0,80}\d"
    r"|(?:(?<=c)lient|(?<=c)onnecting) (?:host|ip|address)\b|(?<=b)locked using\b|(?<=a)ppears to be dynamic"
    r"|(?<=d)ynamically assigned|(?<=g)ave this error:\s{1,20}(?=\S))"
)
# In lower case.
_NEXT_LINE = re.compile(
    r">>>|\.\.\. while talking|-{3,}|={3,}|_{3,}|[45]\d\d[- ]"
    r"|[^\s<>@:]{1,64}@[^\s<>@:]{1,255}:?\Z"
    r"|(?:reporting-mta|received-from-mta|remote-mta|final-recipient|original-recipient|action|status|diagnostic-code"
    r"|last-attempt-date|arrival-date|will-retry-until|received|return-path|from|to|subject|date|message-id"
    r"|generating server|original message headers)[ \t]?:"
    r"|giving up on |i'm not going to try|message (?:could not|will be) |(?:mail from|rcpt to) ?:|quit\b"
)
_RECIPIENT = re.compile(r" {0,3}<[^<>@\s]{1,64}@[^<>\s]{1,255}>(?:\.\.\.|:)")
_END = re.compile(
    r"[(#IGig](?i:(?<=\()(?:in reply to\b|state \d)|(?<=#)#[ \t]*$|(?<=i)'m not going to try|(?<=g)iving up on )",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One refusal in a text.

    Attributes:
        code: the reply code, None where none is quoted.
        enhanced: the enhanced status code behind it, None without one.
        words: what it says, on one line, codes left out.
        start: where it begins in the text.
        end: where it ends.
    """

    code: int | None
    enhanced: str | None
    words: str
    start: int
    end: int


def find_statements(text: str) -> Iterator[Statement]:
    """Give the refusals with a reply code in `text`, whose quotation marks are off; `MAX_STATEMENTS` codes are seen."""
    end = 0
    for _ in range(MAX_STATEMENTS):
        code = _CODE.search(text, end)
        if code is None:
            return
        end = code.end()
        if _is_reply(text, code):
            words, end = _read_on(text, code.end(), code[1], goes_on=code[0][3:4] == "-")
            yield Statement(int(code[1]), code[2], words, code.start(), end)


def find_speech(text: str) -> Statement | None:
    """Give the line of `text`, and what belongs to it, that speaks to a refused client without any code."""
    speech = _SPEAKS.search(text)
    if speech is None:
        return None
    start = text.rfind("\n", 0, speech.end()) + 1
    words, end = _read_on(text, start, "", goes_on=False)
    return Statement(None, None, words, start, end)


def _is_reply(text: str, code: re.Match[str]) -> bool:
    """Tell whether three digits are a reply code: an enhanced code follows, or the words around them are a reply's.

    A signature has such digits too, in front of a telephone number or a street, and often a link some lines below.
    """
    if code[2]:
        return True
    line_start = text.rfind("\n", 0, code.start()) + 1
    before = text[max(line_start, code.start() - _LEAD_CHARACTERS) : code.start()]
    leads_in = _LEADS_IN.search(before.rstrip(" \t\"'([#")) or _BESIDE_HOST.search(before)
    if leads_in is None or _TELEPHONE.match(text, code.start()):
        return False
    words = text[code.end() : code.end() + _WORDS_CHARACTERS]
    return "/" in words.partition("\n")[0] or _REFUSES.search(words) is not None


def _read_on(text: str, start: int, code: str, *, goes_on: bool) -> tuple[str, int]:
    """Give the words of the statement that begins at `start`, on one line and without repeated codes, and its end.

    Args:
        text: where it stands.
        start: where its words begin.
        code: its reply code, empty without one.
        goes_on: its first line is not the last one of the reply (`550-`); then blank lines that a mail program put in
            between do not end it.
    """
    several = goes_on
    lines = text[start : start + _STATEMENT_CHARACTERS].split("\n")[:_STATEMENT_LINES]
    taken = 1
    for number, line in enumerate(lines[1:], 2):
        words = line.strip()
        if not words and goes_on:
            continue
        continues = bool(code) and words[:3] == code and words[3:4] in ("-", " ", "")
        follows = goes_on if continues or taken < number - 1 else bool(words)
        if not follows or (taken < number - 1 and not continues):
            break
        if (
            not continues
            and (taken > 1 or lines[0].strip())
            and (_NEXT_LINE.match(words.lower()) or _RECIPIENT.match(line))
        ):
            break
        goes_on = words[3:4] == "-" if continues else goes_on
        taken = number
    passage = "\n".join(lines[:taken])
    if end := _END.search(passage):
        passage = passage[: end.start()]
    end_at = start + len(passage)
    if several:
        passage = _REPEATED_CODE.sub(lambda match: " " if match[1] == code else match[0], passage)
    return _unwrapped(" ".join(passage.split())), end_at


def _unwrapped(words: str) -> str:
    """Take off the quotation marks and brackets in which programs wrap a reply."""
    words = words.strip("\"' ").lstrip("-:;> ")
    return words.rstrip("\"'> ") if words.count(">") > words.count("<") else words
