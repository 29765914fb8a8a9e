"""Mail servers that ask the policy service: what they send, and how they read what it answers."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Self

from responder.domain.policy import PolicyRequest
from responder.faces.policyd import PolicyFace

SECONDS = 10
CLIENT = "203.0.113.9"


def request(**attributes: str) -> bytes:
    """Give a request as Postfix sends it, with some attributes changed."""
    told = {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "protocol_name": "ESMTP",
        "client_address": CLIENT,
        "client_name": "unknown",
        "reverse_client_name": "unknown",
        "helo_name": "mail.shop.example",
        "sender": "ann@shop.example",
        "recipient": "user@example.com",
        "recipient_count": "0",
        "queue_id": "",
        "instance": "2f1a.66b1.0",
        "size": "0",
        "sasl_username": "",
        "ccert_subject": "",
        "policy_context": "",
    } | attributes
    return "".join(f"{name}={value}\n" for name, value in told.items()).encode() + b"\n"


class Asker:
    """One mail server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Connect to the policy service on loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        """Send octets."""
        self.writer.write(data)
        await self.writer.drain()

    async def action(self) -> str:
        """Give the next answer's action."""
        async with asyncio.timeout(SECONDS):
            answer = await self.reader.readuntil(b"\n\n")
        assert answer.startswith(b"action=")
        assert answer.count(b"\n") == 2
        return answer[len(b"action=") : -2].decode("ascii")

    async def ask(self, **attributes: str) -> str:
        """Ask, and give the action."""
        await self.send(request(**attributes))
        return await self.action()

    async def rest(self) -> bytes:
        """Give all that still comes until the service closes."""
        async with asyncio.timeout(SECONDS):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
        return b""

    async def close(self) -> None:
        """Close the connection."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


class Service:
    """A running face and its port."""

    def __init__(self, face: PolicyFace) -> None:
        self.face = face
        self.askers: list[Asker] = []

    @property
    def port(self) -> int:
        """The port."""
        return self.face.addresses[0][1]

    async def asker(self) -> Asker:
        """Give a new client."""
        asker = await Asker.connect(self.port)
        self.askers.append(asker)
        return asker

    async def connections(self, count: int) -> None:
        """Wait until so many clients are connected."""
        async with asyncio.timeout(SECONDS):
            while self.face.connections != count:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)


def answer_recipient(request: PolicyRequest) -> str:
    """Answer with what was asked, so that a test sees which answer belongs to which question."""
    return f"550 5.7.1 {request.recipient}"


@asynccontextmanager
async def serving(
    answer: Callable[[PolicyRequest], str | Awaitable[str]] = answer_recipient, *, max_connections: int = 2000
) -> AsyncIterator[Service]:
    """Run a face that answers with `answer` on a free port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    service = Service(PolicyFace([listener], answer=answer, max_connections=max_connections))
    await service.face.start()
    try:
        yield service
    finally:
        for asker in service.askers:
            await asker.close()
        await service.face.drain(1)
