"""A scripted SMTP client that takes nothing for granted, and a face to talk to."""

import asyncio
import concurrent.futures
import functools
import re
import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from responder.domain.envelope import Content, Envelope
from responder.domain.identity import Identity
from responder.faces.smtpd import SmtpFace, SmtpLimits

BYPASS = "bypass@example.com"
IDENTITY = Identity(
    bypass_addresses=(BYPASS,),
    own_domains=frozenset({"example.com", "example.net"}),
    other_addresses=frozenset(),
    plus_addressing=True,
    hostname="mx.example.com",
    key=b"key of the tests",
)
MESSAGE = b"From: a@example.org\r\nSubject: please\r\n\r\nOur address is static.\r\n"
_LINE = re.compile(rb"([2-5][0-9]{2})([ -])([ -~]*)\r\n")
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3} \S")
_WITHOUT_ENHANCED = {220, 250, 354}


def in_loop(test):
    """Run an async test in a loop of its own; what goes wrong unseen in the loop fails the test."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        async def scenario():
            unseen = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
            async with asyncio.timeout(60):
                await test(*args, **kwargs)
            assert not unseen

        asyncio.run(scenario())

    return run


@dataclass(frozen=True)
class Answer:
    """One reply, its form checked."""

    code: int
    lines: tuple[str, ...]

    @property
    def enhanced(self):
        found = _ENHANCED.match(self.lines[0])
        return self.lines[0].split()[0] if found else ""

    @property
    def short(self):
        """Code and enhanced code, as the contract names replies."""
        return f"{self.code} {self.enhanced}".strip()

    @property
    def text(self):
        return self.lines[0].removeprefix(self.enhanced).strip()


def parse_answers(octets):
    """Give every reply in `octets`; fails when anything in them is no well-formed reply with its enhanced code."""
    answers, lines = [], []
    while octets:
        match = _LINE.match(octets)
        assert match, octets[:200]
        octets = octets[match.end() :]
        lines.append((int(match[1]), match[3].decode("ascii")))
        if match[2] == b" ":
            answers.append(_answer(lines))
            lines = []
    assert not lines
    return answers


def _answer(lines):
    codes = {code for code, _ in lines}
    assert len(codes) == 1, lines
    answer = Answer(codes.pop(), tuple(text for _, text in lines))
    if answer.enhanced:
        assert answer.enhanced[0] == str(answer.code)[0], lines
    else:
        assert answer.code in _WITHOUT_ENHANCED, lines
    return answer


class Dialog:
    """One connection to an SMTP server."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, address, *, source=None):
        local = (source, 0) if source else None
        return cls(*await asyncio.open_connection(*address, local_addr=local, limit=1 << 20))

    async def answer(self):
        """Read one reply."""
        octets = b""
        while True:
            line = await self.reader.readline()
            if not line:
                raise EOFError(octets)
            octets += line
            if line[3:4] != b"-":
                return parse_answers(octets)[0]

    async def answers(self, count):
        return [await self.answer() for _ in range(count)]

    async def rest(self):
        """Read up to the end of the connection and give all replies that came."""
        octets = b""
        with suppress(ConnectionError):
            while piece := await self.reader.read(1 << 16):
                octets += piece
        return parse_answers(octets)

    def send(self, octets):
        self.writer.write(octets)

    async def say(self, *commands):
        """Say commands one after the other; gives the reply to the last one."""
        answer = None
        for command in commands:
            self.send((command.encode("utf-8", "surrogateescape") if isinstance(command, str) else command) + b"\r\n")
            answer = await self.answer()
        return answer

    async def greet(self, name="client.example.org"):
        """Read the greeting and say EHLO; gives the reply to EHLO."""
        await self.answer()
        return await self.say(f"EHLO {name}")

    async def begin(self, *, sender="a@example.org", recipients=(BYPASS,), parameters=""):
        """Go as far as the 354; gives that reply."""
        answer = await self.say(f"MAIL FROM:<{sender}>{parameters}", *(f"RCPT TO:<{one}>" for one in recipients))
        return await self.say("DATA") if answer.code == 250 else answer

    async def deliver(self, content=MESSAGE, **envelope):
        """Send one message; gives the reply to its final dot."""
        assert (await self.begin(**envelope)).code == 354
        self.send(content + b".\r\n")
        return await self.answer()

    async def start_tls(self):
        """Say STARTTLS and negotiate, trusting any certificate."""
        answer = await self.say("STARTTLS")
        assert answer.short == "220 2.0.0"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self.writer.start_tls(context)

    async def close(self, *, reset=False):
        """Hang up; `reset` as a host does that knows nothing of the connection any more."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@dataclass(frozen=True)
class Receipt:
    reference: str
    repeated: bool = False


@dataclass
class Store:
    """Takes messages; resolves at once unless `held`."""

    messages: list[tuple[Envelope, Content]] = field(default_factory=list)
    held: bool = False
    error: BaseException | None = None
    waiting: list[concurrent.futures.Future] = field(default_factory=list)
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    def submit(self, envelope, content):
        future = concurrent.futures.Future()
        self.taken.set()
        self.messages.append((envelope, content))
        self.waiting.append(future)
        if not self.held:
            self.settle()
        return future

    def settle(self):
        """Resolve what waits."""
        for number, future in enumerate(self.waiting, len(self.messages)):
            future.set_running_or_notify_cancel()
            if self.error:
                future.set_exception(self.error)
            else:
                future.set_result(Receipt(f"AAAAA-{number:05d}"))
        self.waiting.clear()

    @property
    def envelope(self):
        """The only message's envelope."""
        ((envelope, _),) = self.messages
        return envelope

    @property
    def kept(self):
        """What is kept of the only message."""
        ((_, content),) = self.messages
        return content.kept


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Service:
    """A running face, what it stored, and how to reach it."""

    face: SmtpFace
    store: Store
    dialogs: list[Dialog] = field(default_factory=list)

    async def connect(self, *, source=None):
        dialog = await Dialog.connect(self.face.addresses[0], source=source)
        self.dialogs.append(dialog)
        return dialog

    async def greeted(self, *, source=None):
        dialog = await self.connect(source=source)
        await dialog.greet()
        return dialog


@asynccontextmanager
async def serving(*, store=None, submit=None, relays=(), tls=None, **limits):
    """Serve on a free loopback port; `limits` are fields of SmtpLimits."""
    store = store or Store()
    face = SmtpFace(
        [socket.create_server(("127.0.0.1", 0))],
        identity=IDENTITY,
        limits=SmtpLimits(**limits),
        submit=submit or store.submit,
        trusted_relays=relays,
        tls_context=tls,
        clock=lambda: NOW,
    )
    await face.start()
    service = Service(face, store)
    try:
        yield service
    finally:
        await face.drain(0)
        for dialog in service.dialogs:
            await dialog.close()
