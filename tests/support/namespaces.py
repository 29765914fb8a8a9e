"""Two machines on one wire: network namespaces of their own, so that addresses of the internet stay within the test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

SECONDS = 30


@dataclass(frozen=True)
class Machine:
    """One namespace.

    Attributes:
        name: of the namespace.
        address: its address on the wire.
    """

    name: str
    address: str

    @property
    def prefix(self) -> list[str]:
        """What stands before a command so that it runs there; the command keeps its process id."""
        return ["ip", "netns", "exec", self.name]

    def add_address(self, address: str) -> None:
        """Give the machine another IPv4 address."""
        _run("-n", self.name, "address", "add", f"{address}/32", "dev", "wire")

    def add_route(self, address: str) -> None:
        """Let the machine reach an address of the other one."""
        _run("-n", self.name, "route", "add", f"{address}/32", "dev", "wire")


@contextmanager
def wired(one: str, other: str) -> Iterator[tuple[Machine, Machine]]:
    """Give two machines with these IPv4 addresses that reach one another and nothing else, until the block ends."""
    machines = tuple(Machine(f"responder-{os.getpid()}-{side}", ip) for side, ip in (("a", one), ("b", other)))
    with ExitStack() as stack:
        for machine in machines:
            _run("netns", "add", machine.name)
            stack.callback(_run, "netns", "delete", machine.name)
            _run("-n", machine.name, "link", "set", "lo", "up")
        first, second = machines
        _run("-n", first.name, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", second.name)
        for machine, peer in ((first, second), (second, first)):
            _run("-n", machine.name, "address", "add", f"{machine.address}/32", "dev", "wire")
            _run("-n", machine.name, "link", "set", "wire", "up")
            _run("-n", machine.name, "route", "add", f"{peer.address}/32", "dev", "wire")
        yield first, second


def _run(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
