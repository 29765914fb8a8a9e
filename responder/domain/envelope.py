"""What SMTP carried: the envelope of one message, and its content as it was taken off the wire."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from responder.domain.address import IPAddress


class RecipientKind(StrEnum):
    """Which of our mailboxes a recipient is."""

    BYPASS = "bypass"
    STAFF = "staff"


class ClientSource(StrEnum):
    """Who says which client sent the message."""

    PEER = "peer"
    XFORWARD = "xforward"
    RECEIVED = "received"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One accepted recipient.

    Attributes:
        address: as the client gave it, without angle brackets.
        kind: which mailbox it is.
        tag: what stood behind the `+` of a plus-address, None without one.
    """

    address: str
    kind: RecipientKind
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the SMTP session said about one message.

    Attributes:
        reverse_path: the address of MAIL FROM without angle brackets; empty is the null reverse-path.
        recipients: every accepted recipient, in order.
        client: the address of the host that sent it, None when a trusted relay did not tell.
        client_source: who says so.
        helo_name: what the client called itself, empty when unknown; a claim.
        tls: the message came over TLS.
        smtputf8: MAIL asked for SMTPUTF8 (RFC 6531).
        trusted_relay: the peer is one of our own relays, so its topmost trace fields can be believed.
        received_at: when the final dot was seen, UTC.
    """

    reverse_path: str
    recipients: tuple[Recipient, ...]
    client: IPAddress | None
    client_source: ClientSource
    helo_name: str
    tls: bool
    smtputf8: bool
    trusted_relay: bool
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What came between DATA and the final dot, dot-stuffing undone, line ends as they came.

    Attributes:
        kept: the first `keep_bytes` octets.
        size: octets in all.
        body_sha256: SHA-256 over every octet behind the header block, kept or not; the key that recognises a
            repeat is made from it (a relay that tries again changes only trace fields).
        is_too_large: it is larger than we accept; one of our own relays has accepted it all the same.
    """

    kept: bytes
    size: int
    body_sha256: bytes
    is_too_large: bool = False
