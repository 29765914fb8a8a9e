"""The kinds of value that settings hold: each reads what a person wrote and says what to write instead."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import getaddresses
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field

from responder.domain.address import AddressError, parse_ip, parse_mailbox, parse_network

_LIST_CODES = IPv4Network("127.0.0.0/8")
_PORTS = 65_536
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_HOST_CHARACTERS = 253
# What a signed 32-bit number holds; databases and the operating system's calls take all of it.
_LARGEST_NUMBER = 2**31 - 1
_DAYS_OF_TEN_YEARS = 3653


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address to listen on.

    Attributes:
        host: an IP address or a host name.
        port: 0 takes any free port.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _text(read: Callable[[str], Any]) -> BeforeValidator:
    """Give a validator that applies `read` to text and leaves other values to the type behind it."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic collects ValueError alone
    return value


def _endpoint(text: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) >= _PORTS:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:2525 or [::1]:2525")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address stands in brackets, such as [::1]:2525")
    return Endpoint(_host(host), int(port))


def _is_host(text: str) -> bool:
    try:
        parse_ip(text)
    except AddressError:
        return len(text) <= _HOST_CHARACTERS and bool(_HOST.fullmatch(text))
    return True


def _host(text: str) -> str:
    if not _is_host(text):
        raise ValueError("names no host; write an IP address (0.0.0.0 or [::] for all) or a host name")
    return text


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return parse_network(text)
    except AddressError as error:
        raise ValueError(f"is no network such as 192.0.2.0/24 or 2001:db8::/32: {error}") from None


def _mailbox(text: str) -> str:
    try:
        return parse_mailbox(text)
    except AddressError as error:
        raise ValueError(f"is no mail address such as postmaster@example.com: {error}") from None


def _from_mailbox(text: str) -> str:
    mailboxes = getaddresses([_one_line(text)])
    if len(mailboxes) != 1:
        raise ValueError('must be one mailbox, such as "Mail delivery help <bypass@example.com>"')
    _mailbox(mailboxes[0][1])
    return text


def _domain(text: str) -> str:
    if not _HOST.fullmatch(text) or len(text) > _HOST_CHARACTERS:
        raise ValueError("is no domain such as example.com")
    return text.lower().rstrip(".")


def _list_code(text: str) -> str:
    try:
        is_code = parse_ip(text) in _LIST_CODES
    except AddressError:
        is_code = False
    if not is_code:
        raise ValueError("is no answer of a blocklist such as 127.0.0.10; they lie in 127.0.0.0/8 (RFC 5782)")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


def _split_url(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("is no URL that can be read; check the host and the port") from None
    if port == 0:
        raise ValueError("has port 0, on which nothing can listen; write another or none")
    return url


def _web_url(text: str) -> str:
    url = _split_url(text)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("must begin with https:// or http:// and name a host")
    return text


def _database_url(text: str) -> str:
    scheme = _split_url(text).scheme
    if scheme in {"postgres", "postgresql"}:
        raise ValueError("must begin with postgresql+psycopg://")
    if scheme not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("must begin with sqlite:/// or postgresql+psycopg://, or be empty for a file in data_dir")
    if scheme == "sqlite" and text.partition("?")[0].removeprefix("sqlite:///") in {"", ":memory:", "sqlite://"}:
        raise ValueError("must name a file, such as sqlite:///responder.db")
    return text


def _relay_url(text: str) -> str:
    url = _split_url(text)
    if url.scheme == "maildir":
        return _relay_path(text, url, "maildir:outgoing")
    if url.scheme == "sendmail":
        return _relay_path(text, url, "sendmail:/usr/sbin/sendmail", start="/")
    if url.scheme not in {"smtp", "smtp+starttls", "smtps"}:
        raise ValueError("must begin with smtp://, smtp+starttls://, smtps://, sendmail: or maildir:")
    if not url.hostname or not _is_host(url.hostname) or url.path not in {"", "/"} or url.query or url.fragment:
        raise ValueError(f"must name one relay, such as {url.scheme}://mail.example.com:25")
    if url.password is not None:
        raise ValueError("must not hold a password; write it to a file and name that in relay.password_file")
    return text


def _relay_path(text: str, url: SplitResult, example: str, *, start: str = "") -> str:
    if url.netloc or not url.path or not url.path.startswith(start) or url.query or url.fragment:
        raise ValueError(f"must be a scheme and a path, such as {example}")
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    return text


def _matching(pattern: str, complaint: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def read(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(complaint)
        return text

    return read


def _or_empty(read: Callable[[str], Any]) -> BeforeValidator:
    return _text(lambda text: read(text) if text else text)


Limit = Annotated[int, BeforeValidator(_no_boolean), Field(ge=0, le=_LARGEST_NUMBER)]
"""A number that limits something; 0 turns the limit off."""

Hours = Annotated[Limit, Field(le=24 * _DAYS_OF_TEN_YEARS)]
"""A limit in hours; with the time it must still be a date."""

Days = Annotated[Limit, Field(le=_DAYS_OF_TEN_YEARS)]
"""A limit in days."""

Count = Annotated[int, BeforeValidator(_no_boolean), Field(ge=1, le=_LARGEST_NUMBER)]
"""A number of which at least one is needed."""

Pause = Annotated[Count, Field(le=86_400 * _DAYS_OF_TEN_YEARS)]
"""Whole seconds between two attempts."""

Seconds = Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=86_400)]
"""A duration that must end."""

Line = Annotated[str, _text(_one_line)]
Listen = Annotated[Endpoint, _text(_endpoint)]
Network = Annotated[IPv4Network | IPv6Network, _text(_network)]
Mailbox = Annotated[str, _text(_mailbox)]
OptionalMailbox = Annotated[str, _or_empty(_mailbox)]
FromMailbox = Annotated[str, _text(_from_mailbox)]
Domain = Annotated[str, _text(_domain)]
ListCode = Annotated[str, _text(_list_code)]
OptionalHost = Annotated[str, _or_empty(_domain)]
NamePattern = Annotated[str, _text(_pattern)]
OptionalWebUrl = Annotated[str, _or_empty(_web_url)]
OptionalDatabaseUrl = Annotated[str, _or_empty(_database_url)]
RelayUrl = Annotated[str, _text(_relay_url)]
Key = Annotated[str, _text(_matching(r"[a-z0-9][a-z0-9.-]{0,63}", "must be a name of a-z, 0-9, dots and hyphens"))]
"""The name of a template or guide."""

Locale = Annotated[str, _text(_matching(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}", "must be a language such as en or pt-br"))]
DailyTime = Annotated[str, _text(_matching(r"(([01]\d|2[0-3]):[0-5]\d)?", "must be a time such as 08:00, or empty"))]
FieldName = Annotated[str, _text(_matching(r"[A-Za-z0-9-]{0,64}", "must be a header field such as X-Forwarded-User"))]
