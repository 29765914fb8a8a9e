"""What waiting for the DNS costs, and what it saves.

First: 1,000 different pleas at once, each from a domain and an address of its own, while every look-up takes two
seconds; beside it the same without evidence. One after another the look-ups would take more than half an hour for each
kind. Then: 10,000 pleas forged in the names of 1,000 victims, brought by 100 clients; how many answers leave under the
default limits: without evidence, and with it where the victims' domains publish SPF or nothing at all.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.load import Load, Plea
from bench.service import PROJECT, service, sink
from bench.table import show
from tests.support.running import Running

PLEAS = 1000
DELAY = 2.0
FORGED, VICTIMS, CLIENTS = 10_000, 1_000, 100
DEADLINE = 10
DEFAULT_LIMITS = {
    "reply.max_per_sender_per_week": 3,
    "reply.max_per_network_per_hour": 60,
    "reply.max_per_domain_per_hour": 120,
    "reply.max_per_minute": 120,
}
LIST = [{"name": "A list", "zone": "bl.example", "codes": ["127.0.0.10"]}]


@dataclass
class Names:
    """The slow name server: its port, and once it has ended how often it was asked."""

    port: int
    count: int = 0


@contextmanager
def names(delay: float) -> Iterator[Names]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.slow_names", str(delay)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    running = Names(int(process.stdout.readline()))
    try:
        yield running
    finally:
        process.stdin.close()
        running.count = int(process.stdout.readline())
        process.wait(10)


def make_plea(number: int, domain: str, client: str, address: str) -> Plea:
    """Give a plea as a front MTA passes it on: its topmost Received line tells the client."""
    sender = f"admin{number}@{domain}"
    content = (
        f"Received: from mail.{domain} (mail.{domain} [{client}])\r\n"
        f"\tby mx.example.com (Postfix) with ESMTP id {number:010X}; Tue, 03 Mar 2026 10:11:12 +0000\r\n"
        f"From: Postmaster <{sender}>\r\nTo: bypass@example.com\r\nSubject: our mail is refused\r\n"
        f"Message-ID: <{number}@{domain}>\r\nDate: Tue, 03 Mar 2026 10:11:12 +0000\r\n\r\n"
        "Our server has had the same address for years, and this came back:\r\n\r\n"
        f"> 550 5.7.1 Your IP address {address} appears to be dynamically assigned. Please smarthost\r\n"
        "> your mail through your ISP's mail server.\r\n"
    )
    return Plea(sender, content.encode())


def honest(number: int) -> Plea:
    address = f"203.{number // 250 % 250}.{number % 250 + 1}.9"
    return make_plea(number, f"d{number}.honest.example", address, address)


def forged(number: int, zone: str) -> Plea:
    victim, client, address = number % VICTIMS, number % CLIENTS, f"203.0.{number // 250 % 250}.{number % 250 + 1}"
    plea = make_plea(number, f"v{victim}.{zone}", f"198.{client}.7.7", address)
    return Plea(f"someone@v{victim}.{zone}", plea.content)


def settings_for(port: int, *, evidence: bool) -> dict[str, Any]:
    # Look-ups that take two seconds are given up after two by default; here they are to be of use.
    return {
        "evidence.enabled": evidence,
        "dns.nameservers": [f"127.0.0.1:{port}"],
        "dns.timeout_seconds": 5,
        "evidence.deadline_seconds": DEADLINE,
        "blocklists": LIST,
    }


def at_once(folder: Path, *, evidence: bool) -> tuple[str, ...]:
    """Send the honest pleas and give the row of the table."""
    with sink() as taken, names(DELAY) as slow:
        with service(folder, taken.port, settings_for(slow.port, evidence=evidence)) as (smtp, worker):
            load = Load(smtp.port, "bypass@example.com", map(honest, range(PLEAS)), sessions=10)
            started = time.monotonic()
            asyncio.run(load.run())
            accepted = time.monotonic() - started
            if not taken.wait_for(PLEAS):
                raise SystemExit(f"{taken.count} of {PLEAS} answered")
            advice = [row["advice"] for row in smtp.rows("queue", "list", "--limit", "0")]
            worker.stop()
        last = taken.last_at - started
    known = sum(one in {"static", "dynamic"} for one in advice)
    name = "with evidence" if evidence else "without"
    return name, str(taken.count), f"{accepted:.1f} s", f"{last:.1f} s", str(known), f"{slow.count:,}"


def settled(service: Running) -> Counter[str]:
    """Wait until nothing more is cancelled, and give the answers by state."""
    before, after = Counter[str](), Counter[str]()
    while after["cancelled"] != before["cancelled"] or not after:
        time.sleep(DEADLINE + 1)
        before, after = after, Counter(row["state"] for row in service.rows("outbox", "list", "--limit", "0"))
    return after


def flood(folder: Path, zone: str, *, evidence: bool) -> tuple[str, ...]:
    """Send the forged pleas under the default limits and give the row of the table."""
    with sink() as taken, names(0.02) as slow:
        settings = settings_for(slow.port, evidence=evidence) | DEFAULT_LIMITS
        with service(folder, taken.port, settings) as (smtp, _):
            load = Load(
                smtp.port, "bypass@example.com", (forged(number, zone) for number in range(FORGED)), sessions=10
            )
            asyncio.run(load.run())
            accepted = sum(plea.reply.startswith("250") for plea in load.finished)
            states = settled(smtp)
    published = {"victim.example": "SPF that permits nobody", "silent.example": "nothing"}[zone]
    name = f"evidence, victims publish {published}" if evidence else "no evidence"
    return name, f"{accepted:,}", f"{states['cancelled']:,}", f"{states['sent'] + states['queued']:,}"


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [at_once(folder / f"once{evidence:d}", evidence=evidence) for evidence in (True, False)]
        show(
            f"{PLEAS:,} different pleas at once, every look-up takes {DELAY:.0f} s, no limits",
            ("", "answered", "all accepted after", "last answer after", "advice known", "look-ups"),
            rows,
        )
        rows = [
            flood(folder / "none", "victim.example", evidence=False),
            flood(folder / "silent", "silent.example", evidence=True),
            flood(folder / "spf", "victim.example", evidence=True),
        ]
        show(
            f"{FORGED:,} forged pleas, {VICTIMS:,} victims, {CLIENTS} clients, default limits",
            ("", "accepted", "answers cancelled", "answers that leave, 120 a minute"),
            rows,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
