"""The SMTP face: takes pleas and says 250 only to what is stored."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv6Address, IPv6Network

from responder import maillog
from responder.domain.address import AddressError, IPAddress, IPNetwork, parse_ip
from responder.domain.identity import Identity
from responder.faces import smtp_replies as say
from responder.faces.smtp_handover import HandOver, Submit
from responder.faces.smtp_limits import SmtpLimits
from responder.faces.smtp_replies import Reply
from responder.faces.smtp_session import SmtpConnection
from responder.faces.smtp_transaction import Peer

__all__ = ["SmtpFace", "SmtpLimits", "Submit"]

# As many connections are taken in one turn of the loop at most, while all other clients wait.
_BACKLOG = 256
_SITE_PREFIX = 64  # an IPv6 client has at least such a network to itself (RFC 6177)


class SmtpFace:
    """Serves SMTP (RFC 5321) on listening sockets in the running loop.

    Args:
        sockets: bound and listening, IPv4 or IPv6; the face owns them.
        identity: which mailboxes are ours.
        limits: what a client may use.
        submit: stores a message; called in the loop, so it must not block; its future is resolved after the commit,
            in any thread, with a receipt, or fails with `StorageUnavailable`.
        trusted_relays: our own relays, whose XFORWARD is believed.
        tls_context: certificate and key for STARTTLS, None to offer none.
        clock: gives the time in UTC.

    Attributes:
        addresses: where it listens, host and port.
        is_draining: it takes no new connection and no new message.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        *,
        identity: Identity,
        limits: SmtpLimits,
        submit: Submit,
        trusted_relays: Sequence[IPNetwork] = (),
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.identity = identity
        self.limits = limits
        self.tls_context = tls_context
        self.clock = clock
        self.handover = HandOver(submit, self._notice)
        self.is_draining = False
        self._sockets = tuple(sockets)
        self.addresses: list[tuple[str, int]] = [listener.getsockname()[:2] for listener in self._sockets]
        self._relays = tuple(trusted_relays)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[SmtpConnection, object] = {}
        self._per_client: Counter[object] = Counter()
        self._changed = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def start(self) -> None:
        """Begin to take connections."""
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            self._servers.append(
                await loop.create_server(lambda: SmtpConnection(self), sock=listener, backlog=_BACKLOG)
            )
        for host, port in self.addresses:
            maillog.listening(face="smtp", host=host, port=port)

    async def drain(self, deadline_seconds: float) -> None:
        """Stop: no new connection, 421 to sessions between messages, then wait for messages on their way.

        After `deadline_seconds` the connections that are left are cut; nothing that got its 250 is touched.
        """
        self.is_draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.wind_down()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                await self._until(lambda: not self._connections and not len(self.handover))
        for connection in tuple(self._connections):
            connection.abort()
        await self._until(lambda: not self._connections)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    def _notice(self) -> None:
        self._changed.set()

    # Called by connections.

    def admit(self, connection: SmtpConnection, transport: asyncio.BaseTransport) -> Peer | Reply:
        """Count a connection and name its peer; a reply says why it is not let in."""
        peer = Peer(_address(transport), self._relays)
        refusal = self._refusal(peer)
        if refusal:
            maillog.refused(client=peer.address, helo_name="", command="", reply=f"{refusal.code} {refusal.text}")
            return refusal
        client = _client_key(peer)
        self._connections[connection] = client
        self._per_client[client] += 1
        return peer

    def _refusal(self, peer: Peer) -> Reply | None:
        if self.is_draining:
            return say.SHUTTING_DOWN
        if 0 < self.limits.max_connections <= len(self._connections):
            return say.TOO_MANY_CONNECTIONS
        if not peer.is_trusted and 0 < self.limits.max_connections_per_client <= self._per_client[_client_key(peer)]:
            return say.TOO_MANY_FROM_YOU
        return None

    def dismiss(self, connection: SmtpConnection) -> None:
        """Count a connection off; a second time does nothing."""
        client = self._connections.pop(connection, None)
        if client is not None:
            self._per_client[client] -= 1
            if not self._per_client[client]:
                del self._per_client[client]
            self._notice()


def _address(transport: asyncio.BaseTransport) -> IPAddress | None:
    peer = transport.get_extra_info("peername")
    try:
        return parse_ip(peer[0].partition("%")[0])
    except (AddressError, TypeError, IndexError):
        return None


def _client_key(peer: Peer) -> object:
    """Give what counts as one client: an IPv4 address or an IPv6 network of 64 bits."""
    if isinstance(peer.address, IPv6Address):
        return IPv6Network((peer.address, _SITE_PREFIX), strict=False)
    return peer.address or ""
