"""One SMTP connection on aiosmtpd: octets, deadlines and the hand-over of messages; the words are the dialogue's."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import datetime
from math import inf
from typing import Protocol

from aiosmtpd.smtp import SMTP, TLSSetupException

from responder import maillog
from responder.domain.identity import Identity
from responder.faces import smtp_replies as say
from responder.faces.smtp_content import ContentReader
from responder.faces.smtp_dialogue import Dialogue
from responder.faces.smtp_handover import HandOver
from responder.faces.smtp_input import LineTooLong, SmtpInput
from responder.faces.smtp_limits import SmtpLimits
from responder.faces.smtp_replies import Reply, Step
from responder.faces.smtp_transaction import Peer

_UNREAD_REPLIES = 4096
_RECEIVED_FIELDS = 100
_LONGEST_TIMER = 3600.0


class Host(Protocol):
    """What all connections of one face share."""

    identity: Identity
    limits: SmtpLimits
    tls_context: ssl.SSLContext | None
    clock: Callable[[], datetime]
    handover: HandOver
    is_draining: bool

    def admit(self, connection: "SmtpConnection", transport: asyncio.BaseTransport) -> Peer | Reply:
        """Count a connection and name its peer; a reply says why it is not let in."""

    def dismiss(self, connection: "SmtpConnection") -> None:
        """Count a connection off."""


class SmtpConnection(SMTP):
    """One client. Of aiosmtpd it uses the protocol class, its session and its STARTTLS.

    Every wait has a deadline, kept by one timer, and a deadline ends in `abort`, which needs nothing of the client.
    """

    transport: asyncio.Transport | None

    def __init__(self, host: Host) -> None:
        super().__init__(
            None,
            hostname=host.identity.hostname,
            tls_context=host.tls_context,
            loop=asyncio.get_running_loop(),
        )
        self._host = host
        self._dialogue: Dialogue
        self._input: SmtpInput
        self._command = b""
        self._replies: list[bytes] = []
        self._deadline = self._session_ends = inf
        self._answer: asyncio.Future[Reply] | None = None
        self._waits_for_command = False

    def __dir__(self) -> list[str]:
        """Name nothing: aiosmtpd searches every new connection for hooks and commands, and ours need no search."""
        return []

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet a new client, or go on with one whose TLS handshake is done."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - it is a stream
        if self._original_transport is None:
            peer = self._host.admit(self, transport)
            if isinstance(peer, Reply):
                transport.write(peer.encode())
                transport.close()
                return
            self._begin(peer)
        else:
            self._dialogue.restart_in_tls()
        transport.set_write_buffer_limits(high=_UNREAD_REPLIES)
        self._input = SmtpInput(transport)
        super().connection_made(transport)

    def _begin(self, peer: Peer) -> None:
        limits = self._host.limits
        offers_tls = self._host.tls_context is not None
        self._dialogue = Dialogue(self._host.identity, limits, peer, offers_tls=offers_tls)
        if limits.session_timeout_seconds:
            self._session_ends = self.loop.time() + limits.session_timeout_seconds

    def data_received(self, data: bytes) -> None:
        """Take octets from the client."""
        if self.session is not None:
            self._input.feed(data)

    def eof_received(self) -> bool:
        """Answer what a client sent before it closed its side, where the transport allows that."""
        if self.session is None or self.session.ssl is not None:
            return False
        self._input.end()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """End the session; a message that was handed over is stored all the same."""
        if self.session is not None:
            super().connection_lost(error)
            self._host.dismiss(self)

    # Deadlines.

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Set the first deadline; aiosmtpd calls this at the start and after STARTTLS."""
        self._watch(duration or self._host.limits.command_timeout_seconds)

    def _watch(self, seconds: float) -> None:
        """Let the connection last `seconds` (0 is no limit) and no longer than the session may."""
        session_ends = inf if self._answer is not None else self._session_ends
        self._deadline = min(self.loop.time() + seconds if seconds else inf, session_ends)
        if self._timeout_handle is None or self._timeout_handle.when() > self._deadline:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        at = min(self._deadline, self.loop.time() + _LONGEST_TIMER)
        self._timeout_handle = self.loop.call_at(at, self._look_at_clock)

    def _look_at_clock(self) -> None:
        if self.loop.time() < self._deadline:
            self._set_timer()
        elif self._answer is None:
            self._expire()
        else:
            if not self._answer.done():
                self._answer.set_result(say.NOT_IN_TIME)
            self._deadline = inf
            self._set_timer()

    def _expire(self) -> None:
        """Cut the connection, with a word to a client that has read everything so far."""
        if self.transport is None:
            return
        if not self._is_negotiating and not self.transport.get_write_buffer_size():
            self._say(say.TIME_IS_UP)
            self.transport.write(b"".join(self._replies))
        self.transport.abort()

    @property
    def _is_negotiating(self) -> bool:
        return self._original_transport is not None and (self.session is None or self.session.ssl is None)

    def wind_down(self) -> None:
        """End a session that waits for a command; others end after what they do now."""
        if self._waits_for_command:
            self._say(say.SHUTTING_DOWN)
            self._leave()

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            self.transport.abort()

    def _leave(self) -> None:
        """Send what is still to be said and close; the timer goes on for a client that does not take it."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"".join(self._replies))
            self._replies.clear()
            self.transport.close()

    # Replies.

    def _say(self, reply: Reply) -> None:
        """Let `reply` leave with the next flush; everything that is said goes through here."""
        self._replies.append(reply.encode())
        if reply.is_refusal and not reply.is_our_fault:  # our faults have lines of their own
            maillog.refused(
                client=self._dialogue.peer.address,
                helo_name=self._dialogue.helo_name,
                command=_shown(self._command),
                reply=f"{reply.code} {reply.enhanced} {reply.text}",
            )

    async def push(self, status: str | bytes) -> None:
        """Say in our words what aiosmtpd says by itself: the reply to STARTTLS, and nothing else that is known."""
        text = status if isinstance(status, str) else status.decode("ascii", "replace")
        self._say(say.READY_FOR_TLS if text.startswith("220") else say.NOT_NOW)
        await self._flush()

    async def _flush(self) -> None:
        if self._replies:
            self._writer.write(b"".join(self._replies))
            self._replies.clear()
            await self._writer.drain()

    # The session.

    async def _handle_client(self) -> None:
        try:
            self._say(self._dialogue.greeting())
            while await self._exchange() is not Step.CLOSE:
                pass
        except (EOFError, ConnectionError, TLSSetupException):
            self._command = b""
        finally:
            self._leave()
        if self._is_negotiating:
            self.abort()
            self.connection_lost(None)  # nobody else tells of a connection that is lost during the handshake

    async def _exchange(self) -> Step:
        """Read one command and do what it asks for."""
        try:
            reply = await self._next_reply()
            if reply.step is Step.START_TLS:
                await self._start_tls()
                return Step.GO_ON
            if reply.step is Step.TAKE_CONTENT:
                reply = await self._take_message()
        except (EOFError, ConnectionError, TLSSetupException):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the client hears of a passing fault
            reply = say.fault(maillog.incident(where="smtp session", error=error)).closing()
        self._say(reply)
        return reply.step

    async def _next_reply(self) -> Reply:
        self._command = b""
        self._watch(self._host.limits.command_timeout_seconds)
        try:
            while (line := self._input.line()) is None:
                if self._dialogue.is_foreign(self._input.first()):
                    return say.NO_SMTP_CLIENT
                if self._host.is_draining:
                    return say.SHUTTING_DOWN
                await self._wait_for_command()
        except LineTooLong:
            return self._dialogue.refuse(say.LINE_TOO_LONG)
        self._command = line
        return self._dialogue.obey(line)

    async def _wait_for_command(self) -> None:
        await self._flush()
        self._waits_for_command = True
        try:
            await self._input.more()
        finally:
            self._waits_for_command = False

    async def _start_tls(self) -> None:
        """Negotiate TLS; octets that came in the clear behind STARTTLS end the session (RFC 3207 section 4.2)."""
        if len(self._input):
            self.abort()
            raise ConnectionAbortedError
        await self.smtp_STARTTLS("")
        if self._is_negotiating:
            raise ConnectionAbortedError

    async def _take_message(self) -> Reply:
        """Read a message and have it stored; gives the reply to its final dot."""
        if len(self._input):
            return self._dialogue.close_message(say.TALKED_TOO_EARLY)
        self._say(say.SEND_CONTENT)
        self._watch(self._host.limits.message_timeout_seconds)
        await self._flush()
        reader = ContentReader(self._host.limits.keep_bytes)
        while (rest := reader.feed(self._input.take())) is None:
            await self._input.more()
        self._input.put_back(rest)
        return self._dialogue.close_message(self._refused(reader) or await self._store(reader))

    def _refused(self, reader: ContentReader) -> Reply | None:
        """Judge what can be told without reading the message; our own relays have accepted it already."""
        if self._dialogue.is_trusted:
            return None
        if self._is_too_large(reader):
            return say.TOO_LARGE
        return say.TOO_MANY_HOPS if reader.count_fields(b"received") > _RECEIVED_FIELDS else None

    def _is_too_large(self, reader: ContentReader) -> bool:
        return 0 < self._host.limits.max_message_bytes < reader.size

    async def _store(self, reader: ContentReader) -> Reply:
        envelope = self._dialogue.envelope(self._host.clock())
        content = reader.content(is_too_large=self._is_too_large(reader))
        self._answer = self._host.handover.begin(envelope, content)
        self._watch(self._host.limits.message_timeout_seconds)
        try:
            reply = await self._answer
        finally:
            self._answer = None
        if reply is say.NOT_IN_TIME:
            maillog.not_recorded(
                reverse_path=envelope.reverse_path,
                client=envelope.client,
                why="it takes too long and may be stored yet",
            )
        return reply


def _shown(command: bytes) -> str:
    """Give a command line as the log may hold it: without what may be a password."""
    text = command.decode("utf-8", "backslashreplace").strip()
    return "AUTH" if text[:4].upper() == "AUTH" else text
