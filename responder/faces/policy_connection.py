"""One mail server that asks: its requests are answered in order, over a connection that stays open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from responder import maillog
from responder.domain.policy import PolicyRequest, read_request
from responder.faces.policy_protocol import MalformedRequest, RequestReader, encode_action

Answer = Callable[[PolicyRequest], str | Awaitable[str]]
_UNREAD_ANSWERS_BYTES = 64 * 1024


class Host(Protocol):
    """What all connections of one face share."""

    answer: Answer
    is_draining: bool

    def admit(self, connection: "PolicyConnection") -> bool:
        """Count a connection; False says that there are too many."""

    def dismiss(self, connection: "PolicyConnection") -> None:
        """Count a connection off; a second time does nothing."""

    def note_fault(self) -> None:
        """Count a request that got no answer for a fault of ours."""


class PolicyConnection(asyncio.Protocol):
    """One client; while an answer is looked up, nothing more is read from it.

    Attributes:
        stuck_at: since when, on the loop's clock, it owes us something: the rest of a request, or to take what we
            said; None when it does not.
    """

    def __init__(self, host: Host) -> None:
        self.stuck_at: float | None = None
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._reader = RequestReader()
        self._task: asyncio.Task[None] | None = None
        self._is_ended = self._is_blocked = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a client, or close where there are too many."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a stream
        self._transport = transport
        transport.set_write_buffer_limits(high=_UNREAD_ANSWERS_BYTES)
        if not self._host.admit(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the client; what is being looked up for it serves the next one."""
        self._host.dismiss(self)

    def data_received(self, data: bytes) -> None:
        """Take requests, or parts of them."""
        self._reader.feed(data)
        self._go_on()

    def eof_received(self) -> bool:
        """Answer what a client asked before it closed its side, then close ours."""
        self._is_ended = True
        self._go_on()
        return True

    def pause_writing(self) -> None:
        """Answer no more until the client takes what was said."""
        self._is_blocked = True
        self._watch()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_blocked = False
        self._go_on()

    def _go_on(self) -> None:
        """Answer what can be answered now."""
        try:
            while not (self._task or self._is_blocked or self._transport.is_closing()):
                attributes = self._reader.next()
                if attributes is None:
                    break
                self._take(read_request(attributes))
        except MalformedRequest as error:
            maillog.policy_closed(peer=self.peer, why=str(error))
            self._transport.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, no answer must leave that nobody decided
            self._fail(error)
        self._settle()

    def _take(self, request: PolicyRequest) -> None:
        action = self._host.answer(request)
        if isinstance(action, str):
            self._transport.write(encode_action(action))
        else:
            self._task = self._loop.create_task(self._await(action))

    async def _await(self, action: Awaitable[str]) -> None:
        try:
            line = encode_action(await action)
            if not self._transport.is_closing():
                self._transport.write(line)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
        self._task = None
        self._go_on()

    def _fail(self, error: Exception) -> None:
        """Close without an answer; the mail server then does what its own settings say."""
        self._host.note_fault()
        maillog.incident(where="policy", error=error)
        self._transport.close()

    def _settle(self) -> None:
        """Read on, wait, or close, as things stand."""
        if self._transport.is_closing():
            self._watch()
            return
        is_idle = not (self._task or self._is_blocked)
        if is_idle and (self._is_ended or self._host.is_draining):
            self._transport.close()
        elif is_idle:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
        self._watch()

    def _watch(self) -> None:
        """Note since when the client owes us something."""
        owes = self._transport.is_closing() or self._is_blocked or not (self._task or self._reader.is_empty)
        if not owes:
            self.stuck_at = None
        elif self.stuck_at is None:
            self.stuck_at = self._loop.time()

    @property
    def peer(self) -> str:
        """The client's address and port, for the log."""
        name = self._transport.get_extra_info("peername")
        return f"[{name[0]}]:{name[1]}" if name and ":" in name[0] else ":".join(map(str, name or ("unknown",)))

    def wind_down(self) -> None:
        """Close once what was asked is answered."""
        self._go_on()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()
