"""From the bytes of a message to what the rules look at: header fields, text parts, attached messages.

Bounded work on hostile input: past the limits of `header` and `mime` the rest is kept raw by the caller and not read.
"""

from dataclasses import dataclass

from responder.domain.charset import decode_words, one_line
from responder.domain.header import (
    HEADER_BYTES,
    HEADER_FIELDS,
    Field,
    Header,
    Mailbox,
    read_mailboxes,
    read_message_ids,
    read_parameters,
    read_type,
    split_header,
)
from responder.domain.mime import DEPTH, PARTS, SCAN_BYTES, Part, PartKind, read_parts

__all__ = [
    "DEPTH",
    "HEADER_BYTES",
    "HEADER_FIELDS",
    "PARTS",
    "SCAN_BYTES",
    "Field",
    "Header",
    "InboundMessage",
    "Mailbox",
    "Part",
    "PartKind",
    "read_message",
]

SUBJECT_CHARACTERS = 998


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message as the rules read it.

    Attributes:
        header: its own header; never that of an attached message.
        content_type: declared type, lower-cased, without parameters; `text/plain` when absent.
        report_type: parameter `report-type` of multipart/report, lower-cased, else None.
        message_id: Message-ID with its angle brackets when it is a sane one (ASCII, one pair of brackets, at most 250
            characters), else None; safe to copy into our own header.
        references: the sane ids of References, else of a single In-Reply-To, oldest first.
        in_reply_to: the sane ids of In-Reply-To.
        subject: decoded, control characters removed, at most 998 characters.
        senders: mailboxes of From, then Sender.
        reply_to: mailboxes of Reply-To.
        parts: every readable part.
        malformed: its header breaks the rules, or it goes past the limits, so that something was not read.
    """

    header: Header
    content_type: str
    report_type: str | None
    message_id: str | None
    references: tuple[str, ...]
    in_reply_to: tuple[str, ...]
    subject: str
    senders: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    parts: tuple[Part, ...]
    malformed: bool

    @property
    def header_from(self) -> str:
        """The first address of From; empty without one."""
        return self.senders[0].address if self.senders else ""


def read_message(raw: bytes) -> InboundMessage:
    """Read a message as it came off the wire or out of a file, lines ended by CRLF or LF. Never raises."""
    header, offset, broken = split_header(raw)
    parts, exceeded = read_parts(header, raw[offset:])
    declared = header.first("content-type") or ""
    kind = read_type(declared)
    in_reply_to = _ids(header, "in-reply-to")
    message_id = _ids(header, "message-id")
    return InboundMessage(
        header=header,
        content_type=kind or "text/plain",
        report_type=_report_type(declared) if kind == "multipart/report" else None,
        message_id=message_id[0] if len(message_id) == 1 else None,
        references=_ids(header, "references") or (in_reply_to if len(in_reply_to) == 1 else ()),
        in_reply_to=in_reply_to,
        subject=one_line(decode_words((header.first("subject") or "")[: 4 * SUBJECT_CHARACTERS]), SUBJECT_CHARACTERS),
        senders=_mailboxes(header, "from") + _mailboxes(header, "sender"),
        reply_to=_mailboxes(header, "reply-to"),
        parts=parts,
        malformed=broken or exceeded,
    )


def _report_type(declared: str) -> str | None:
    return read_parameters(declared)[1].get("report-type", "").lower() or None


def _ids(header: Header, key: str) -> tuple[str, ...]:
    value = header.first(key)
    return read_message_ids(value) if value else ()


def _mailboxes(header: Header, key: str) -> tuple[Mailbox, ...]:
    found: tuple[Mailbox, ...] = ()
    for value in header.every(key)[:10]:
        found += read_mailboxes(value)
    return found
