"""Header blocks: split, unfold and read the fields in front of a message or part (RFC 5322, RFC 2045, RFC 2231)."""

import re
from collections.abc import KeysView
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from responder.domain.charset import decode_text, decode_words, one_line

HEADER_BYTES = 64 * 1024
HEADER_FIELDS = 1_000
VALUE_CHARACTERS = 8 * 1024
MAILBOXES = 100

# Two patterns: one that begins with an octet of its own is found at ten times the speed of one with alternatives.
_EMPTY_FIRST_LINE = re.compile(rb"\r?\n")
_END = re.compile(rb"\n\r?\n")
_FOLD = re.compile(r"\n[ \t]+")
_FIELD = re.compile(r"^([!-9;-~]++)[ \t]*+:(.*)", re.MULTILINE)
_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)", re.ASCII)
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|([^;]*))', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,248}>")
_ADDRESS_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|<[^<>]*(?:>|\Z)|[(),;:]|[^"<(),;:]+|.', re.DOTALL)
# Possessive, so that nothing is tried twice on the many ways in which spaces and signs could be shared out.
_SIMPLE_MAILBOX = re.compile(
    r'\s*+(?:"?([^"<>(),;:@\\]*+)"?\s*+<([^\s"<>(),;:\\]++)>|([^\s"<>(),;:@\\]++@[^\s"<>(),;:@\\]++))\s*+'
)


@dataclass(frozen=True, slots=True)
class Field:
    """One header field.

    Attributes:
        name: as written.
        key: lower-cased name, for comparing.
        value: unfolded, surrounding white space removed, 8-bit octets read as UTF-8 or else Latin-1; encoded words
            (RFC 2047) still encoded; may hold control characters.
    """

    name: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Header:
    """The header block of a message or part."""

    fields: tuple[Field, ...] = ()
    _values: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, list[str]] = {}
        for each in self.fields:
            values.setdefault(each.key, []).append(each.value)
        object.__setattr__(self, "_values", values)

    @property
    def keys(self) -> KeysView[str]:
        """The lower-cased names of the fields that it has."""
        return self._values.keys()

    def first(self, key: str) -> str | None:
        """Give the value of the first field with the lower-cased name `key`, None without one."""
        values = self._values.get(key)
        return values[0] if values else None

    def every(self, key: str) -> tuple[str, ...]:
        """Give the values of all fields with the lower-cased name `key`, top down."""
        values = self._values.get(key)
        return tuple(values) if values else ()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox of an address field (RFC 5322 section 3.4); neither text holds control characters."""

    name: str
    address: str


def find_body(octets: bytes | bytearray, start: int = 0) -> int | None:
    """Give the offset of what stands behind the first empty line, None without one (RFC 5322 section 2.1).

    Args:
        octets: a message or its beginning.
        start: from where on to look, an offset; an empty first line of all counts in any case.
    """
    end = _EMPTY_FIRST_LINE.match(octets) or _END.search(octets, start)
    return end.end() if end else None


def split_header(octets: bytes) -> tuple[Header, int, bool]:
    """Give the header of a message or part, the offset of its body, and whether the block broke the rules.

    A line that is no field is passed over and counts as broken; text without a single field is all body. Past
    `HEADER_BYTES` or `HEADER_FIELDS` the rest is not read.
    """
    if octets.startswith((b"\n", b"\r\n")):
        return Header(), octets.index(b"\n") + 1, False
    end = _END.search(octets, 0, HEADER_BYTES)
    stop = end.start() if end else min(len(octets), HEADER_BYTES)
    fields, broken = _read_fields(_block_text(octets[:stop]))
    if not fields:
        return Header(), 0, bool(octets)
    too_long = end is None and len(octets) > HEADER_BYTES
    return Header(tuple(fields)), end.end() if end else len(octets), broken or too_long


def _block_text(block: bytes) -> str:
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = "\n".join(_line_text(line) for line in block.split(b"\n"))
    return _FOLD.sub(" ", text.replace("\r\n", "\n"))


def _line_text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _read_fields(text: str) -> tuple[list[Field], bool]:
    found = _FIELD.findall(text)
    fields = [Field(name, name.lower(), value.strip()) for name, value in found[:HEADER_FIELDS]]
    is_all_fields = len(found) == text.count("\n") + 1
    return fields, len(found) > HEADER_FIELDS or not (is_all_fields or _has_only_harmless_lines(text))


def _has_only_harmless_lines(text: str) -> bool:
    """Tell whether each line is a field, or is blank, or the first one is what mbox files put in front of a message."""
    lines = text.split("\n")
    if lines[0].startswith(("From ", ">From ")):
        del lines[0]
    return all(not line or line.isspace() or _FIELD.match(line) for line in lines)


def read_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Give the lower-cased type and the parameters of a Content-Type or Content-Disposition value.

    The type is empty where none is given. Pieces and encodings of RFC 2231 are put together under the plain name; the
    first of several parameters with one name counts.
    """
    value = value[:VALUE_CHARACTERS]
    parameters: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(value):
        key, star, section = name.lower().partition("*")
        text = _unescaped(quoted) if quoted else plain.strip()
        if name.endswith("*"):
            text = _percent_decoded(text)
        if key not in parameters:
            parameters[key] = text
        elif star and section.strip("*").isdigit():
            parameters[key] += text
    return read_type(value), parameters


