"""From the bytes of a message to what the rules look at: header fields, text parts, attached messages.

Bounded work on hostile input: past the limits below the rest is kept raw by the caller and not read.
"""

from dataclasses import dataclass
from enum import StrEnum

HEADER_BYTES = 64 * 1024
HEADER_FIELDS = 1_000
PARTS = 100
DEPTH = 20
SCAN_BYTES = 256 * 1024


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

    def first(self, key: str) -> str | None:
        """Give the value of the first field with the lower-cased name `key`, None without one."""
        return next((field.value for field in self.fields if field.key == key), None)

    def every(self, key: str) -> tuple[str, ...]:
        """Give the values of all fields with the lower-cased name `key`, top down."""
        return tuple(field.value for field in self.fields if field.key == key)


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
        text: decoded text with `\\n` line ends; empty for `MESSAGE`.
        depth: how many attached messages enclose it; 0 is the message that came to us.
        filename: as declared, decoded; empty without one.
    """

    kind: PartKind
    content_type: str
    header: Header
    text: str
    depth: int
    filename: str = ""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox of an address field (RFC 5322 section 3.4)."""

    name: str
    address: str


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
        malformed: it breaks the rules of its format so that reading stopped early or guessed.
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
