"""A name server that takes its time: `python -m bench.slow_names SECONDS` prints its port and counts until it is ended.

It lists every address in `bl.example` (127.0.0.10), names each after its numbers, lets the domains under
`honest.example` permit everybody by SPF and those under `victim.example` nobody. Those, and the ones under
`silent.example`, take mail; it knows nothing else.
"""

import asyncio
import socket
import sys

_A, _PTR, _MX, _TXT, _NXDOMAIN = 1, 12, 15, 16, 3
_DOMAINS = [[name, b"example"] for name in (b"honest", b"victim", b"silent")]
_SPF = {b"honest.example": b"v=spf1 +all", b"victim.example": b"v=spf1 -all"}
_LISTED = bytes((127, 0, 0, 10))


def answer(query: bytes) -> bytes:
    """Give the reply to a question, put together octet by octet: this is to be faster than what is measured."""
    labels, at = [], 12
    while size := query[at]:
        labels.append(query[at + 1 : at + 1 + size].lower())
        at += size + 1
    kind = int.from_bytes(query[at + 1 : at + 3], "big")
    data = _data(labels, kind)
    code = 0 if data is not None or labels[-2:] in _DOMAINS else _NXDOMAIN
    head = query[:2] + bytes((0x81, 0x80 | code)) + b"\0\1" + (b"\0\1" if data else b"\0\0") + b"\0\0\0\0"
    record = b""
    if data:
        record = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\x01\x2c" + len(data).to_bytes(2, "big") + data
    return head + query[12 : at + 5] + record


def _data(labels: list[bytes], kind: int) -> bytes | None:
    zone = b".".join(labels[-2:])
    if zone == b"bl.example":
        text = b"Dynamic address"
        return _LISTED if kind == _A else bytes((len(text),)) + text if kind == _TXT else None
    if zone == b"in-addr.arpa" and kind == _PTR:
        name = (b"h" + b"-".join(labels[:4]), b"sender", b"example")
        return b"".join(bytes((len(label),)) + label for label in name) + b"\0"
    if labels[-2:] in _DOMAINS:
        if kind == _MX:
            return b"\0\x0a\x02mx\xc0\x0c"
        if kind == _TXT and zone in _SPF and not labels[0].startswith(b"_"):
            return bytes((len(_SPF[zone]),)) + _SPF[zone]
    return None


class _Server(asyncio.DatagramProtocol):
    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        self.count += 1
        asyncio.get_running_loop().call_later(self.delay, self.transport.sendto, answer(data), peer)


async def _serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024**2)
    udp.bind(("127.0.0.1", 0))
    _, server = await loop.create_datagram_endpoint(lambda: _Server(delay), sock=udp)
    print(udp.getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(server.count, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
