"""Messages as intake takes them, with what reading them gives."""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from responder.domain.disposition import Decision, Disposition, Reason
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.identity import Identity
from responder.domain.message import Field, Header, InboundMessage, Mailbox
from responder.domain.plea import AddressSource, Cause, Plea, Proof, Rejection
from responder.domain.reading import Reading

NOON = datetime(2025, 11, 24, 12, tzinfo=UTC)
IDENTITY = Identity(
    ("bypass@example.com",), frozenset({"example.com"}), frozenset(), True, "mx.example.com", b"k" * 32
)  # fmt: skip
ANSWER = Decision(Disposition.ANSWER)


def silent(reason: Reason) -> Decision:
    return Decision(Disposition.SILENT, reason)


@dataclass(frozen=True)
class Letter:
    """One message that somebody sends, and what is read out of it."""

    sender: str = "admin@shop.example"
    number: int = 1
    address: str | None = "203.0.113.9"
    client: str | None = "203.0.113.9"
    decision: Decision = ANSWER
    tag: str | None = None
    in_reply_to: tuple[str, ...] = ()
    subject: str = "Undeliverable: hello"
    header_from: str | None = None
    has_refusal: bool = True
    proof: Proof = Proof.CLIENT
    trace: bytes = b""
    networks: tuple[str, ...] = ()
    changes: dict[str, object] = field(default_factory=dict)

    @property
    def message_id(self) -> str:
        return f"<{self.number}@mail.shop.example>"

    def envelope(self) -> Envelope:
        local = f"bypass+{self.tag}" if self.tag else "bypass"
        recipient = Recipient(f"{local}@example.com", RecipientKind.BYPASS, self.tag)
        client = ip_address(self.client) if self.client else None
        return Envelope(
            self.sender, (recipient,), client, ClientSource.PEER, "mail.shop.example", False, False, False, NOON
        )  # fmt: skip

    def content(self) -> Content:
        head = f"From: {self.header_from or self.sender}\r\nMessage-ID: {self.message_id}\r\n\r\n".encode()
        body = b"We were refused.\r\n"
        kept = self.trace + head + body
        return Content(kept, len(kept), hashlib.sha256(body).digest())

    def reading(self) -> Reading:
        mailbox = Mailbox("", self.header_from or self.sender)
        message = InboundMessage(
            header=Header((Field("From", "from", mailbox.address),)),
            content_type="text/plain",
            report_type=None,
            message_id=self.message_id,
            references=self.in_reply_to,
            in_reply_to=self.in_reply_to,
            subject=self.subject,
            senders=(mailbox,),
            reply_to=(),
            parts=(),
            malformed=False,
        )
        return Reading(self.envelope(), replace(message, **self.changes), self.plea(), self.decision)

    def plea(self) -> Plea:
        address = ip_address(self.address) if self.address else None
        client = ip_address(self.client) if self.client else None
        refusal = Rejection(550, "5.7.1", "refused", "mx.example.com", True, Cause.DYNAMIC, address)
        return Plea(
            client=client,
            address=address,
            address_source=AddressSource.REJECTION if address else None,
            networks=tuple(map(ip_network, self.networks)) or ((ip_network(address),) if address else ()),
            proof=self.proof,
            rejection=refusal if self.has_refusal else None,
            software=None,
            locale="en",
        )
