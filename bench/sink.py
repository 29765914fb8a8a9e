"""A relay that takes everything at once and counts it, cheap enough not to be what is measured.

Run by itself it prints its port, then after each second in which something came the number taken so far, and, when
standard input is closed, ends.
"""

import asyncio
import sys
import time


class Sink(asyncio.Protocol):
    """One connection; `counter` is shared."""

    def __init__(self, counter: "Counter") -> None:
        self.counter = counter
        self.buffer = b""
        self.in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        replies: list[bytes] = []
        while True:
            if self.in_data:
                end = self.buffer.rfind(b"\r\n.\r\n")  # no other content can follow before our 354
                if end < 0:
                    self.buffer = self.buffer[-4:]
                    break
                self.buffer = self.buffer[end + 5 :]
                self.in_data = False
                self.counter.took()
                replies.append(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found:
                break
            self.buffer = rest
            replies.append(self.reply(line[:4].upper()))
        if replies:
            self.transport.write(b"".join(replies))

    def reply(self, verb: bytes) -> bytes:
        if verb == b"DATA":
            self.in_data = True
            return b"354 go on\r\n"
        if verb == b"EHLO":
            return b"250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"


class Counter:
    """How many messages came, and when the last one did."""

    def __init__(self) -> None:
        self.count = 0
        self.last_at = 0.0

    def took(self) -> None:
        self.count += 1
        self.last_at = time.monotonic()


async def main() -> None:
    counter = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(counter), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = loop.run_in_executor(None, sys.stdin.read)
    told = 0
    while not ended.done():
        if counter.count != told:
            told = counter.count
            print(told, counter.last_at, flush=True)
        await asyncio.wait([ended], timeout=0.05)


if __name__ == "__main__":
    asyncio.run(main())
