"""Real name servers on loopback: rbldnsd for lists, NSD for all else, and a relay before them that may be slow."""

import asyncio
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.exception
import dns.message
import dns.query

from tests.support.loops import serving_in_thread
from tests.support.namespaces import Machine
from tests.support.ports import free_port
from tests.support.tools import find_program

SECONDS = 20


@contextmanager
def _running(
    command: Sequence[str], folder: Path, port: int, name: str, *, prefix: Sequence[str] = ()
) -> Iterator[None]:
    program, *options = command
    path, environment = find_program(program, program)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, path, *options], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_for_answer(port, name, process, folder / "log", prefix)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_answer(port: int, name: str, process: subprocess.Popen[bytes], log: Path, prefix: Sequence[str]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers_on(prefix, port, name) if prefix else _answers(port, name):
            return
    raise AssertionError(f"{process.args[0]} does not answer:\n{log.read_text()}")


def _answers(port: int, name: str) -> bool:
    with suppress(dns.exception.Timeout, OSError):
        dns.query.udp(dns.message.make_query(name, "SOA"), "127.0.0.1", port=port, timeout=0.2)
        return True
    return False


def _answers_on(prefix: Sequence[str], port: int, name: str) -> bool:
    """Tell whether a server answers on the machine where a command with `prefix` runs."""
    ask = f"from tests.support.dns_servers import _answers; raise SystemExit(not _answers({port}, {name!r}))"
    return subprocess.run([*prefix, sys.executable, "-c", ask], timeout=SECONDS, check=False).returncode == 0


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder that a server without rights can read, which it could not in pytest's own."""
    with TemporaryDirectory(prefix="dns-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def rbldnsd(zones: Mapping[str, str]) -> Iterator[int]:
    """Serve lists, given by zone in the format `combined`, until the block ends; gives the port."""
    with _folder() as folder:
        for zone, text in zones.items():
            (folder / zone).write_text(f"{_LIST_HEAD.format(zone=zone)}{text}")
        port = free_port()
        user = "nobody" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        options = ["-n", "-u", user, "-b", f"127.0.0.1/{port}", "-w", str(folder)]
        options += [f"{zone}:combined:{zone}" for zone in zones]
        with _running(["rbldnsd", *options], folder, port, next(iter(zones))):
            yield port


_LIST_HEAD = "$SOA 1h ns.{zone} hostmaster.{zone} 0 15m 5m 1w 5m\n$NS 1h ns.{zone}\n"


_NSD_CONF = """
server:
    ip-address: 127.0.0.1
    port: {port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    xfrdfile: "{folder}/xfrd.state"
    zonelistfile: "{folder}/zone.list"
    xfrdir: "{folder}"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    verbosity: 0
    server-count: 1
remote-control:
    control-enable: no
"""
_SOA = "$TTL 3600\n@ IN SOA ns hostmaster 1 3600 900 604800 300\n@ IN NS ns\nns IN A 127.0.0.1\n"


@contextmanager
def nsd(zones: Mapping[str, str], machine: Machine | None = None) -> Iterator[int]:
    """Serve zones, given by name without SOA and NS, until the block ends; gives the port: 53 on a `machine`."""
    with _folder() as folder:
        port = 53 if machine else free_port()
        conf = _NSD_CONF.format(port=port, folder=folder)
        for zone, text in zones.items():
            (folder / f"{zone}.zone").write_text(f"$ORIGIN {zone}.\n{_SOA}{text}")
            conf += f'zone:\n    name: "{zone}"\n    zonefile: "{zone}.zone"\n'
        (folder / "nsd.conf").write_text(conf)
        prefix = machine.prefix if machine else []
        with _running(["nsd", "-d", "-c", str(folder / "nsd.conf")], folder, port, next(iter(zones)), prefix=prefix):
            yield port


@dataclass
class Relay:
    """Passes questions on to the server of the longest suffix of their name, and the answers back.

    Attributes:
        routes: port by suffix; a name that has none gets no answer.
        delay: seconds that each answer takes.
        passed: questions passed on.
    """

    routes: dict[str, int]
    delay: float = 0.0
    passed: int = 0
    port: int = 0

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def route(self, wire: bytes) -> int | None:
        name = dns.message.from_wire(wire, question_only=True).question[0].name.to_text(omit_final_dot=True).lower()
        fits = [suffix for suffix in self.routes if name == suffix or name.endswith(f".{suffix}") or not suffix]
        return self.routes[max(fits, key=len)] if fits else None


class _Passer(asyncio.DatagramProtocol):
    """Takes questions; each goes on from a socket of its own."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        port = self.relay.route(data)
        if port is not None:
            self.relay.passed += 1
            asyncio.get_running_loop().create_task(self._pass_on(data, port, peer))

    async def _pass_on(self, data: bytes, port: int, peer: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
            upstream.setblocking(False)
            await loop.sock_sendto(upstream, data, ("127.0.0.1", port))
            with suppress(TimeoutError):
                reply = await asyncio.wait_for(loop.sock_recv(upstream, 65535), 5)
                await asyncio.sleep(self.relay.delay)
                self.transport.sendto(reply, peer)


@contextmanager
def relay(routes: Mapping[str, int], delay: float = 0.0) -> Iterator[Relay]:
    """Run a relay in a thread until the block ends; its delay may be changed meanwhile."""
    made = Relay(dict(routes), delay)

    async def start() -> tuple[asyncio.BaseTransport]:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Passer(made), local_addr=("127.0.0.1", 0)
        )
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024**2)
        made.port = transport.get_extra_info("sockname")[1]
        return (transport,)

    with serving_in_thread(start):
        yield made
