"""Handing messages over to a relay by SMTP, on connections that are kept open."""

import socket
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address

from responder.services.transports.outcome import (
    Deferred,
    Refused,
    Reply,
    Unreachable,
    check_address,
    judge,
    wire_form,
)
from responder.services.transports.smtp_session import ProtocolError, Session, Transaction

_CLOSING = 421
# About our session, not the message: it must be under TLS or logged in first (RFC 3207 section 4, RFC 4954 section 6).
_ABOUT_US = {530, 534, 535, 538}


class Security(StrEnum):
    """How a connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Login:
    """A name and password that the relay asks for."""

    user: str
    password: str = field(repr=False)


class _Lost(Deferred):
    """The connection ended before the text was sent, so nothing was taken."""


class Smtp:
    """Speaks SMTP (RFC 5321) to one relay; each delivering thread has a connection of its own while it uses it.

    Under TLS the certificate must be valid for the relay's name, on this machine too. A connection that was kept open
    and has died, or on which the relay wants no further message, is replaced once; nothing was accepted on it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security,
        login: Login | None,
        timeout_seconds: float,
        hostname: str,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Take where the relay is, and how to speak to it; `timeout_seconds` is for one whole delivery.

        Raises:
            ValueError: the login would cross a network in the clear.
        """
        if login and security is Security.NONE and not _is_loopback(host):
            raise ValueError("a login is only sent under TLS: use smtp+starttls:// or smtps://")
        self._host, self._port = host, port
        self._security = security
        self._login = login
        self._timeout_seconds = timeout_seconds
        self._hostname = hostname
        self._context = tls_context or _default_context()
        self._kept: deque[Session] = deque()

    def deliver(
        self, outbound_id: int, envelope_sender: str, recipient: str, pieces: Sequence[bytes], *, reports: bool = False
    ) -> Reply:
        """Send one message; see `Transport.deliver`."""
        del outbound_id
        check_address(envelope_sender)
        check_address(recipient)
        transaction = Transaction(envelope_sender, recipient, wire_form(pieces), sum(map(len, pieces)), reports)
        deadline = time.monotonic() + self._timeout_seconds
        if kept := self._take_kept(deadline):
            try:
                return self._transact(kept, transaction)
            except _Lost:
                pass
        return self._transact(self._connect(deadline), transaction)

    def check(self, recipient: str, /) -> Reply:
        """Connect, log in and offer `recipient` a message from the null reverse-path, then take it back.

        Many relays judge the sender only when they hear the recipient.

        Raises:
            Unreachable: no session came about.
            Refused: the relay takes no mail from the null reverse-path.
            Deferred: as above, for now.
        """
        session = self._connect(time.monotonic() + self._timeout_seconds)
        try:
            judge(session.command("MAIL FROM:<>"))
            return judge(session.command(f"RCPT TO:<{recipient}>"))
        except (OSError, ProtocolError) as error:
            raise Deferred(None, f"{self._where}: {error}") from error
        finally:
            session.quit()

    def close(self) -> None:
        """Say goodbye on every kept connection."""
        while self._kept:
            self._kept.pop().quit()

    @property
    def _where(self) -> str:
        return f"{self._host}:{self._port}"

    def _take_kept(self, deadline: float) -> Session | None:
        while self._kept:
            session = self._kept.pop()
            if session.is_alive():
                session.deadline = deadline
                return session
            session.close()
        return None

    def _transact(self, session: Session, transaction: Transaction) -> Reply:
        try:
            reply = session.transact(transaction)
        except (OSError, ProtocolError) as error:
            session.close()
            outcome = Deferred if session.text_sent else _Lost
            raise outcome(None, f"{self._where}: {error}") from error
        except Refused:  # our own finding; the connection saw nothing of it
            self._kept.append(session)
            raise
        self._keep(session, reply)
        if reply.code == _CLOSING and not session.text_sent:
            raise _Lost(reply.code, reply.text)
        if reply.code in _ABOUT_US and not session.text_sent:
            raise Unreachable(f"{self._where}: {reply}")
        return judge(reply)

    def _keep(self, session: Session, reply: Reply) -> None:
        """Keep `session` for the next message unless it ended with `reply` or does not come back to its start."""
        try:
            if reply.code != _CLOSING and (reply.accepts or session.command("RSET").accepts):
                self._kept.append(session)
                return
        except (OSError, ProtocolError):
            pass  # what `reply` said about the message stands
        session.close()

    def _connect(self, deadline: float) -> Session:
        try:
            session = Session(self._open(deadline), deadline)
        except OSError as error:
            raise Unreachable(f"{self._where}: {error}") from error
        try:
            self._introduce(session)
        except (OSError, ProtocolError) as error:
            session.close()
            raise Unreachable(f"{self._where}: {error}") from error
        except Unreachable:
            session.quit()
            raise
        return session

    def _introduce(self, session: Session) -> None:
        """Say who we are, under TLS and with the login where they are asked for."""
        self._expect(session.greet(self._hostname))
        if self._security is Security.STARTTLS:
            self._expect(session.start_tls(self._context, self._host, self._hostname))
        if self._login:
            self._expect(session.log_in(self._login.user, self._login.password))

    def _expect(self, reply: Reply) -> None:
        if not reply.accepts:
            raise Unreachable(f"{self._where}: {reply}")

    def _open(self, deadline: float) -> socket.socket:
        """Connect to the first address of the relay that answers, each with its share of the time left."""
        addresses = [entry[4][:2] for entry in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)]
        last_error: OSError = TimeoutError("timed out")
        for others, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return self._open_one((str(address[0]), int(address[1])), deadline, others)
            except OSError as error:
                last_error = error
        raise last_error

    def _open_one(self, address: tuple[str, int], deadline: float, shares: int) -> socket.socket:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        connected = socket.create_connection(address, left / shares)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._security is Security.TLS:
            return self._context.wrap_socket(connected, server_hostname=self._host)
        return connected


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _default_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
