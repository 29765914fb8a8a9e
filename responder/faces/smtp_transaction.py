"""Who is at the other end of an SMTP connection, and the message that is under way."""

from dataclasses import dataclass, field
from datetime import datetime

from responder.domain.address import IPAddress, IPNetwork
from responder.domain.envelope import ClientSource, Envelope, Recipient
from responder.faces.smtp_syntax import read_forwarded_address


@dataclass(frozen=True, slots=True)
class Peer:
    """The host at the other end of the connection.

    Attributes:
        address: None when the transport cannot tell.
        relays: our own relays.
    """

    address: IPAddress | None
    relays: tuple[IPNetwork, ...] = ()

    @property
    def is_trusted(self) -> bool:
        """The peer is one of our own relays."""
        return self.address is not None and self.holds(self.address)

    def holds(self, address: IPAddress) -> bool:
        """Tell whether `address` is one of our own relays."""
        return any(address in network for network in self.relays)


@dataclass(slots=True)
class Transaction:
    """One message under way.

    Attributes:
        reverse_path: None before MAIL.
        smtputf8: MAIL asked for SMTPUTF8.
        recipients: those that were accepted, under their canonical address.
        forwarded: what a relay told with XFORWARD, for this message alone.
    """

    reverse_path: str | None = None
    smtputf8: bool = False
    recipients: dict[str, Recipient] = field(default_factory=dict)
    forwarded: dict[str, str | None] = field(default_factory=dict)

    def envelope(self, peer: Peer, helo_name: str, *, tls: bool, received_at: datetime) -> Envelope:
        """Give the envelope as it came from `peer`, which called itself `helo_name`."""
        client, source, name = self._client(peer, helo_name)
        return Envelope(
            reverse_path=self.reverse_path or "",
            recipients=tuple(self.recipients.values()),
            client=client,
            client_source=source,
            helo_name=name,
            tls=tls,
            smtputf8=self.smtputf8,
            trusted_relay=peer.is_trusted,
            received_at=received_at,
        )

    def _client(self, peer: Peer, helo_name: str) -> tuple[IPAddress | None, ClientSource, str]:
        """Tell who sent the message; behind a relay that does not say so, nobody is named."""
        if not peer.is_trusted:
            return peer.address, ClientSource.PEER if peer.address else ClientSource.UNKNOWN, helo_name
        address = read_forwarded_address(self.forwarded.get("ADDR"))
        if address is None or peer.holds(address):
            return None, ClientSource.UNKNOWN, ""
        return address, ClientSource.XFORWARD, self.forwarded.get("HELO") or ""
