"""One SMTP connection to a relay: bounded replies, one deadline over all steps, a pipelined transaction."""

import base64
import re
import select
import socket
import ssl
import time
from dataclasses import dataclass

from responder.services.transports.outcome import Refused, Reply, one_line

_REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_LINE_OCTETS = 4096
_REPLY_LINES = 100
_GOODBYE_SECONDS = 1.0
_GO_AHEAD = 354
_CHALLENGE = 334


class ProtocolError(Exception):
    """The peer does not speak SMTP, or closed the connection."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message on its way: envelope, and content as it goes over the wire.

    Attributes:
        size: octets before dots were stuffed.
        reports: the sender wants to hear of failures.
    """

    envelope_sender: str
    recipient: str
    wire: bytes
    size: int
    reports: bool


class Session:
    """A connection to a relay on which transactions follow one another.

    Every step raises OSError when the connection breaks or the deadline passes, and ProtocolError when the peer talks
    nonsense; the session is then of no more use.

    Attributes:
        deadline: when all must be done, on the monotonic clock; set anew for each delivery.
        text_sent: the last transaction came as far as its text, so the relay may have taken the message.
    """

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        """Take a `connected` socket (under TLS already for implicit TLS)."""
        self.deadline = deadline
        self.text_sent = False
        self._socket = connected
        self._unread = b""
        self._offers: dict[str, str] = {}

    def greet(self, hostname: str) -> Reply:
        """Read the greeting and say EHLO, or HELO where EHLO is refused; give the reply that decides."""
        greeting, _ = self._read()
        return self.hello(hostname) if greeting.accepts else greeting

    def hello(self, hostname: str) -> Reply:
        """Say EHLO, or HELO where EHLO is refused, and learn what this connection offers."""
        self._send(f"EHLO {hostname}")
        reply, lines = self._read()
        if reply.is_permanent:
            self._offers = {}
            return self.command(f"HELO {hostname}")
        self._offers = {word.upper(): rest for word, _, rest in (line.partition(" ") for line in lines[1:])}
        return reply

    def offers(self, extension: str) -> bool:
        """Tell whether the last EHLO of this connection offered `extension`."""
        return extension in self._offers

    def start_tls(self, context: ssl.SSLContext, server_name: str, hostname: str) -> Reply:
        """Put the connection under TLS and say EHLO again (RFC 3207); give the reply that decides."""
        reply = self.command("STARTTLS")
        if not reply.accepts:
            return reply
        if self._unread:  # what was said in the clear must not count as said under TLS (CVE-2011-0411)
            raise ProtocolError("more than one reply to STARTTLS")
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket, server_hostname=server_name)
        return self.hello(hostname)

    def log_in(self, user: str, password: str) -> Reply:
        """Authenticate with PLAIN, else LOGIN (RFC 4954); give the reply that decides."""
        methods = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in methods:
            return self.command("AUTH PLAIN " + _base64(f"\0{user}\0{password}"))
        if "LOGIN" not in methods:
            return Reply(504, "5.5.4 the relay offers neither AUTH PLAIN nor AUTH LOGIN")
        reply = self.command("AUTH LOGIN")
        for answer in (user, password):
            if reply.code == _CHALLENGE:
                reply = self.command(_base64(answer))
        return reply

    def transact(self, transaction: Transaction) -> Reply:
        """Send one message and give the reply that decides: the first that does not accept, else that to the dot.

        Raises:
            Refused: this relay has not what the message needs, seen before anything was sent.
        """
        self.text_sent = False
        commands = (self._mail(transaction), self._rcpt(transaction), "DATA")
        replies = self._pipelined(commands) if self.offers("PIPELINING") else self._one_by_one(commands)
        decides = next((reply for reply in replies[:2] if not reply.accepts), replies[-1])
        if len(replies) < len(commands) or replies[-1].code != _GO_AHEAD:
            return self._no_text(decides)
        if decides is replies[-1]:
            return self._send_text(transaction.wire)
        self._end_without_text(sender_accepted=replies[0].accepts)
        return decides

    def command(self, line: str) -> Reply:
        """Send one command `line` and give its reply."""
        self._send(line)
        return self._read()[0]

    def is_alive(self) -> bool:
        """Tell whether the connection still stands and the peer has said nothing unasked, such as a goodbye."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not self._unread and not poll.poll(0)

    def quit(self) -> None:
        """Say goodbye and close, whatever the peer answers."""
        self.deadline = time.monotonic() + _GOODBYE_SECONDS
        try:
            self.command("QUIT")
        except (OSError, ProtocolError):
            pass  # it goes away, as asked
        finally:
            self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._socket.close()

    def _mail(self, transaction: Transaction) -> str:
        parameters = [f"MAIL FROM:<{transaction.envelope_sender}>"]
        if self.offers("SIZE"):
            self._check_size(transaction.size)
            parameters.append(f"SIZE={transaction.size}")
        if not transaction.wire.isascii() and self.offers("8BITMIME"):
            parameters.append("BODY=8BITMIME")
        if not (transaction.envelope_sender + transaction.recipient).isascii():
            if not self.offers("SMTPUTF8"):
                raise Refused(553, "5.6.7 the address needs SMTPUTF8, which the relay does not offer")
            parameters.append("SMTPUTF8")
        return " ".join(parameters)

    def _rcpt(self, transaction: Transaction) -> str:
        command = f"RCPT TO:<{transaction.recipient}>"
        return f"{command} NOTIFY=NEVER" if self.offers("DSN") and not transaction.reports else command

    def _check_size(self, size: int) -> None:
        most = self._offers["SIZE"].strip()
        if most.isdecimal() and 0 < int(most[:20]) < size:
            raise Refused(552, f"5.3.4 the message has {size} octets, the relay takes {most[:20]}")

    def _pipelined(self, commands: tuple[str, ...]) -> list[Reply]:
        self._send("\r\n".join(commands))
        replies: list[Reply] = []
        for _ in commands:
            try:
                replies.append(self._read()[0])
            except (OSError, ProtocolError):
                if all(reply.accepts for reply in replies):
                    raise
                self.close()  # the refusal that was read stands
                break
        return replies

    def _one_by_one(self, commands: tuple[str, ...]) -> list[Reply]:
        replies: list[Reply] = []
        for command in commands:
            replies.append(self.command(command))
            if not replies[-1].accepts:
                break
        return replies

    def _end_without_text(self, *, sender_accepted: bool) -> None:
        """Get out of the text that a relay waits for although it refused the envelope (RFC 2920 section 3.1).

        A lone dot ends it when no recipient was taken. A relay that refused MAIL and took the rest might deliver the
        empty message; only a closed connection stops that.
        """
        if not sender_accepted:
            self.close()
            return
        self._write(b".\r\n")
        self._read()

    def _no_text(self, decides: Reply) -> Reply:
        if decides.accepts:
            raise ProtocolError("the relay answered DATA as if it were done")
        return decides

    def _send_text(self, wire: bytes) -> Reply:
        self.text_sent = True
        self._write(wire)
        return self._read()[0]

    def _send(self, line: str) -> None:
        self._write(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def _write(self, octets: bytes) -> None:
        self._socket.settimeout(self._left())
        self._socket.sendall(octets)

    def _read(self) -> tuple[Reply, list[str]]:
        """Read one reply of a bounded number of bounded lines; also give its lines."""
        lines: list[str] = []
        codes = set()
        while len(lines) < _REPLY_LINES:
            match = _REPLY_LINE.fullmatch(self._read_line())
            if not match:
                raise ProtocolError("the relay does not speak SMTP")
            codes.add(match[1])
            lines.append((match[3] or b"").decode("utf-8", "replace").strip())
            if match[2] != b"-":
                break
        else:
            raise ProtocolError("a reply without end")
        if len(codes) > 1:
            raise ProtocolError("one reply with several codes")
        return Reply(int(match[1]), one_line(" ".join(lines))), lines

    def _read_line(self) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > _LINE_OCTETS:
                raise ProtocolError("a reply line without end")
            self._socket.settimeout(self._left())
            octets = self._socket.recv(_LINE_OCTETS)
            if not octets:
                raise ProtocolError("the relay closed the connection")
            self._unread += octets
        line, self._unread = self._unread[:end], self._unread[end + 1 :]
        return line.removesuffix(b"\r")

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
