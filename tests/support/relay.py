"""A relay that speaks SMTP over real sockets by a script, and remembers every octet that it got."""

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

OFFERS = ("PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES")

# What a script may do instead of a reply.
CLOSE = "close"
RESET = "reset"
SILENCE = "silence"
GARBAGE = "garbage"
DRIP = "drip"
HUGE = "huge"
ENDLESS = "endless"
ENDLESS_LINE = "endless line"

_THEN_CLOSE = "; then close"


def then_close(reply: str) -> str:
    """Give the action that says `reply` and closes the connection."""
    return reply + _THEN_CLOSE


_DEFAULTS = {
    "connect": "220 relay.example ESMTP",
    "HELO": "250 relay.example",
    "STARTTLS": "220 2.0.0 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 sender ok",
    "RCPT": "250 2.1.5 recipient ok",
    "DATA": "354 go ahead",
    "dot": "250 2.0.0 queued",
    "RSET": "250 2.0.0 reset",
    "QUIT": "221 2.0.0 bye",
}
_END = re.compile(rb"(?:^|\r\n)\.\r\n")


class _Gone(Exception):
    """The conversation is over."""


@dataclass(frozen=True)
class Taken:
    """One message that the relay took responsibility for."""

    mail: str
    rcpt: str
    raw: bytes
    tls: bool
    login: str | None

    @property
    def content(self) -> bytes:
        """The message with dot-stuffing undone."""
        text = self.raw.replace(b"\r\n..", b"\r\n.")
        return text[1:] if text.startswith(b"..") else text


