"""The parts of a message in document order, without recursion, within fixed limits (RFC 2045, RFC 2046, RFC 3464)."""

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from responder.domain.charset import decode_base64, decode_text, decode_words, one_line, readable
from responder.domain.header import Header, read_parameters, split_header
from responder.domain.hypertext import hypertext_to_text

PARTS = 100
DEPTH = 20
SCAN_BYTES = 256 * 1024

_REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
_HEADERS = frozenset({"text/rfc822-headers", "message/global-headers"})
_ENCODED = frozenset({"base64", "quoted-printable"})
_READABLE_SUFFIX = re.compile(r"\.(eml|mht|txt|log|html?)\Z", re.IGNORECASE)
_FIELD_LINES = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]{1,60}:[^\n]*\r?\n(?:[ \t]+[^\n]*\r?\n){0,50}){3}")
_SNIFFED_BYTES = 4_096


class PartKind(StrEnum):
    """What a part is to a reader of pleas."""

    TEXT = "text"  # text/plain, or anything else that turned out to be readable text
    HTML = "html"  # text/html; `text` holds what a reader sees
    REPORT = "report"  # message/delivery-status; `text` holds its fields, line by line
    MESSAGE = "message"  # the header of an attached or quoted message (message/rfc822, text/rfc822-headers)


@dataclass(frozen=True, slots=True)
class Part:
    r"""One readable part, in document order.

    Attributes:
        kind: what it is.
        content_type: its declared type, lower-cased, without parameters.
        header: for `MESSAGE` the header of the attached message, else the part's own.
        text: decoded text with `\n` line ends; empty for `MESSAGE`.
        depth: how many attached messages enclose it; 0 is the message that came to us.
        filename: as declared, decoded; empty without one.
    """

    kind: PartKind
    content_type: str
    header: Header
    text: str
    depth: int
    filename: str = ""


class _Entity(NamedTuple):
    """A header with its body, still encoded; `level` counts multiparts and messages around it."""

    header: Header
    body: bytes
    depth: int
    level: int
    default_type: str = "text/plain"


def read_parts(header: Header, body: bytes) -> tuple[tuple[Part, ...], bool]:
    """Give the readable parts of a message, and whether it goes past the limits of depth and number.

    At most `SCAN_BYTES` of decoded text are read in all; images, archives and other binary parts are not decoded.
    """
    reader = _Reader()
    waiting = [_Entity(header, body, 0, 0)]
    exceeded = False
    for _ in range(PARTS):
        if not waiting:
            break
        entity = waiting.pop()
        inner = reader.read(entity)
        if entity.level < DEPTH:
            waiting += reversed(inner)
        elif inner:
            exceeded = True
    return tuple(reader.parts), exceeded or bool(waiting)


class _Reader:
    """Gathers parts, as long as there are octets left to be read."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.octets_left = SCAN_BYTES

    def read(self, entity: _Entity) -> Sequence[_Entity]:
        """Add what `entity` itself has to read, and give the entities inside it."""
        kind, parameters = read_parameters(entity.header.first("content-type") or "")
        kind = kind or entity.default_type
        filename = _filename(entity.header, parameters)
        suffix = _READABLE_SUFFIX.search(filename)
        if kind.startswith("multipart/") and (inner := list(islice(_split_entity(entity, kind, parameters), PARTS))):
            return inner
        if kind in _MESSAGES or kind in _HEADERS or (suffix and suffix[1].lower() in {"eml", "mht"}):
            return self._read_message(entity, kind, filename)
        if suffix or kind.startswith(("text/", "message/", "multipart/")):
            self._read_text(entity, kind, filename, parameters.get("charset", ""))
        elif kind == "application/octet-stream" and _FIELD_LINES.match(_decode(entity, _SNIFFED_BYTES)):
            return self._read_message(entity, kind, filename)
        return ()

    def _read_message(self, entity: _Entity, kind: str, filename: str) -> Sequence[_Entity]:
        octets = _decode(entity, self.octets_left) if _encoding(entity.header) in _ENCODED else entity.body
        octets = octets.lstrip(b"\r\n")
        header, offset, _ = split_header(octets)
        self.parts.append(Part(PartKind.MESSAGE, kind, header, "", entity.depth, filename))
        if kind in _HEADERS:
            return ()
        return (_Entity(header, octets[offset:], entity.depth + 1, entity.level + 1),)

    def _read_text(self, entity: _Entity, kind: str, filename: str, charset: str) -> None:
        octets = _decode(entity, self.octets_left)
        if b"\0" in octets[:_SNIFFED_BYTES] and not octets.startswith((b"\xff\xfe", b"\xfe\xff")):
            return
        self.octets_left -= len(octets)
        text = readable(decode_text(octets, charset))
        part_kind = _text_kind(kind, filename)
        if part_kind is PartKind.HTML:
            text = readable(hypertext_to_text(text))
        if text and not text.isspace():
            self.parts.append(Part(part_kind, kind, entity.header, text, entity.depth, filename))


def _split_entity(entity: _Entity, kind: str, parameters: dict[str, str]) -> Iterator[_Entity]:
    inner_type = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    for octets in _split_multipart(entity.body, parameters.get("boundary", "")):
        header, offset, _ = split_header(octets)
        yield _Entity(header, octets[offset:], entity.depth, entity.level + 1, inner_type)


def _text_kind(kind: str, filename: str) -> PartKind:
    if kind in _REPORTS:
        return PartKind.REPORT
    if kind in {"text/html", "application/xhtml+xml"} or filename.lower().endswith((".htm", ".html")):
        return PartKind.HTML
    return PartKind.TEXT


def _split_multipart(body: bytes, boundary: str) -> Iterator[bytes]:
    """Give the octets of each part, which stand between lines of two hyphens and `boundary` (RFC 2046 section 5.1)."""
    if not boundary:
        return
    mark = b"--" + boundary.rstrip().encode("utf-8", "replace")
    start = -1
    for begin, end, last in _delimiters(body, mark):
        if start >= 0:
            yield body[start:begin]
        if last:
            return
        start = end
    if start >= 0:
        yield body[start:]


def _delimiters(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Give for each delimiter line where the part before it ends, where the next begins, and if it is the last one."""
    at = body.find(mark)
    while at >= 0:
        if at == 0 or body[at - 1 : at] == b"\n":
            stop = body.find(b"\n", at)
            stop = len(body) if stop < 0 else stop + 1
            rest = body[at + len(mark) : stop].strip()
            if rest in (b"", b"--"):
                yield max(at - 1, 0), stop, rest == b"--"
        at = body.find(mark, at + len(mark))


def _filename(header: Header, parameters: dict[str, str]) -> str:
    disposition = header.first("content-disposition")
    name = read_parameters("x/x" + disposition[disposition.find(";") :])[1].get("filename", "") if disposition else ""
    name = name or parameters.get("name", "")
    return one_line(decode_words(name), 250) if name else ""


def _encoding(header: Header) -> str:
    return (header.first("content-transfer-encoding") or "").partition(";")[0].strip().lower()


def _decode(entity: _Entity, limit: int) -> bytes:
    """Give at most `limit` octets of what the body of `entity` encodes."""
    encoding = _encoding(entity.header)
    if encoding == "base64":
        return decode_base64(entity.body[: limit * 3 // 2 + 4])[:limit]
    if encoding == "quoted-printable":
        return binascii.a2b_qp(entity.body[: 3 * limit])[:limit]
    return entity.body[:limit]
