"""What a client has sent and the session has not read yet."""

import asyncio

# Longer than the 512 octets of RFC 5321 section 4.5.3.1.4 by room for the parameters of MAIL and for XFORWARD.
COMMAND_OCTETS = 1024
_ENOUGH = 64 * 1024


class LineTooLong(Exception):
    """A command line was longer than `COMMAND_OCTETS`; it is gone as a whole."""


class SmtpInput:
    """Octets on their way from the transport to the session; reading pauses while enough of them wait."""

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self.transport = transport
        self._waiting = bytearray()
        self._ended = False
        self._dropping = False
        self._paused = False
        self._more: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def feed(self, data: bytes) -> None:
        """Take `data` from the transport."""
        self._waiting += data
        if len(self._waiting) > _ENOUGH and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def end(self) -> None:
        """The client will send no more."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def more(self) -> None:
        """Wait until something new has come.

        Raises:
            EOFError: nothing will come any more.
        """
        if self._ended:
            raise EOFError
        self._more = asyncio.get_running_loop().create_future()
        await self._more
        self._more = None

    def first(self) -> bytes:
        """Give the first octet that waits, empty when there is none."""
        return bytes(self._waiting[:1])

    def line(self) -> bytes | None:
        """Take the next command line with its line end, None when none is complete.

        Raises:
            LineTooLong: it was longer than `COMMAND_OCTETS`.
        """
        end = self._waiting.find(b"\n") + 1
        if not end:
            if len(self._waiting) > COMMAND_OCTETS:
                self._dropping = True
                self.take()
            return None
        line = bytes(self._waiting[:end])
        del self._waiting[:end]
        self._resume()
        if self._dropping or end > COMMAND_OCTETS:
            self._dropping = False
            raise LineTooLong
        return line

    def take(self) -> bytes:
        """Take everything that waits."""
        data = bytes(self._waiting)
        self._waiting.clear()
        self._resume()
        return data

    def put_back(self, data: bytes) -> None:
        """Let `data`, which was taken too much, be read next."""
        self._waiting[:0] = data

    def _resume(self) -> None:
        if self._paused and len(self._waiting) <= _ENOUGH:
            self._paused = False
            self.transport.resume_reading()
