"""The header fields of a message of ours, each made from one value; RFC 5322, RFC 2047, RFC 3834.

Whatever is put into a field is checked by its own pattern, and the finished block is checked again: it holds fields
from a fixed list, each once, so no value can add a line.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence

from responder.domain.marks import LOOP_FIELD

_FIELDS = frozenset(
    {
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "Auto-Submitted",
        "Precedence",
        "X-Auto-Response-Suppress",
        LOOP_FIELD,
        "X-Loop",
        "Content-Language",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
)
_LINE = 78
LONGEST_LINE = 998
_REFERENCES = 12
_SUBJECT_CHARACTERS = 100
_WORD_BYTES = 45  # of UTF-8, in one encoded word: 60 characters of base64 and 12 around them

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>", re.ASCII)
_QUOTED_LOCAL = r'"(?:[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029]|\\[ -~])*"'
_PLAIN_LOCAL = r'[^\s"(),:;<>@[\\\]\x00-\x1f\x7f-\x9f]+'
_MAILBOX = re.compile(rf'(?:{_QUOTED_LOCAL}|{_PLAIN_LOCAL})@[^\s"(),;<>@\\\x00-\x1f\x7f-\x9f]+')
_MAILBOX_CHARACTERS = 320
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]+")
_AUTO_PREFIX = re.compile(r"\s*auto:\s*", re.IGNORECASE)
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_FIELD_LINE = re.compile(rf"([A-Za-z-]+): [^{_CONTROLS}]+")
_FOLDED_LINE = re.compile(rf" [^{_CONTROLS} ][^{_CONTROLS}]*")


class CompositionError(ValueError):
    """A message cannot be assembled from these values; the text is safe to show."""


def recipient_field(address: str) -> str:
    """Give the field To; raw UTF-8 stands there only where A-labels cannot help (RFC 6532).

    Raises:
        CompositionError: `address` is no single mailbox.
    """
    if len(address) > _MAILBOX_CHARACTERS or not _MAILBOX.fullmatch(address) or "=?" in address:
        raise CompositionError("the recipient cannot stand in a header")
    return f"To: {_with_ascii_domain(address)}"


def _with_ascii_domain(address: str) -> str:
    """Give `address` with its domain as A-labels where that makes it all ASCII, else as it is."""
    local, _, domain = address.rpartition("@")
    if address.isascii() or not local.isascii():
        return address
    try:
        return f"{local}@{domain[:253].encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def mailbox_field(field: str, name: str, address: str) -> str:
    """Give the line `field: name <address>`, with the name quoted or encoded as it needs.

    Raises:
        CompositionError: `address` is no mailbox with a local part in ASCII.
    """
    address = _with_ascii_domain(address)
    if not _MAILBOX.fullmatch(address) or not address.isascii():
        raise CompositionError(f"the address of {field} cannot stand in a header")
    name = _UNPRINTABLE.sub(" ", name).strip()[:_SUBJECT_CHARACTERS]
    if not name:
        return f"{field}: {address}"
    encoded = _encode_text(name)
    if encoded == name and not _ATOMS.fullmatch(name):
        encoded = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{field}: {_fold(f'{encoded} <{address}>', len(field) + 2)}"


def quote_subject(original: str) -> str:
    """Give `Auto: ` and the sender's subject (RFC 3834 section 3.1.5), with that prefix once however often it stood."""
    subject = _UNPRINTABLE.sub(" ", original)
    while prefix := _AUTO_PREFIX.match(subject):
        subject = subject[prefix.end() :]
    subject = subject.strip()
    return f"Auto: {subject}" if subject else "Automated reply"


def subject_field(subject: str) -> str:
    """Give the field Subject, without control characters, cut to 100 characters, never empty."""
    clean = " ".join(_UNPRINTABLE.sub(" ", subject).split())[:_SUBJECT_CHARACTERS].rstrip() or "Automated reply"
    return f"Subject: {_fold(_encode_text(clean), len('Subject: '))}"


def _encode_text(text: str) -> str:
    """Give `text` for an unstructured field: encoded words (RFC 2047) when it is not ASCII or looks like one."""
    if text.isascii() and "=?" not in text:
        return text
    return " ".join(f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?=" for chunk in _chunks(text))


def _chunks(text: str) -> Iterator[bytes]:
    """Give `text` in pieces of UTF-8 that each fit into an encoded word and hold whole characters."""
    chunk = b""
    for character in text:
        encoded = character.encode("utf-8")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    yield chunk


def _fold(value: str, used: int) -> str:
    """Fold `value` at spaces so that lines keep to 78 characters, the first of which has `used` of them already."""
    if used + len(value) <= _LINE:
        return value
    lines: list[str] = []
    line = ""
    for word in value.split(" "):
        if line and used + len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line, used = word, 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def _is_message_id(text: str) -> bool:
    return bool(_MESSAGE_ID.fullmatch(text)) and "=?" not in text


def message_id_field(message_id: str) -> str:
    """Give the field Message-ID.

    Raises:
        CompositionError: `message_id` is none, with its angle brackets.
    """
    if not _is_message_id(message_id):
        raise CompositionError("the Message-ID cannot stand in a header")
    return f"Message-ID: {message_id}"


def thread_fields(in_reply_to: str | None, references: Sequence[str]) -> Iterator[str]:
    """Give In-Reply-To and References (RFC 5322 section 3.6.4): the first and the last ids, 12 at most.

    Both come from a stranger's message: what is no sane id is left out.
    """
    ids = [each for each in references if _is_message_id(each)]
    if in_reply_to is not None and _is_message_id(in_reply_to):
        yield f"In-Reply-To: {in_reply_to}"
        ids = [each for each in ids if each != in_reply_to] + [in_reply_to]
    if len(ids) > _REFERENCES:
        ids = [ids[0], *ids[1 - _REFERENCES :]]
    if ids:
        yield "References: " + "\r\n ".join(ids)


def check_header(header: str) -> None:
    """Judge the finished header as a stranger would.

    Raises:
        CompositionError: it has a line that is too long or malformed, a field that is not ours, or one twice.
    """
    names: list[str] = []
    for line in header.removesuffix("\r\n").split("\r\n"):
        if field := _FIELD_LINE.fullmatch(line):
            names.append(field[1])
        elif not names or not _FOLDED_LINE.fullmatch(line):
            raise CompositionError("a header line is malformed")
        if len(line if line.isascii() else line.encode()) > LONGEST_LINE:
            raise CompositionError("a header line is too long")
    if len(set(names)) != len(names) or not _FIELDS.issuperset(names):
        raise CompositionError("a header field is not ours, or stands twice")
