"""Ways out: what takes our messages, one class each, chosen by the scheme of `relay.url`.

To add one: write a class with `deliver`, `check` and `close`, name its scheme in `_MAKERS`, and add it to the test
that runs against every transport.
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from responder.services.transports.maildir import Maildir
from responder.services.transports.outcome import Deferred, Refused, Reply, Unreachable
from responder.services.transports.sendmail import Sendmail
from responder.services.transports.smtp import Login, Security, Smtp

__all__ = ["Deferred", "Maildir", "Refused", "Reply", "Sendmail", "Smtp", "Transport", "Unreachable", "make_transport"]


class Transport(Protocol):
    """Something that takes messages; used by several threads at once."""

    def deliver(
        self, outbound_id: int, envelope_sender: str, recipient: str, pieces: Sequence[bytes], *, reports: bool = False
    ) -> Reply:
        r"""Hand one message over and give what the relay said when it took responsibility for it.

        Args:
            outbound_id: our number of it; the same number is the same message.
            envelope_sender: for MAIL FROM; empty is the null reverse-path.
            recipient: its one recipient.
            pieces: header and body, in pieces of whole lines that end with `\r\n`.
            reports: the envelope sender wants to hear of failures; else none are asked for where the relay can be
                told so (RFC 3834 section 3.3).

        Raises:
            Deferred: not taken for now; perhaps taken, when the connection broke after the last octet.
            Refused: never taken.
        """

    def check(self, recipient: str, /) -> Reply:
        """See that messages to such a `recipient` would be taken from the null reverse-path, without sending one.

        Raises:
            Deferred: they would not be.
            Refused: as above.
        """

    def close(self) -> None:
        """Close what is kept open; `deliver` opens it again."""


def make_transport(
    url: str,
    *,
    password: str | None,
    timeout_seconds: float,
    hostname: str,
    data_dir: Path,
    tls_context: ssl.SSLContext | None = None,
) -> Transport:
    """Give the transport that `url` names; nothing is connected yet.

    Args:
        url: `maildir:FOLDER`, `sendmail:PROGRAM`, `smtp://`, `smtp+starttls://` or `smtps://[USER@]HOST[:PORT]`.
        password: for USER; only sent under TLS or to this machine.
        timeout_seconds: for one whole delivery.
        hostname: what we call ourselves.
        data_dir: where a relative FOLDER lies.
        tls_context: verifies the relay's certificate; None is the system's trust store.

    Raises:
        ValueError: `url` makes no transport; says why in words for the operator.
    """
    parts = urlsplit(url)
    make = _MAKERS.get(parts.scheme)
    if not make:
        raise ValueError(f"{parts.scheme or url!r} is no kind of relay: it must be one of {', '.join(_MAKERS)}")
    return make(parts, _Options(password, timeout_seconds, hostname, data_dir, tls_context))


@dataclass(frozen=True, slots=True)
class _Options:
    password: str | None
    timeout_seconds: float
    hostname: str
    data_dir: Path
    tls_context: ssl.SSLContext | None


def _maildir(parts: SplitResult, options: _Options) -> Maildir:
    if not parts.path or parts.netloc:
        raise ValueError("maildir: must be followed by a folder")
    return Maildir(options.data_dir / unquote(parts.path), options.hostname)


def _sendmail(parts: SplitResult, options: _Options) -> Sendmail:
    if not parts.path.startswith("/") or parts.netloc:
        raise ValueError("sendmail: must be followed by the whole path of a program")
    return Sendmail(unquote(parts.path), options.timeout_seconds)


def _smtp(security: Security, default_port: int) -> Callable[[SplitResult, _Options], Smtp]:
    def make(parts: SplitResult, options: _Options) -> Smtp:
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"{parts.scheme}:// must be followed by [USER@]HOST[:PORT] and nothing else")
        return Smtp(
            parts.hostname,
            parts.port or default_port,
            security=security,
            login=_login(parts, options.password),
            timeout_seconds=options.timeout_seconds,
            hostname=options.hostname,
            tls_context=options.tls_context,
        )

    return make


def _login(parts: SplitResult, password: str | None) -> Login | None:
    if parts.password is not None:
        raise ValueError("the password stands in a file of its own, not in the address of the relay")
    if (parts.username is None) != (password is None):
        raise ValueError("a login needs both USER in the address of the relay and a password file")
    return Login(unquote(parts.username), password) if parts.username and password is not None else None


_MAKERS: dict[str, Callable[[SplitResult, _Options], Transport]] = {
    "maildir": _maildir,
    "smtp": _smtp(Security.NONE, 25),
    "smtp+starttls": _smtp(Security.STARTTLS, 587),
    "smtps": _smtp(Security.TLS, 465),
    "sendmail": _sendmail,
}
