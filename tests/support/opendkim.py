"""Messages signed by OpenDKIM: the real milter, and as much of an MTA as it needs (the milter protocol, version 6)."""

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.tools import find_program
from tests.support.waiting import wait_until

SECONDS = 20
_CONF = """
Mode s
Domain {domain}
Selector {selector}
KeyFile {folder}/{selector}.private
Canonicalization {canonicalization}
SignatureAlgorithm rsa-sha256
{more}
RequireSafeKeys no
Syslog no
Socket inet:{port}@127.0.0.1
InternalHosts 127.0.0.1
UserID {user}
"""


@dataclass
class Signer:
    """A running OpenDKIM.

    Attributes:
        port: where it takes messages.
        key_record: the text at `SELECTOR._domainkey.DOMAIN`.
    """

    port: int
    key_record: str

    def sign(self, message: bytes) -> bytes:
        """Give `message`, lines ended by CRLF, with the signature on top."""
        header, _, body = message.partition(b"\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as connection:
            milter = _Milter(connection)
            milter.tell(b"O", (6).to_bytes(4, "big") + b"\0\0\1\xff" + b"\0\0\0\0")
            milter.read()
            milter.ask(b"C", b"client\x004\x00\x19127.0.0.1\0")
            milter.ask(b"H", b"client\0")
            milter.ask(b"M", b"<ann@example.org>\0")
            milter.ask(b"R", b"<bypass@example.com>\0")
            for field in re.split(rb"\r\n(?![ \t])", header):
                name, _, value = field.partition(b":")
                milter.ask(b"L", name + b"\0" + value.lstrip(b" ").replace(b"\r\n", b"\n") + b"\0")
            milter.ask(b"N", b"")
            milter.ask(b"B", body)
            signature = milter.finish()
        return signature.replace(b"\n", b"\r\n") + b"\r\n" + message


class _Milter:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def tell(self, command: bytes, data: bytes) -> None:
        self.connection.sendall((len(data) + 1).to_bytes(4, "big") + command + data)

    def read(self) -> bytes:
        size = int.from_bytes(self._exactly(4), "big")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        octets = b""
        while len(octets) < size:
            more = self.connection.recv(size - len(octets))
            assert more, "OpenDKIM closed the connection"
            octets += more
        return octets

    def ask(self, command: bytes, data: bytes) -> None:
        self.tell(command, data)
        assert self.read()[:1] == b"c", "OpenDKIM does not go on"

    def finish(self) -> bytes:
        """End the message and give the signature field."""
        self.tell(b"E", b"")
        signature = b""
        while (packet := self.read())[:1] not in {b"c", b"a"}:
            if packet[:1] in {b"i", b"h"}:
                start = 5 if packet[:1] == b"i" else 1
                name, value = packet[start:].split(b"\0")[:2]
                signature = name + b": " + value.lstrip()
        assert signature.lower().startswith(b"dkim-signature"), "OpenDKIM did not sign"
        return signature


@contextmanager
def opendkim(
    folder: Path, domain: str, selector: str, *, canonicalization: str = "relaxed/relaxed", more: str = ""
) -> Iterator[Signer]:
    """Run OpenDKIM with a key of its own until the block ends."""
    folder.mkdir(exist_ok=True)
    program, environment = find_program("opendkim-genkey", "opendkim")
    make_key = [program, "-b", "2048", "-s", selector, "-d", domain, "-D", str(folder)]
    subprocess.run(make_key, check=True, timeout=SECONDS, capture_output=True, env=environment)
    record = "".join(re.findall(r'"([^"]*)"', (folder / f"{selector}.txt").read_text()))
    port = free_port()
    user = (folder / f"{selector}.private").owner()
    settings = {"domain": domain, "selector": selector, "folder": folder, "port": port, "user": user, "more": more}
    (folder / "opendkim.conf").write_text(_CONF.format(canonicalization=canonicalization, **settings))
    with (folder / "log").open("wb") as log:
        program, environment = find_program("opendkim", "opendkim")
        command = [program, "-f", "-x", str(folder / "opendkim.conf")]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    try:
        wait_until(lambda: _answers(port, process, folder / "log"), "opendkim")
        yield Signer(port, record)
    finally:
        process.kill()  # told to end politely it waits for five seconds
        process.wait(SECONDS)


def _answers(port: int, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"opendkim has ended:\n{log.read_text()}"
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
