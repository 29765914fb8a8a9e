"""The web server in the loop that all faces share."""

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator

import uvicorn
from anyio.to_thread import current_default_thread_limiter
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from responder import maillog
from responder.faces.web.app import make_app
from responder.faces.web.office import Office

THREADS = 8
"""Pages that are made at once, each with at most one connection to the database."""

_CONNECTIONS = 500
_DRAIN_SECONDS = 10
_PATIENCE_SECONDS = 20.0


class _Connection(H11Protocol):
    """A connection that is cut where its client takes too long to say what it wants, which uvicorn does not see to."""

    patience_seconds = _PATIENCE_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to keep the time."""
        super().connection_made(transport)
        self._look_again()

    def _look_again(self) -> None:
        self.loop.call_later(self.patience_seconds, self._look, self.cycle)

    def _look(self, before: RequestResponseCycle | None) -> None:
        """Cut the connection unless another request has come since, or a whole one is being answered."""
        if self.transport.is_closing():
            return
        is_answering = before is not None and not before.more_body and not before.response_complete
        if self.cycle is before and not is_answering:
            self.transport.abort()
        else:
            self._look_again()


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs the loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


class WebFace:
    """Serves the pages on sockets that are bound already, in the running loop."""

    def __init__(self, sockets: Iterable[socket.socket], office: Office) -> None:
        """Take the sockets, which the face owns, and what the pages are built from; `app` is the application."""
        self._sockets = list(sockets)
        self.addresses: list[tuple[str, int]] = [listener.getsockname()[:2] for listener in self._sockets]
        self.app = make_app(office)
        self._server = _Server(
            uvicorn.Config(
                self.app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # whom to believe is decided in one place, `access`
                server_header=False,
                limit_concurrency=_CONNECTIONS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to take connections."""
        current_default_thread_limiter().total_tokens = THREADS
        self._serving = asyncio.create_task(self._server.serve(sockets=self._sockets), name="web")
        await self._server.is_up.wait()
        for host, port in self.addresses:
            maillog.listening(face="web", host=host, port=port)

    async def drain(self) -> None:
        """Take no more connections, and finish the answers under way within some seconds."""
        self._server.should_exit = True
        if self._serving:
            await self._serving
