"""Envelopes, messages and an identity for tests of the rules, made from what a test wants to say about them."""

from datetime import UTC, datetime
from email.utils import getaddresses

from responder.domain.disposition import Disposition, Reason, decide
from responder.domain.envelope import ClientSource, Envelope, Recipient, RecipientKind
from responder.domain.identity import Identity
from responder.domain.message import Field, Header, InboundMessage, Mailbox, Part, PartKind

IDENTITY = Identity(
    bypass_addresses=("bypass@example.com", "help@example.com"),
    own_domains=frozenset({"example.com", "example.net"}),
    other_addresses=frozenset({"staff@example.net"}),
    plus_addressing=True,
    hostname="mx.example.com",
    key=b"a key for tests",
)
SENDER = "admin@sender.example"
BYPASS = Recipient("bypass@example.com", RecipientKind.BYPASS)
STAFF = Recipient("postmaster@example.com", RecipientKind.STAFF)


def envelope(
    reverse_path: str = SENDER,
    recipients: tuple[Recipient, ...] = (BYPASS,),
    *,
    trusted_relay: bool = False,
) -> Envelope:
    return Envelope(
        reverse_path=reverse_path,
        recipients=recipients,
        client=None,
        client_source=ClientSource.UNKNOWN,
        helo_name="mail.sender.example",
        tls=False,
        smtputf8=False,
        trusted_relay=trusted_relay,
        received_at=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    )


def message(*lines: str, text: str = "Please let our server in.", parts: tuple[Part, ...] | None = None):
    """A message whose header has the unfolded `lines`, and From and Subject unless the lines have them."""
    names = {line.partition(":")[0].lower() for line in lines}
    defaults = ("From: Admin <admin@sender.example>", "Subject: Our mail is refused")
    every = (*(line for line in defaults if line.partition(":")[0].lower() not in names), *lines)
    fields = tuple(
        Field(name, name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in every)
    )
    header = Header(fields)
    return InboundMessage(
        header=header,
        content_type=(header.first("content-type") or "text/plain").partition(";")[0].strip().lower(),
        report_type=None,
        message_id=header.first("message-id"),
        references=tuple((header.first("references") or header.first("in-reply-to") or "").split()),
        in_reply_to=tuple((header.first("in-reply-to") or "").split()),
        subject=header.first("subject") or "",
        senders=_mailboxes(header, "from") + _mailboxes(header, "sender"),
        reply_to=_mailboxes(header, "reply-to"),
        parts=parts if parts is not None else (text_part(text),),
        malformed=False,
    )


def text_part(text: str, depth: int = 0) -> Part:
    return Part(PartKind.TEXT, "text/plain", Header(), text, depth)


def _mailboxes(header: Header, key: str) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(name, address) for name, address in getaddresses(header.every(key)) if address)


def reason_of(*lines: str, reverse_path: str = SENDER, trusted_relay: bool = False, **content) -> Reason | None:
    """Why a message is not answered, None when it is."""
    decision = decide(envelope(reverse_path, trusted_relay=trusted_relay), message(*lines, **content), IDENTITY)
    assert (decision.disposition is Disposition.ANSWER) == (decision.reason is None)
    return decision.reason
