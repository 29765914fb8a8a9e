"""The octets between DATA and the final dot: where they end, how many they are, what of them is kept."""

import hashlib

from responder.domain.envelope import Content
from responder.domain.header import find_body

_END = b"\r\n.\r\n"
_STUFFED = b"\r\n."
_LINE_END = b"\r\n"
_LONGEST_EMPTY_LINE = 3


class ContentReader:
    r"""Takes the octets of one message in pieces of any length and keeps a bounded part of them.

    Only `CR LF . CR LF` ends a message, and one dot is taken from each line that begins with one (RFC 5321 sections
    4.1.1.4 and 4.5.2). CR and LF alone are octets like any other, so that no other sequence can hide a second message
    (RFC 5321 section 2.3.8). Work is linear and memory is `keep_bytes` and one piece, whatever comes.
    """

    def __init__(self, keep_bytes: int) -> None:
        self._keep_bytes = keep_bytes
        # A dot on the first line ends the message too: DATA's own line end stands before it.
        self._held = _LINE_END
        self._before_first = len(_LINE_END)
        self._kept = bytearray()
        self._size = 0
        self._body_at: int | None = None
        self._body = hashlib.sha256()

    def feed(self, data: bytes) -> bytes | None:
        """Take `data`; give what stands behind the final dot once that has come, None before."""
        data = self._held + data
        end = data.find(_END)
        if end >= 0:
            self._take(data[: end + len(_LINE_END)])
            return data[end + len(_END) :]
        cut = len(data) - _beginning_of_end(data)
        self._held = data[cut:]
        self._take(data[:cut])
        return None

    def _take(self, data: bytes) -> None:
        if not data:
            return
        data = data.replace(_STUFFED, _LINE_END)[self._before_first :]
        self._before_first = 0
        self._size += len(data)
        room = self._keep_bytes - len(self._kept)
        self._kept += data[:room]
        if self._body_at is None:
            self._look_for_body(len(self._kept) - len(data[:room]))
            data = data[room:]
        self._body.update(data)

    def _look_for_body(self, new_at: int) -> None:
        """Hash what is kept of the body once its begin is known; past `keep_bytes` everything counts as body."""
        self._body_at = find_body(self._kept, max(0, new_at - _LONGEST_EMPTY_LINE))
        if self._body_at is not None:
            self._body.update(memoryview(self._kept)[self._body_at :])
        elif len(self._kept) >= self._keep_bytes:
            self._body_at = len(self._kept)

    @property
    def size(self) -> int:
        """Octets so far, dot-stuffing undone."""
        return self._size

    def content(self, *, is_too_large: bool = False) -> Content:
        """Give what came, once the final dot has been seen."""
        return Content(bytes(self._kept), self._size, self._body.digest(), is_too_large)

    def count_fields(self, name: bytes) -> int:
        """Count the header fields with the lower-cased `name` in the kept part."""
        header = b"\n" + self._kept[: self._body_at].lower()
        return header.count(b"\n" + name + b":")


def _beginning_of_end(data: bytes) -> int:
    """Give how many octets at the end of `data` may be the beginning of the final dot."""
    return next((length for length in range(len(_END) - 1, 0, -1) if data.endswith(_END[:length])), 0)
