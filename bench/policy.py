"""Policy answers a second, and their 99th percentile, with 100,000 exemptions; beside postfwd and a map of Postfix.

Ten connections, one question under way on each, as Postfix asks; half of the clients are exempt, the other half is
refused, which here also writes each refusal down. Then how long a start takes, how long until a new exemption is in
force, and the memory.
"""

import itertools
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert

from bench import policy_peers
from bench.ask import REQUEST
from bench.service import PROJECT
from bench.table import show
from responder.app.database import make_data_dir
from responder.settings import Settings
from responder.storage import migrate
from responder.storage.engine import make_engine
from responder.storage.schema import exemptions
from tests.support.exemptions import exempt, exemption_row
from tests.support.running import Running, running

COUNT = 100_000
ROUNDS = 3
SECONDS = 4.0
FEW = 2_000
_SPARE = 0x7E010000  # addresses from here on are neither exempt nor asked about


def networks(count: int, chance: random.Random) -> list[str]:
    """Give different networks as staff exempt them: nine of ten single addresses, some /29, some of IPv6."""
    found: dict[str, None] = {}
    while len(found) < count:
        number, kind = chance.randrange(0x2D000000, 0x60000000), chance.random()
        if kind < 0.9:
            found[str(ip_address(number))] = None
        elif kind < 0.95:
            found[str(ip_network((number, 29), strict=False))] = None
        else:
            found[str(ip_network(((0x2A00 << 112) | number << 64, 64)))] = None
    return list(found)


def questions(exempted: Sequence[str], chance: random.Random) -> list[str]:
    """Give addresses to ask about: every other one is exempt."""
    inside = chance.sample([one for one in exempted if "/" not in one], FEW)
    outside = [str(ip_address(chance.randrange(0x60000000, 0x7E000000))) for _ in range(FEW)]
    return [one for pair in zip(inside, outside, strict=True) for one in pair]


def ask(port: int, addresses: Sequence[str]) -> dict[str, Any]:
    """Ask for some seconds and give what `bench.ask` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.ask", "--port", str(port), "--seconds", str(SECONDS)],
        input="\n".join(addresses), cwd=PROJECT, capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def fill(folder: Path, exempted: Sequence[str]) -> Engine:
    """Make the database of the service with these exemptions in it."""
    settings = Settings(data_dir=str(folder / "data"))
    make_data_dir(settings)
    engine = make_engine(settings.database_url)
    migrate.upgrade(engine)
    rows = [exemption_row(one) for one in exempted]
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(exemptions), rows)
    return engine


def ask_while_they_change(port: int, addresses: Sequence[str], engine: Engine, at: int) -> dict[str, Any]:
    """As `ask`, while twice a second there is one exemption more, the first of them that of the address `at`."""
    done = threading.Event()

    def decide() -> None:
        for number in itertools.count(at):
            if done.wait(0.5):
                return
            exempt(engine, str(ip_address(number)))

    thread = threading.Thread(target=decide)
    thread.start()
    try:
        return ask(port, addresses)
    finally:
        done.set()
        thread.join()


def refresh_seconds(port: int, engine: Engine, address: str) -> float:
    """Give how long it takes until an exemption that another process adds is in force."""
    before = ask_once(port, address)
    assert before.startswith("550"), before
    exempt(engine, address)
    added_at = time.monotonic()
    while ask_once(port, address).startswith("550"):
        time.sleep(0.005)
    return time.monotonic() - added_at


def ask_once(port: int, address: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(REQUEST.format(address=address).encode())
        return connection.recv(1000).decode().removeprefix("action=")


def ours(folder: Path) -> Any:
    """Run the policy face alone, which refuses everybody who is not exempt."""
    settings = {"blocklists": [], "policy.dynamic_networks": ["64.0.0.0/2", "32.0.0.0/3"], "log.format": "text"}
    return running(folder, settings, arguments=["--only", "policy"])


def policy_port(service: Running) -> int:
    return int(service.wait_for(r" listening face=policy address=\S+:(\d+)")[1])


def main() -> int:
    """Measure and print the table."""
    if missing := policy_peers.missing():
        print(f"The peers need {', '.join(missing)}: apt-get install postfwd postfix", file=sys.stderr)
        return 1
    chance = random.Random(1)
    exempted = networks(COUNT, chance)
    addresses = questions(exempted, chance)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("ours", "bare", "postfwd", "cidr"):
            (folder / part).mkdir()
        engine = fill(folder / "ours", exempted)
        with ours(folder / "bare") as bare:
            policy_port(bare)
            bare_memory = policy_peers.memory([bare.process.pid])
        started_at = time.monotonic()
        with ours(folder / "ours") as service:
            port = policy_port(service)
            start = time.monotonic() - started_at
            with policy_peers.postfwd(folder / "postfwd", exempted) as (peer, processes, peer_start):
                mine, changing, theirs, maps = [], [], [], []
                for number in range(ROUNDS):
                    mine.append(ask(port, addresses))
                    changing.append(ask_while_they_change(port, addresses, engine, _SPARE + 1000 * number))
                    theirs.append(ask(peer, addresses))
                    maps.append(policy_peers.cidr_map(folder / "cidr", exempted, addresses))
                peer_memory = policy_peers.memory(processes)
            refreshes = [refresh_seconds(port, engine, str(ip_address(_SPARE - 1 - n))) for n in range(ROUNDS)]
            memory = policy_peers.memory([service.process.pid])
        engine.dispose()
    show(
        f"Policy answers with {COUNT:,} exemptions, 10 connections, half of the clients exempt",
        ("", "a second", "p99 ms", "start s", "MiB"),
        [
            _row("this service", mine, start, f"{memory:,.0f} (empty: {bare_memory:,.0f})"),
            _row("the same, read anew twice a second", changing, None, ""),
            _row("postfwd", theirs, peer_start, f"{peer_memory:,.0f}"),
            (
                "cidr map of Postfix (one postmap process)",
                f"{statistics.median(one['rate'] for one in maps):,.0f}",
                "-",
                f"{statistics.median(one['load'] for one in maps):.2f}",
                "-",
            ),
            ("a new exemption is in force after", "", "", f"{statistics.median(refreshes):.2f}", ""),
        ],
    )
    return 0


def _row(name: str, asked: Sequence[dict[str, Any]], start: float | None, memory: str) -> tuple[str, ...]:
    rate, p99 = (statistics.median(one[key] for one in asked) for key in ("rate", "p99_ms"))
    return name, f"{rate:,.0f}", f"{p99:.2f}", "" if start is None else f"{start:.2f}", memory


if __name__ == "__main__":
    sys.exit(main())