def read_type(value: str) -> str:
    """Give the lower-cased type of a Content-Type value, empty where none is given."""
    kind = _TYPE.match(value, 0, VALUE_CHARACTERS)
    return kind[1].lower() if kind else ""


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _percent_decoded(text: str) -> str:
    charset, quote, rest = text.partition("'")
    if not quote:
        return decode_text(unquote_to_bytes(text))
    return decode_text(unquote_to_bytes(rest.partition("'")[2]), charset)


def read_message_ids(value: str) -> tuple[str, ...]:
    """Give the sane message ids in `value`, each with its angle brackets: printable ASCII, no encoded word, short.

    Of a long list the first and the last ones are kept, as RFC 5322 section 3.6.4 builds threads from them.
    """
    ids = [found for found in _MESSAGE_ID.findall(value[:VALUE_CHARACTERS]) if "=?" not in found]
    return tuple(ids[:1] + ids[-19:] if len(ids) > 20 else ids)  # noqa: PLR2004


def read_mailboxes(value: str) -> tuple[Mailbox, ...]:
    """Give the mailboxes of an address list (RFC 5322 section 3.4), at most `MAILBOXES`; group names are dropped.

    Never fails: what is no address and has no angle brackets is passed over.
    """
    simple = _SIMPLE_MAILBOX.fullmatch(value[:VALUE_CHARACTERS])
    if simple:
        return (_mailbox(simple[1] or "", simple[2] or simple[3]),)
    return tuple(_scan_mailboxes(value[:VALUE_CHARACTERS]))


def _scan_mailboxes(value: str) -> list[Mailbox]:
    found: list[Mailbox] = []
    words: list[str] = []
    bracketed: str | None = None
    comments = 0
    for lexeme in [*_ADDRESS_TOKEN.findall(value), ","]:
        if lexeme in ("(", ")"):
            comments = max(0, comments + (1 if lexeme == "(" else -1))
        elif comments and lexeme != ",":
            continue
        elif lexeme in (",", ";"):
            found += _one_mailbox(words, bracketed)
            words, bracketed, comments = [], None, 0
            if len(found) >= MAILBOXES:
                break
        elif lexeme == ":":
            words = []
        elif lexeme.startswith("<"):
            bracketed = bracketed or lexeme.strip("<>")
        else:
            words.append(lexeme)
    return found


def _one_mailbox(words: list[str], bracketed: str | None) -> list[Mailbox]:
    text = "".join(words).strip()
    if bracketed is not None:
        name = _unescaped(text.strip('"')) if text.startswith('"') else text
        return [_mailbox(name, bracketed)]
    return [_mailbox("", text)] if "@" in text else []


def _mailbox(name: str, address: str) -> Mailbox:
    return Mailbox(one_line(decode_words(name), 250), one_line(address, 320))
