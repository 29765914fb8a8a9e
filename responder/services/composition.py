"""The bytes of a message of ours, assembled from clean values; RFC 2045, RFC 2046, RFC 3834.

Most of what is sent is the same in every message, so its pieces are prepared once; no generator of the standard library
runs here (they are slow, and wrote line breaks that came from encoded words).
"""

import hashlib
import re
from binascii import b2a_qp
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from responder.domain.marks import LOOP_FIELD
from responder.domain.outbound import Kind
from responder.services.header_fields import (
    LONGEST_LINE,
    check_header,
    mailbox_field,
    message_id_field,
    recipient_field,
    subject_field,
    thread_fields,
)

_AUTO_SUBMITTED = {
    Kind.REPLY: "auto-replied",
    Kind.NOTICE: "auto-generated",
    Kind.WARNING: "auto-generated",
    Kind.TEST: "auto-generated",
}
_QP_FROM = re.compile(rb"^From ", re.MULTILINE)
_LARGE = 192  # two small ones joined are still less than what `responder.storage.packing` compresses


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are in what leaves.

    Attributes:
        address: the bypass address that people answer to.
        name: display name beside it, empty for none.
        loop_token: the loop mark's value.
        plus_addressing: replies may lead to `address` with a tag.
    """

    address: str
    name: str
    loop_token: str
    plus_addressing: bool


@dataclass(frozen=True, slots=True)
class Draft:
    r"""All that makes one message different from another.

    Attributes:
        kind: decides the marks of automation.
        recipient: the one address it goes to.
        subject: one line, decoded.
        date: with a time zone.
        message_id: with angle brackets.
        in_reply_to: Message-ID of the message answered, None without one.
        references: what that one refers to, oldest first.
        reply_token: leads answers to their request, None for none.
        language: of the text.
        text: the text part in pieces of whole lines that end in `\\n`.
        html: the HTML part likewise; empty for a message of text only.
    """

    kind: Kind
    recipient: str
    subject: str
    date: datetime
    message_id: str
    in_reply_to: str | None
    references: tuple[str, ...]
    reply_token: str | None
    language: str
    text: tuple[str, ...]
    html: tuple[str, ...]


def compose(draft: Draft, sender: Sender) -> tuple[bytes, ...]:
    """Give the message: CRLF line ends, no line over 998 octets, 7-bit but for a recipient that needs UTF-8.

    It comes in pieces of whole lines; large ones are those that stand in other messages too.

    Raises:
        CompositionError: an address, Message-ID or token cannot stand in a header.
    """
    lines = [f"{line}\r\n" for line in _header_lines(draft, sender)]
    check_header("".join(lines))
    text_header, text = _part("plain", draft.text)
    if not draft.html:
        return (*_encode([*lines, f"{text_header}\r\n"]), *text)
    html_header, html = _part("html", draft.html)
    # multipart/alternative, the plainest first (RFC 2046 section 5.1.4)
    boundary = "=_" + hashlib.sha256(draft.message_id.encode()).hexdigest()[:24]
    top = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n--{boundary}\r\n{text_header}\r\n'
    return (
        *_encode([*lines, top]),
        *text,
        f"\r\n--{boundary}\r\n{html_header}\r\n".encode(),
        *html,
        f"\r\n--{boundary}--\r\n".encode(),
    )


def _encode(lines: Iterable[str]) -> list[bytes]:
    return [piece.encode() for piece in _gather(lines)]


def _gather(pieces: Iterable[str]) -> list[str]:
    """Give `pieces` with the small ones that stand together joined: what is large is worth being remembered."""
    gathered: list[str] = []
    is_small = False
    for piece in pieces:
        if is_small and len(piece) < _LARGE:
            gathered[-1] += piece
            is_small = len(gathered[-1]) < _LARGE
        elif piece:
            gathered.append(piece)
            is_small = len(piece) < _LARGE
    return gathered


def _header_lines(draft: Draft, sender: Sender) -> Iterator[str]:
    """Give the fields above those of MIME, folded."""
    yield mailbox_field("From", sender.name, sender.address)
    yield recipient_field(draft.recipient)
    if draft.reply_token is not None and sender.plus_addressing:
        yield mailbox_field("Reply-To", "", _tagged(sender.address, draft.reply_token))
    yield subject_field(draft.subject)
    yield f"Date: {format_datetime(draft.date)}"
    yield message_id_field(draft.message_id)
    yield from thread_fields(draft.in_reply_to, draft.references)
    if draft.kind in _AUTO_SUBMITTED:
        yield f"Auto-Submitted: {_AUTO_SUBMITTED[draft.kind]}"
    if draft.kind is Kind.REPLY:
        yield "Precedence: bulk"
    yield "X-Auto-Response-Suppress: All"
    yield f"{LOOP_FIELD}: {sender.loop_token}"
    yield f"X-Loop: {sender.address}"
    yield f"Content-Language: {draft.language}"
    yield "MIME-Version: 1.0"


def _tagged(address: str, token: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}+r-{token}@{domain}"


def _part(subtype: str, pieces: Sequence[str]) -> tuple[str, list[bytes]]:
    """Give header and body of one text part, in the plainest encoding that brings it through unchanged."""
    prepared = [_prepare(piece) for piece in _gather(pieces)]
    body = [lines for lines, _ in prepared]
    encoding = "7bit"
    if not all(plain for _, plain in prepared):
        encoding, body = "quoted-printable", [_quote_printable(lines) for lines in body]
    header = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n"
    return header, body


@lru_cache(maxsize=512)
def _prepare(piece: str) -> tuple[bytes, bool]:
    """Give `piece` with CRLF line ends, and whether it can travel as it is: most pieces are the same in every message.

    Not so if it is beyond ASCII, has a long line, or one that software on the way may change (a lone dot, `From `).
    """
    lines = piece.replace("\r", " ").encode("utf-8", "replace").split(b"\n")
    guarded = b"." in lines or "\nFrom " in f"\n{piece}"
    plain = piece.isascii() and not guarded and max(map(len, lines)) <= LONGEST_LINE
    return b"\r\n".join(lines), plain


@lru_cache(maxsize=512)
def _quote_printable(lines: bytes) -> bytes:
    """Encode whole `lines`; one that begins with `From ` is guarded from mailboxes that would change it (RFC 2049)."""
    return _QP_FROM.sub(b"=46rom=\r\n ", b2a_qp(lines))
