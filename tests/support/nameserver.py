"""A name server that does what a test wants: answers from a table, late, wrongly, or not at all."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from tests.support.loops import serving_in_thread

Records = Mapping[tuple[str, str], Sequence[str]]


@dataclass
class Nameserver:
    """A server on loopback, over UDP and TCP.

    Attributes:
        records: by name and kind; a name that has none does not exist. `*.ZONE` stands for every name below.
        delay: seconds until it answers.
        rcodes: instead of an answer, by a suffix of the name; `""` is every name.
        is_dead: it takes questions and answers none.
        truncates: over UDP it only says that there is more.
        asked: how often each name and kind was asked about.
        asked_once: set with the first question.
        most_waiting: how many questions waited for their late answers at the same time.
    """

    records: dict[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    delay: float = 0.0
    rcodes: dict[str, str] = field(default_factory=dict)
    is_dead: bool = False
    truncates: bool = False
    ttl: int = 300
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked_once: threading.Event = field(default_factory=threading.Event)
    most_waiting: int = 0
    port: int = 0
    _waiting: int = 0

    def wait(self, change: int) -> None:
        self._waiting += change
        self.most_waiting = max(self.most_waiting, self._waiting)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def answer(self, wire: bytes, *, is_udp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text().lower().rstrip(".")
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        self.asked_once.set()
        if self.is_dead:
            return None
        reply = dns.message.make_response(query, recursion_available=True)
        if is_udp and self.truncates:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, question.name, name, kind)
        return reply.to_wire(max_size=65535)

    def _fill(self, reply: dns.message.Message, qname: dns.name.Name, name: str, kind: str) -> None:
        for suffix, rcode in self.rcodes.items():
            if name.endswith(suffix):
                reply.set_rcode(dns.rcode.from_text(rcode))
                return
        owner = next((one for one in (name, *_wildcards(name)) if any(key[0] == one for key in self.records)), None)
        if owner is None:
            if name:  # the root always exists
                reply.set_rcode(dns.rcode.NXDOMAIN)
            return
        if alias := self.records.get((owner, "CNAME")):
            reply.answer.append(dns.rrset.from_text(qname, self.ttl, "IN", "CNAME", f"{alias[0]}."))
            self._fill(reply, dns.name.from_text(alias[0]), alias[0], kind)
        elif values := self.records.get((owner, kind)):
            reply.answer.append(dns.rrset.from_text_list(qname, self.ttl, "IN", kind, list(values)))


def _wildcards(name: str) -> Iterator[str]:
    labels = name.split(".")
    return (".".join(("*", *labels[at:])) for at in range(1, len(labels)))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: Nameserver) -> None:
        self.server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        reply = self.server.answer(data, is_udp=True)
        if reply is None:
            return
        if self.server.delay:
            self.server.wait(1)
            asyncio.get_running_loop().call_later(self.server.delay, self._send_late, reply, peer)
        else:
            self.transport.sendto(reply, peer)

    def _send_late(self, reply: bytes, peer: tuple[str, int]) -> None:
        self.server.wait(-1)
        self.transport.sendto(reply, peer)


@contextmanager
def nameserver(records: Records | None = None, **behaviour: object) -> Iterator[Nameserver]:
    """Run a server in a thread until the block ends; what it does may be changed meanwhile."""
    server = Nameserver(dict(records or {}), **behaviour)

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes(await reader.readexactly(2), "big")
            reply = server.answer(await reader.readexactly(size), is_udp=False)
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def start() -> tuple[asyncio.DatagramTransport, asyncio.Server]:
        while True:  # a port may be free for the one and taken for the other
            tcp = await asyncio.start_server(take, "127.0.0.1", 0)
            server.port = tcp.sockets[0].getsockname()[1]
            try:
                udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: _Udp(server), local_addr=server.address
                )
            except OSError:
                tcp.close()
                continue
            udp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024**2)
            return udp, tcp

    with serving_in_thread(start):
        yield server
