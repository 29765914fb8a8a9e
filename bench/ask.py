"""A mail server's side of policy delegation: asks over connections that stay open, one question under way on each.

Run by itself (`python -m bench.ask --port P --seconds S < ADDRESSES`) it asks about the addresses in turn and prints
one JSON line: questions a second, the 99th percentile, and how often each kind of answer came.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from collections import Counter

REQUEST = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address={address}\n"
    "client_name=unknown\nclient_port=40112\nreverse_client_name=mail.shop.example\nserver_address=192.0.2.10\n"
    "server_port=25\nhelo_name=mail.shop.example\nsender=ann@shop.example\nrecipient=user@example.com\n"
    "recipient_count=0\nqueue_id=\ninstance=2f1a.66b1.0\nsize=0\netrn_domain=\nstress=\nsasl_method=\n"
    "sasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\n"
    "encryption_protocol=\nencryption_cipher=\nencryption_keysize=0\npolicy_context=\ncompatibility_level=3.6\n"
    "mail_version=3.7.11\n\n"
)


class Asker(asyncio.Protocol):
    """One connection; asks the next question as soon as the last is answered."""

    def __init__(self, addresses: "itertools.cycle[str]", ends: float) -> None:
        self.addresses, self.ends = addresses, ends
        self.seconds: list[float] = []
        self.kinds: Counter[str] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.done.done():
            self.done.set_result(None)

    def ask(self) -> None:
        self.asked_at = time.perf_counter()
        self.transport.write(REQUEST.format(address=next(self.addresses)).encode("ascii"))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(b"\n\n"):
            return
        now = time.perf_counter()
        self.seconds.append(now - self.asked_at)
        self.kinds[self.buffer[7:12].decode("ascii", "replace").split()[0]] += 1
        self.buffer = b""
        if time.monotonic() < self.ends:
            self.ask()
        else:
            self.transport.close()


async def ask(port: int, addresses: list[str], seconds: float, connections: int) -> dict[str, object]:
    ends = time.monotonic() + seconds
    cycle = itertools.cycle(addresses)
    loop = asyncio.get_running_loop()
    started_at = time.perf_counter()
    askers = [
        (await loop.create_connection(lambda: Asker(cycle, ends), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.wait([asker.done for asker in askers], timeout=seconds + 60)
    took = time.perf_counter() - started_at
    times = sorted(itertools.chain.from_iterable(asker.seconds for asker in askers))
    kinds: Counter[str] = sum((asker.kinds for asker in askers), Counter())
    return {
        "rate": len(times) / took,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[len(times) * 99 // 100] * 1000,
        "kinds": dict(kinds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=10)
    arguments = parser.parse_args()
    addresses = sys.stdin.read().split()
    print(json.dumps(asyncio.run(ask(arguments.port, addresses, arguments.seconds, arguments.connections))))


if __name__ == "__main__":
    main()
