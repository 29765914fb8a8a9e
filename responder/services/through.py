"""Asking a mail server of one's own what it would tell another client, by the extension XCLIENT."""

import socket
import time
from collections.abc import Sequence
from ipaddress import IPv6Address

from responder.domain.address import IPAddress
from responder.services.transports.outcome import Reply
from responder.services.transports.smtp_session import ProtocolError, Session

_EXTENSION = "XCLIENT"
_SYNTAX_ERROR = 501  # such as for an IPv6 address where `inet_protocols` has IPv4 alone


class ThroughError(Exception):
    """The server could not be asked; the message says what to do about it, in one line."""


def ask_as(
    client: IPAddress, recipients: Sequence[str], *, host: str, port: int, hostname: str, timeout_seconds: float
) -> list[Reply]:
    """Give the reply to RCPT for each of `recipients`, all in one transaction from the null reverse-path.

    No message is sent.

    Args:
        client: the address that the server shall take for its client's.
        recipients: whom to name, in that order.
        host: the server.
        port: its port.
        hostname: what to call ourselves.
        timeout_seconds: for all of it.

    Raises:
        ThroughError: it cannot be reached, does not let us speak for others, or refuses before it hears of a recipient.
    """
    try:
        connected = socket.create_connection((host, port), timeout_seconds)
        session = Session(connected, time.monotonic() + timeout_seconds)
        try:
            return _ask(session, client, recipients, hostname)
        finally:
            session.quit()
    except (OSError, ProtocolError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ThroughError(f"{host}:{port} cannot be asked: {why}") from None


def _ask(session: Session, client: IPAddress, recipients: Sequence[str], hostname: str) -> list[Reply]:
    _demand(session.greet(hostname), "does not let this machine in")
    if not session.offers(_EXTENSION):
        raise ThroughError(
            "the server does not offer XCLIENT to this machine: in Postfix, name its address in"
            " smtpd_authorized_xclient_hosts and reload; other servers have no XCLIENT"
        )
    why = f"refuses {client} before it hears of a recipient, so nobody there can reach a bypass address"
    reply = session.command(_speak_for(client))
    _demand(reply, f"knows no clients like {client}" if reply.code == _SYNTAX_ERROR else why)
    _demand(session.hello(hostname), why)
    _demand(session.command("MAIL FROM:<>"), why)
    return [session.command(f"RCPT TO:<{recipient}>") for recipient in recipients]


def _speak_for(client: IPAddress) -> str:
    """Give the command by which we pass for `client`, whose name is not known (Postfix XCLIENT_README)."""
    family = "IPV6:" if isinstance(client, IPv6Address) else ""
    return f"{_EXTENSION} NAME=[UNAVAILABLE] ADDR={family}{client}"


def _demand(reply: Reply, why: str) -> None:
    if not reply.accepts:
        raise ThroughError(f"the server {why}: {reply}")
