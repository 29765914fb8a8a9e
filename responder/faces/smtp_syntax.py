"""The grammar of SMTP commands: lines, paths, parameters and forwarded attributes, read strictly."""

import re
from dataclasses import dataclass

from responder.domain.address import AddressError, IPAddress, parse_ip, parse_path

_CONTROLS = re.compile(rb"[\x00-\x1f\x7f]")
_VERB = re.compile(r"[A-Za-z]+")
_PATH = re.compile(r'<((?:[^<>"]|"(?:[^"\\]|\\.)*")*)>(?: +(.*))?')
_DIGITS = re.compile(r"[0-9]{1,20}")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_XTEXT_OCTET = re.compile(rb"\+([0-9A-F]{2})")
_NAME_CHARACTERS = 255

FORWARDED = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
_UNAVAILABLE = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


class CommandError(ValueError):
    """A command or its argument is malformed."""


@dataclass(frozen=True, slots=True)
class Path:
    """The argument of MAIL or RCPT.

    Attributes:
        text: what stood between the angle brackets.
        parameters: keyword in upper case and value, None without one, in order.
    """

    text: str
    parameters: tuple[tuple[str, str | None], ...]

    @property
    def is_ascii(self) -> bool:
        """It can be used without SMTPUTF8."""
        return self.text.isascii()

    def mailbox(self) -> str:
        """Give the address, empty for the null path.

        Raises:
            CommandError: it is none.
        """
        try:
            return parse_path(self.text)
        except AddressError as error:
            raise CommandError from error


def read_line(line: bytes) -> tuple[str, str]:
    """Give the verb in upper case and the argument of a command line; octets that are no UTF-8 as surrogates.

    Raises:
        CommandError: it does not end with CR LF, holds another control character, or begins with no verb.
    """
    body = line[:-2]
    if line[-2:] != b"\r\n" or _CONTROLS.search(body):
        raise CommandError
    verb, _, argument = body.decode("utf-8", "surrogateescape").partition(" ")
    if not _VERB.fullmatch(verb):
        raise CommandError
    return verb.upper(), argument.strip(" ")


def read_path(keyword: str, argument: str) -> Path:
    """Read `FROM:<path> parameters` or `TO:<path> parameters`.

    Raises:
        CommandError: the keyword, the brackets or a parameter are malformed.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise CommandError
    match = _PATH.fullmatch(argument[len(keyword) :].lstrip(" "))
    if not match:
        raise CommandError
    parameters = tuple(_parameter(word) for word in (match[2] or "").split())
    return Path(match[1], parameters)


def _parameter(word: str) -> tuple[str, str | None]:
    keyword, equals, value = word.partition("=")
    return keyword.upper(), value if equals else None


def read_size(value: str | None) -> int:
    """Give the octets that a SIZE parameter declares (RFC 1870 section 3).

    Raises:
        CommandError: it is no number of 1 to 20 digits.
    """
    if value is None or not _DIGITS.fullmatch(value):
        raise CommandError
    return int(value)


def read_host_name(text: str) -> str:
    """Give what a client calls itself, made safe to store; whatever it is, since it is a claim and no more."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c for c in text[:_NAME_CHARACTERS] if c.isprintable())


def read_forwarded(argument: str) -> dict[str, str | None]:
    """Read the attributes of XFORWARD; None is one that the relay does not know.

    The names, the encoding (xtext, RFC 3461 section 4) and `[UNAVAILABLE]` are those of Postfix's XFORWARD extension.

    Raises:
        CommandError: there is none, its name is unknown or its value is no xtext.
    """
    if not argument:
        raise CommandError
    attributes: dict[str, str | None] = {}
    for word in argument.split():
        name, _, value = word.partition("=")
        if name.upper() not in FORWARDED or not _XTEXT.fullmatch(value):
            raise CommandError
        attributes[name.upper()] = None if value.upper() in _UNAVAILABLE else _from_xtext(value)
    return attributes


def _from_xtext(value: str) -> str:
    octets = _XTEXT_OCTET.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), value.encode("ascii"))
    return read_host_name(octets.decode("utf-8", "surrogateescape"))


def read_forwarded_address(value: str | None) -> IPAddress | None:
    """Give the address of ADDR, which for IPv6 may stand behind `IPV6:`; None when it is none of the internet's."""
    if value is None:
        return None
    try:
        return parse_ip(value[5:] if value[:5].upper() == "IPV6:" else value)
    except AddressError:
        return None
