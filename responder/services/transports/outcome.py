"""What handing a message over can come to, and the forms in which a relay gets its octets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from responder import maillog

_TEXT_CHARACTERS = 500
_LINE_OCTETS = 998
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DONE, _NEVER = 2, 5  # first digits of reply codes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the relay said: an SMTP reply code and the text behind it, on one line without control characters."""

    code: int
    text: str

    @property
    def accepts(self) -> bool:
        """The command was done (2yz)."""
        return self.code // 100 == _DONE

    @property
    def is_permanent(self) -> bool:
        """The same will never be accepted (5yz); the one place that says so."""
        return self.code // 100 == _NEVER

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class Deferred(Exception):
    """The relay did not take the message for now.

    Attributes:
        code: its reply code about this message, None when it gave none.
        text: why, on one line.
    """

    def __init__(self, code: int | None, text: str) -> None:
        self.code = code
        self.text = one_line(text)
        super().__init__(self.text if code is None else f"{code} {self.text}")


class Unreachable(Deferred):
    """The relay takes nothing at all now: it cannot be reached, turns us away, or does not know us."""

    def __init__(self, text: str) -> None:
        super().__init__(None, text)


class Refused(Exception):
    """The relay will never take this message.

    Attributes:
        code: the 5yz reply code.
        text: why, on one line.
    """

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = one_line(text)
        super().__init__(f"{code} {self.text}")


def one_line(text: str) -> str:
    """Give `text` without control characters and line ends, at most 500 characters."""
    return maillog.clean(" ".join(text[: 2 * _TEXT_CHARACTERS].split()))[:_TEXT_CHARACTERS]


def judge(reply: Reply) -> Reply:
    """Give `reply` back when it accepts (RFC 5321 section 4.2.1).

    Raises:
        Refused: it is permanent.
        Deferred: any other that does not accept.
    """
    if reply.accepts:
        return reply
    raise Refused(reply.code, reply.text) if reply.is_permanent else Deferred(reply.code, reply.text)


def wire_form(pieces: Iterable[bytes]) -> bytes:
    """Give a message as it goes over SMTP behind DATA: dots stuffed, ended by the lone dot (RFC 5321 section 4.5.2).

    Raises:
        Refused: one of its `pieces` is not made of clean lines.
    """
    return b"".join([*map(_stuffed, pieces), b".\r\n"])


def native_form(pieces: Iterable[bytes]) -> bytes:
    r"""Give a message with `\n` line ends, as programs and mailboxes of this system keep mail.

    Raises:
        Refused: as `wire_form`.
    """
    return b"".join([_checked(piece).replace(b"\r\n", b"\n") for piece in pieces])


def check_address(address: str) -> None:
    """Let no `address` through that could end its command and begin another.

    Raises:
        Refused: it holds a control character.
    """
    if _CONTROL.search(address):
        raise Refused(553, "5.1.3 the address holds a control character")


@lru_cache(maxsize=128)  # most of a message is the same as in the one before
def _stuffed(piece: bytes) -> bytes:
    stuffed = _checked(piece).replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


def _checked(piece: bytes) -> bytes:
    r"""Let nothing through that a relay could read as the end of the data or of a line but for `\r\n`.

    The composer already writes such lines; this is looked at again because a slip would smuggle a message.
    """
    text = piece.replace(b"\r\n", b"")
    if b"\r" in text or b"\n" in text or not piece.endswith(b"\r\n"):
        raise Refused(554, "5.6.0 the message holds a bare CR or LF")
    if b"\0" in text or _has_long_line(piece):
        raise Refused(554, "5.6.0 the message holds NUL or a line over 998 octets")
    return piece


def _has_long_line(piece: bytes) -> bool:
    """Tell whether a line is longer than allowed, going from one line end to the last one within reach."""
    at = 0
    while at < len(piece):
        at = piece.rfind(b"\n", at, at + _LINE_OCTETS + 2) + 1
        if not at:
            return True
    return False
