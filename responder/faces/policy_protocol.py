"""Postfix policy delegation on the wire: lines of `name=value`, an empty line, and a line `action=...` in return.

Requests may follow one another without waiting. What is no such request, has no end, or is larger than any mail server
sends is refused as a whole: it is no mail server that asks.
"""

MAX_REQUEST_BYTES = 16 * 1024
MAX_ATTRIBUTES = 200
_END = b"\n\n"
_KIND = ("request", "smtpd_access_policy")


class MalformedRequest(Exception):
    """What a client sent is no policy request; the message says why and repeats nothing of it."""


class RequestReader:
    """Cuts what comes in into requests."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take octets; how many at once is for the caller to bound."""
        self._buffer += data
        if b"\r" in self._buffer:
            self._buffer = self._buffer.replace(b"\r\n", b"\n")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there, not even the beginning of a request."""
        return not self._buffer

    def next(self) -> dict[str, str] | None:
        """Give the attributes of the next request, None when it has not come in whole.

        Raises:
            MalformedRequest: what is there is no request and can become none.
        """
        end = self._buffer.find(_END, 0, MAX_REQUEST_BYTES)
        if end >= 0:
            request = bytes(self._buffer[:end])
            del self._buffer[: end + len(_END)]
            return _parse(request)
        if len(self._buffer) >= MAX_REQUEST_BYTES:
            raise MalformedRequest("a request without end")
        if self._buffer.startswith(b"\n"):
            raise MalformedRequest("an empty request")
        return None


def _parse(request: bytes) -> dict[str, str]:
    lines = request.decode("utf-8", "replace").split("\n")
    if len(lines) > MAX_ATTRIBUTES:
        raise MalformedRequest("too many attributes")
    attributes: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or not name:
            raise MalformedRequest("a line without name and value")
        attributes[name] = value
    if attributes.get(_KIND[0]) != _KIND[1]:
        raise MalformedRequest("another kind of request")
    return attributes


def encode_action(action: str) -> bytes:
    """Give the answer `action` as it goes over the wire; nothing in it can end its line."""
    return f"action={' '.join(action.split())}\n\n".encode("ascii", "replace")