class Relay:
    """Listens on a free loopback port while it is entered as a context.

    `script` maps `connect`, a command verb or `dot` to a reply, to one of the actions above, or to a list of these
    that is used up one by one; what it does not name goes well. Messages taken stand in `taken`.
    """

    def __init__(
        self,
        script: Mapping[str, str | list[str]] | None = None,
        *,
        offers: Iterable[str] = OFFERS,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
    ) -> None:
        self.script = {step: list(does) if isinstance(does, list) else does for step, does in (script or {}).items()}
        self.offers = tuple(offers)
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.taken: list[Taken] = []
        self.commands: list[str] = []
        self.connections = 0
        self.before_dot: Callable[[], None] = lambda: None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        _shut(self._listener)
        self._thread.join()
        self._listener.close()
        self.drop_connections()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def drop_connections(self) -> None:
        """Close every connection, as a relay that restarts does."""
        with self._changed:
            sockets = list(self._sockets)
        for connection in sockets:
            _shut(connection)
        with self._changed:
            assert self._changed.wait_for(lambda: not self._sockets or self._stopping.is_set(), 10)

    def wait_until(self, look: Callable[[], bool], seconds: float) -> bool:
        """Look again with every message that comes until `look` gives true; False when it does not in time."""
        with self._changed:
            return self._changed.wait_for(look, seconds)

    def wait_for(self, count: int) -> list[Taken]:
        """Wait until `count` messages were taken, and give all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= count, 30), f"{len(self.taken)} of {count} came"
            return list(self.taken)

    def wait_for_connections(self, count: int) -> None:
        """Wait until `count` connections were made in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.connections >= count, 30)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self._sockets.add(connection)
                self._changed.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        conversation = _Conversation(self, connection)
        try:
            conversation.hold()
        except (_Gone, OSError):
            pass
        finally:
            with self._changed:
                self._sockets.discard(conversation.socket)
                self._changed.notify_all()

    def _exchange(self, old: socket.socket, new: socket.socket) -> None:
        with self._changed:
            self._sockets.discard(old)
            self._sockets.add(new)

    def _take(self, taken: Taken) -> None:
        with self._changed:
            self.taken.append(taken)
            self._changed.notify_all()

    def _next_action(self, step: str, default: str) -> str:
        with self._changed:
            does = self.script.get(step, default)
            if isinstance(does, list):
                return does.pop(0) if does else default
            return does


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@dataclass
class _Conversation:
    relay: Relay
    socket: socket.socket
    unread: bytes = b""
    tls: bool = False
    login: str | None = None
    mail: str = ""
    rcpt: list[str] = field(default_factory=list)

    def hold(self) -> None:
        try:
            if self.relay.implicit_tls:
                self.start_tls()
            self.act("connect")
            while True:
                self.obey(self.read_line())
        finally:
            self.socket.close()

    def obey(self, line: str) -> None:
        self.relay.commands.append(line)
        verb = line.partition(" ")[0].upper()
        match verb:
            case "EHLO":
                self.act("EHLO", self.greeting())
            case "STARTTLS":
                self.act("STARTTLS")
                self.start_tls()
            case "AUTH":
                self.authenticate(line)
            case "MAIL":
                self.mail = line if self.act("MAIL") else ""
                self.rcpt = []
            case "RCPT":
                if self.act("RCPT", None if self.mail else "503 5.5.1 MAIL first"):
                    self.rcpt.append(line)
            case "DATA":
                self.take_text()
            case "QUIT":
                self.act("QUIT")
                raise _Gone
            case _:
                self.act(verb)

    def greeting(self) -> str:
        offers = [offer for offer in self.relay.offers if not (self.tls and offer == "STARTTLS")]
        lines = ["relay.example", *offers]
        return "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)

    def authenticate(self, line: str) -> None:
        words = [line]
        if line.upper() == "AUTH LOGIN":
            for challenge in ("334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"):
                self.send(challenge)
                words.append(self.read_line())
        if self.act("AUTH"):
            self.login = " ".join(words)

    def take_text(self) -> None:
        if "DATA" not in self.relay.script and not self.rcpt:
            self.send("554 5.5.1 no valid recipients")
            return
        if not self.act("DATA", waits=True):
            return
        raw = self.read_text()
        self.relay.before_dot()
        taken = Taken(self.mail, " ".join(self.rcpt), raw, self.tls, self.login)
        action = self.relay._next_action("dot", _DEFAULTS["dot"])
        if action.startswith("2"):
            self.relay._take(taken)
        self.perform(action)

    def act(self, step: str, default: str | None = None, *, waits: bool = False) -> bool:
        """Do what the script says at `step`; tell whether the reply accepts."""
        action = self.relay._next_action(step, default or _DEFAULTS.get(step, "502 5.5.1 what?"))
        self.perform(action)
        return action.startswith("3" if waits else "2")

    def perform(self, action: str) -> None:
        faults = {
            CLOSE: self.close,
            RESET: self.reset,
            SILENCE: self.wait_until_gone,
            GARBAGE: lambda: self.socket.sendall(b"\x16\x03\x01 HTTP/1.1 400 Bad Request\r\n\0\xff\r\n"),
            DRIP: lambda: self.send_on(b"2", pause=0.005),
            HUGE: lambda: self.socket.sendall(b"250 " + b"x" * 2**20 + b"\r\n"),
            ENDLESS: lambda: self.send_on(b"250-more\r\n" * 100),
            ENDLESS_LINE: lambda: self.send_on(b"250 " + b"more " * 100),
        }
        if action in faults:
            faults[action]()
            return
        self.send(action.removesuffix(_THEN_CLOSE))
        if action.endswith(_THEN_CLOSE):
            self.close()

    def close(self) -> None:
        raise _Gone

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise _Gone

    def send_on(self, octets: bytes, pause: float = 0.0) -> None:
        while not self.relay._stopping.wait(pause):
            self.socket.sendall(octets)

    def wait_until_gone(self) -> None:
        while self.socket.recv(4096):
            pass
        raise _Gone

    def start_tls(self) -> None:
        assert self.relay.tls is not None
        plain = self.socket
        self.socket = self.relay.tls.wrap_socket(plain, server_side=True)
        self.relay._exchange(plain, self.socket)
        self.tls = True

    def send(self, line: str) -> None:
        self.socket.sendall(line.encode() + b"\r\n")

    def read_line(self) -> str:
        while b"\n" not in self.unread:
            self.receive()
        line, _, self.unread = self.unread.partition(b"\n")
        return line.removesuffix(b"\r").decode("utf-8", "replace")

    def read_text(self) -> bytes:
        """Read up to the lone dot; give what stands before it, with the line end."""
        while not (end := _END.search(self.unread)):
            self.receive()
        text = self.unread[: end.end() - len(".\r\n")]
        self.unread = self.unread[end.end() :]
        return text

    def receive(self) -> None:
        octets = self.socket.recv(65536)
        if not octets:
            raise _Gone
        self.unread += octets
