"""The policy face: tells mail servers whether to take a recipient, by the Postfix policy delegation protocol.

Connections stay open for as long as the client likes. One that owes us something, the rest of a request or to take our
answers, is cut after a while.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable

from responder import maillog
from responder.faces.policy_connection import Answer, PolicyConnection

__all__ = ["Answer", "PolicyFace"]

_BACKLOG = 256
_LOOK_EVERY_SECONDS = 5.0
_STUCK_SECONDS = 30.0


class PolicyFace:
    """Serves the protocol on listening sockets in the running loop.

    Args:
        sockets: bound and listening; the face owns them.
        answer: decides; called in the loop, so it must not block. When it fails the client gets no answer and its
            connection closes.
        max_connections: more are closed at once.

    Attributes:
        addresses: where it listens, host and port.
        is_draining: it takes no new connection, and closes each once what was asked is answered.
        faults: how many requests got no answer for a fault of ours.
    """

    def __init__(self, sockets: Iterable[socket.socket], *, answer: Answer, max_connections: int) -> None:
        self.answer = answer
        self.is_draining = False
        self.faults = 0
        self._max_connections = max_connections
        self._sockets = tuple(sockets)
        self.addresses: list[tuple[str, int]] = [listener.getsockname()[:2] for listener in self._sockets]
        self._servers: list[asyncio.Server] = []
        self._connections: dict[PolicyConnection, None] = {}
        self._watcher: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def start(self) -> None:
        """Begin to take connections."""
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            server = await loop.create_server(lambda: PolicyConnection(self), sock=listener, backlog=_BACKLOG)
            self._servers.append(server)
        for host, port in self.addresses:
            maillog.listening(face="policy", host=host, port=port)
        self._look(loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cut the connections that have been stuck for too long, now and then."""
        before = loop.time() - _STUCK_SECONDS
        for connection in tuple(self._connections):
            if connection.stuck_at is not None and connection.stuck_at < before:
                maillog.policy_closed(peer=connection.peer, why="it does not send or take the rest")
                connection.abort()
        self._watcher = loop.call_later(_LOOK_EVERY_SECONDS, self._look, loop)

    async def drain(self, deadline_seconds: float) -> None:
        """Stop: no new connection, an answer to what was asked; what is not done by then is cut."""
        self.is_draining = True
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.wind_down()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_seconds):
                await self._until(lambda: not self._connections)
        for connection in tuple(self._connections):
            connection.abort()
        await self._until(lambda: not self._connections)
        if self._watcher:
            self._watcher.cancel()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            self._changed.clear()
            await self._changed.wait()

    # Called by connections.

    def admit(self, connection: PolicyConnection) -> bool:
        """Count a connection; False says that there are too many."""
        if self.is_draining or len(self._connections) >= self._max_connections:
            maillog.policy_closed(peer=connection.peer, why="too many connections")
            return False
        self._connections[connection] = None
        return True

    def dismiss(self, connection: PolicyConnection) -> None:
        """Count a connection off; a second time does nothing."""
        self._connections.pop(connection, None)
        self._changed.set()

    def note_fault(self) -> None:
        """Count a request that got no answer for a fault of ours."""
        self.faults += 1
