"""An SMTP client that sends many messages at once and keeps what it was told about each.

Run by itself (`python -m bench.load --port P ...`) it makes its own pleas, each from a new sender, and prints one
JSON line, in which `started_at` is on the clock that all processes share; the measurements start it so, as a process of
its own.
"""

import argparse
import asyncio
import json
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Plea:
    """One message to be sent, and what became of it.

    Attributes:
        sender: its reverse-path.
        content: the message with CRLF line ends, dots not yet stuffed.
        reply: the line that answered the final dot, empty while there is none.
        seconds: from MAIL to that line.
    """

    sender: str
    content: bytes
    reply: str = ""
    seconds: float = 0.0
    started_at: float = field(default=0.0, repr=False)


def make_plea(number: int, run: str, size: int = 2000, to: str = "bypass@example.com") -> Plea:
    """Give a plea of about `size` octets from a sender that nobody else has; it quotes a refusal of our own."""
    domain = "sender.example"
    sender = f"u{number}.{run}@{domain}"
    address = f"203.0.{number // 250 % 250}.{number % 250 + 1}"
    head = (
        f"Received: from mail.{domain} (mail.{domain} [{address}])\r\n"
        f"\tby mx.{domain} (Postfix) with ESMTP id {number:010X}; Tue, 03 Mar 2026 10:11:12 +0000\r\n"
        f"From: Postmaster <{sender}>\r\nTo: {to}\r\n"
        f"Subject: our mail is refused ({number})\r\nMessage-ID: <{run}.{number}@{domain}>\r\n"
        "Date: Tue, 03 Mar 2026 10:11:12 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        "Hello, our server has had the same address for years. This came back:\r\n\r\n"
        f"> <user@example.com>: host mx.example.com[192.0.2.1] said: 550 5.7.1 Your IP\r\n"
        f"> address {address} appears to be dynamically assigned. Please smarthost\r\n"
        "> your mail through your ISP's mail server. (in reply to RCPT TO command)\r\n\r\n"
    )
    line = "It is a small office with one server, and nobody here changed anything.\r\n"
    return Plea(sender, (head + line * max(0, (size - len(head)) // len(line))).encode())


class Session(asyncio.Protocol):
    """One connection: takes pleas from the queue until it is empty or the server is gone."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = b""
        self.expect: deque[str] = deque(["220"])
        self.current: Plea | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\n")) >= 0:
            line, self.buffer = self.buffer[: end + 1], self.buffer[end + 1 :]
            if line[3:4] != b"-":
                self.answered(line.decode("utf-8", "replace").strip())

    def answered(self, line: str) -> None:
        step = self.expect.popleft() if self.expect else "?"
        if step == "220":
            self.write("EHLO mail.sender.example", "ehlo")
        elif step == "ehlo":
            self.next_plea()
        elif step == "354":
            self.content(line)
        elif step == "dot" and self.current:
            self.current.reply = line
            self.current.seconds = time.perf_counter() - self.current.started_at
            self.load.finished.append(self.current)
            self.current = None
            if self.load.keep:
                self.next_plea()
            else:
                self.quit()

    def write(self, command: str, *steps: str) -> None:
        self.expect.extend(steps)
        self.transport.write(command.encode("ascii") + b"\r\n")

    def next_plea(self) -> None:
        if not self.load.waiting:
            self.quit()
            return
        self.current = self.load.waiting.popleft()
        self.current.started_at = time.perf_counter()
        commands = f"MAIL FROM:<{self.current.sender}>\r\nRCPT TO:<{self.load.to}>\r\nDATA"
        self.write(commands, "mail", "rcpt", "354")

    def content(self, line: str) -> None:
        assert self.current
        if not line.startswith("354"):
            self.current.reply = line
            self.load.finished.append(self.current)
            self.current = None
            self.quit()
            return
        stuffed = self.current.content.replace(b"\r\n.", b"\r\n..")
        self.expect.append("dot")
        self.transport.write(stuffed + b".\r\n")

    def quit(self) -> None:
        self.write("QUIT", "quit")
        self.transport.close()


class Load:
    """Sends `pleas` to the service at `port` through `sessions` connections."""

    def __init__(self, port: int, to: str, pleas: Iterable[Plea], sessions: int = 10, *, keep: bool = True) -> None:
        self.port, self.to, self.sessions, self.keep = port, to, sessions, keep
        self.waiting = deque(pleas)
        self.finished: list[Plea] = []

    async def run(self) -> None:
        """Send until all are answered or the server cannot be reached; an unanswered plea goes back to `waiting`."""
        await asyncio.gather(*(self._one() for _ in range(self.sessions)))

    async def _one(self) -> None:
        while self.waiting:
            try:
                _, session = await asyncio.get_running_loop().create_connection(
                    lambda: Session(self), "127.0.0.1", self.port
                )
            except OSError:
                return
            await session.done
            if session.current:
                self.waiting.appendleft(session.current)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", default="bypass@example.com")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--run", default="r")
    arguments = parser.parse_args()
    pleas = [make_plea(number, arguments.run, arguments.size, arguments.to) for number in range(arguments.count)]
    load = Load(arguments.port, arguments.to, pleas, arguments.sessions)
    started_at = time.monotonic()
    asyncio.run(load.run())
    seconds = time.monotonic() - started_at
    times = sorted(plea.seconds for plea in load.finished if plea.reply.startswith("250"))
    refused = [plea.reply for plea in load.finished if not plea.reply.startswith("250")]
    print(
        json.dumps(
            {
                "taken": len(times),
                "started_at": started_at,
                "seconds": seconds,
                "p50_ms": times[len(times) // 2] * 1000 if times else None,
                "p99_ms": times[len(times) * 99 // 100] * 1000 if times else None,
                "refused": refused[:3],
            }
        )
    )


if __name__ == "__main__":
    main()
