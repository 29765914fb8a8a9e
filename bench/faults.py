"""The crash and fault loops: `python -m bench.faults [--kills N] [--seed N] [NAME ...]`.

`kills`: the service dies by SIGKILL under load, at random moments, at each named point (`tests.support.mortal`), and at
each step of the relay's conversation; clients send again what they heard no 250 for, as mail servers do. In the end
every 250 has its message, and every sender that was answered got exactly one Message-ID.
`relay`, `locked`, `full`: the relay answers 4yz or 5yz, hangs, closes, is half-open; the database is locked; the disk
is full.
"""

import argparse
import asyncio
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

from bench.load import Load, Plea, make_plea
from bench.service import UNLIMITED
from bench.table import show
from tests.support.mortal import POINTS
from tests.support.relay import SILENCE, Relay, Taken
from tests.support.running import Running, running

BYPASS = "bypass@example.com"
RELAY_STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "dot", "QUIT")
SETTINGS = UNLIMITED | {"relay.retry_seconds": [1], "relay.timeout_seconds": 5, "smtp.max_connections_per_client": 0}
PLEAS_A_ROUND = 40
LIFE_SECONDS = 10
QUIET_SECONDS = 180


class StrikingRelay(Relay):
    """Kills the service when a step is reached for the nth time, before it answers."""

    victim: subprocess.Popen[str] | None = None
    step = ""
    left = 0

    def __init__(self) -> None:
        super().__init__()
        self.answered: set[str] = set()

    def _take(self, taken: Taken) -> None:
        self.answered.add(recipient_of(taken))
        super()._take(taken)

    def aim(self, step: str, left: int) -> None:
        self.step, self.left, self.victim = step, left, None

    def _next_action(self, step: str, default: str) -> str:
        if step == self.step and self.victim:
            self.left -= 1
            if self.left == 0:
                self.victim.kill()
        return super()._next_action(step, default)


class Campaign:
    """Rounds of one service in one folder, with pleas that stay the same until they have heard a 250."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.numbers = itertools.count()
        self.waiting: list[Plea] = []
        self.taken: list[Plea] = []
        self.refused: list[str] = []
        self.kills: Counter[str] = Counter()

    def rounds(self, relay: StrikingRelay, kills: int) -> None:
        """Let the service die `kills` times, by turns at every point."""
        ways = [
            ("at a random moment", "-"),
            *((name, name) for name in POINTS),
            *((f"relay: {s}", s) for s in RELAY_STEPS),
        ]
        for number in range(kills):
            name, where = ways[number % len(ways)]
            relay.aim(where, self.random.randint(1, 12))
            point = where if where in POINTS else "-"
            self.die(relay, name, point)
            if sys.stderr.isatty():
                print(f"\rkill {number + 1} of {kills}: {name:<24}", end="", file=sys.stderr)

    def die(self, relay: StrikingRelay, name: str, point: str) -> None:
        """Run the service under load until it dies, at the latest when the load is through and a moment has passed."""
        self.waiting += [make_plea(next(self.numbers), "fault", 1500) for _ in range(PLEAS_A_ROUND)]
        program = ("tests.support.mortal", point, str(self.random.randint(1, 25)))
        settings = SETTINGS | {"relay.url": relay.url}
        with running(self.folder, settings, ready=False, program=program) as service:
            relay.victim = service.process
            timer = threading.Timer(self.random.uniform(0.3, 1.5), service.process.kill)
            if name == "at a random moment":
                timer.start()
            try:
                self.load(service)
                service.process.wait(self.random.uniform(0.2, 1.0))
            except subprocess.TimeoutExpired:
                name = f"{name} (not reached)"
                service.process.kill()
            except AssertionError:
                service.process.wait(LIFE_SECONDS)  # it died before it listened
            timer.cancel()
            self.kills[name] += service.process.wait(LIFE_SECONDS) == -signal.SIGKILL

    def load(self, service: Running) -> None:
        """Send what waits; what heard no reply waits for the next round, with one more trace field."""
        load = Load(service.port, BYPASS, self.waiting, sessions=8)
        asyncio.run(asyncio.wait_for(load.run(), LIFE_SECONDS))
        self.waiting = list(load.waiting)
        for plea in load.finished:
            if plea.reply.startswith("250"):
                self.taken.append(plea)
            else:
                self.refused += [plea.reply] if plea.reply.startswith("5") else []
                self.waiting.append(plea)
        for plea in self.waiting:
            plea.reply = ""
            plea.content = b"Received: by mail.sender.example; once more\r\n" + plea.content

    def finish(self, relay: StrikingRelay) -> None:
        """Run without faults until every plea is taken and answered."""
        relay.aim("", 0)
        with running(self.folder, SETTINGS | {"relay.url": relay.url}) as service:
            while self.waiting:
                self.load(service)
            relay.wait_until(lambda: len(relay.answered) >= len(self.taken), QUIET_SECONDS)
            service.stop()

    def broken(self, relay: Relay) -> Iterator[str]:
        """Give what does not hold."""
        yield from (f"refused for good: {reply}" for reply in self.refused)
        with sqlite3.connect(next(self.folder.glob("data/*.db"))) as database:
            yield from self._broken_rows(database)
        for sender, ids in answers(relay).items():
            if len(ids) != 1:
                yield f"{sender}: {len(ids)} different answers"
        if missing := {plea.sender for plea in self.taken} - answers(relay).keys():
            yield f"not answered: {len(missing)}, {sorted(missing)[:3]}"

    def _broken_rows(self, database: sqlite3.Connection) -> Iterator[str]:
        for check in ("integrity_check", "foreign_key_check"):
            if (found := database.execute(f"PRAGMA {check}").fetchall()) not in ([], [("ok",)]):
                yield f"{check}: {found[:3]}"
        left = database.execute("SELECT state, count(*) FROM outbound WHERE state <> 'sent' GROUP BY 1").fetchall()
        if left:
            yield f"outbound messages left: {left}"
        stored = defaultdict(list)
        for message_id, reference in database.execute("SELECT message_id_header, reference FROM messages"):
            stored[message_id].append(reference)
        told = defaultdict(set)
        for plea in self.taken:
            told[message_from_bytes(plea.content)["Message-ID"]].add(plea.reply.split()[2])
        for message_id, references in told.items():
            if stored[message_id] != list(references):
                yield f"{message_id}: told {references}, stored {stored[message_id]}"


def answers(relay: Relay) -> dict[str, Counter[str]]:
    """Give for each recipient the Message-IDs that came, with the number of copies."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for taken in list(relay.taken):
        found[recipient_of(taken)][message_id_of(taken.content)] += 1
    return found


def recipient_of(taken: Taken) -> str:
    return taken.rcpt.partition("<")[2].partition(">")[0]


def message_id_of(content: bytes) -> str:
    head = content.partition(b"\r\n\r\n")[0].decode("ascii")
    return next(line for line in head.splitlines() if line.lower().startswith("message-id:")).partition(":")[2].strip()


def kills(folder: Path, count: int, seed: int) -> list[str]:
    """Kill the service `count` times and give what is broken in the end."""
    campaign = Campaign(folder, seed)
    with StrikingRelay() as relay:
        campaign.rounds(relay, count)
        campaign.finish(relay)
        copies = sum(sum(ids.values()) - 1 for ids in answers(relay).values())
        rows = [(name, str(number)) for name, number in sorted(campaign.kills.items())]
        rows += [
            ("kills in all", str(campaign.kills.total())),
            ("pleas that heard 250", str(len(campaign.taken))),
            ("answers that came twice, with one Message-ID", str(copies)),
        ]
        show(f"Killed under load (seed {seed})", ("where", "times"), rows)
        return list(campaign.broken(relay))


def one_plea(service: Running, number: int, size: int = 1500) -> str:
    """Send a plea and give the reply to its final dot."""
    load = Load(service.port, BYPASS, [make_plea(number, "fault", size)], sessions=1)
    asyncio.run(asyncio.wait_for(load.run(), 60))
    return load.finished[0].reply if load.finished else ""


PASSING = tuple(
    itertools.product(
        ("connect", "EHLO", "MAIL", "RCPT", "DATA", "dot"),
        ("451 4.3.0 not now", "421 4.7.0 too many", SILENCE, "close", "reset", "garbage"),
    )
)


def relay_faults(folder: Path, passing: Iterable[tuple[str, str]] = PASSING) -> Iterator[str]:
    """Give what goes wrong with relays that do, for a while at a step (`passing`) or for good."""
    for step, fault in passing:
        place = folder / f"{step}-{fault}".replace(" ", "-")
        settings = SETTINGS | {"relay.timeout_seconds": 2}
        with Relay({step: [fault]}) as relay, running(place, settings | {"relay.url": relay.url}) as service:
            if not one_plea(service, 1).startswith("250"):
                yield f"{step} {fault}: the plea was not taken"
            relay.wait_for(1)
            service.wait_for(" handed-over ")
            if len(answers(relay)) != 1 or any(len(ids) != 1 for ids in answers(relay).values()):
                yield f"{step} {fault}: {answers(relay)}"
            service.stop()
    for step in ("MAIL", "RCPT", "DATA", "dot"):
        with (
            Relay({step: "550 5.7.1 no"}) as relay,
            running(folder / step, SETTINGS | {"relay.url": relay.url}) as service,
        ):
            one_plea(service, 1)
            service.wait_for(" failed ")
            if [row["state"] for row in service.rows("outbox")] != ["failed"]:
                yield f"{step} 550: {service.rows('outbox')}"
            if relay.taken:
                yield f"{step} 550: something left"
            service.stop()


def locked(folder: Path, seconds: float) -> Iterator[str]:
    """Give what goes wrong while another program locks the database for `seconds`."""
    with running(folder, SETTINGS) as service:
        if not one_plea(service, 1).startswith("250"):
            yield "not taken before"
        other = sqlite3.connect(next(folder.glob("data/*.db")), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ended = threading.Timer(seconds, lambda: None)
        ended.start()
        if not (reply := one_plea(service, 2)).startswith("451"):
            yield f"while locked: {reply!r}"
        ended.join()
        other.execute("ROLLBACK")
        other.close()
        if not (reply := one_plea(service, 2)).startswith("250"):
            yield f"after it: {reply!r}"
        service.wait_for(" handed-over .* recipient=u2[.]")
        if service.stop():
            yield "it did not end in order"


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Give a folder on a file system of its own."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full(folder: Path) -> Iterator[str]:
    """Give what goes wrong when the disk is full and there is room again."""
    with (
        small_disk(folder, 16) as disk,
        Relay() as relay,
        running(disk, SETTINGS | {"relay.url": relay.url}) as service,
    ):
        if not one_plea(service, 1).startswith("250"):
            yield "not taken before"
        service.wait_for(" handed-over ")
        ballast = disk / "ballast"
        with ballast.open("wb") as file:
            try:
                while True:
                    file.write(os.urandom(65536))
                    file.flush()
            except OSError:
                pass
        replies = [one_plea(service, number, 200_000) for number in range(2, 12)]
        if not any(reply.startswith("451") for reply in replies):
            yield f"the disk was full: {replies}"
        if bad := [reply for reply in replies if reply[:3] not in {"250", "451"}]:
            yield f"the disk was full: {bad}"
        ballast.unlink()
        if not (reply := one_plea(service, 99)).startswith("250"):
            yield f"with room again: {reply!r}"
        service.wait_for(" handed-over .* recipient=u99[.]")
        service.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the loops named, all without a name; give 1 when something is broken."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=260)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--locked-seconds", type=float, default=60)
    parser.add_argument("loops", nargs="*", metavar="NAME", help="kills, relay, locked, full")
    given = parser.parse_args(arguments)
    loops = {
        "kills": lambda folder: kills(folder, given.kills, given.seed),
        "relay": relay_faults,
        "locked": lambda folder: locked(folder, given.locked_seconds),
        "full": full,
    }
    if unknown := set(given.loops) - loops.keys():
        parser.error(f"no loop {', '.join(sorted(unknown))}; there are {', '.join(loops)}")
    failed = False
    for name in given.loops or loops:
        with tempfile.TemporaryDirectory() as place:
            broken = list(loops[name](Path(place) / name))
        failed |= bool(broken)
        print(f"{name}: {'broken' if broken else 'all holds'}", *broken[:20], sep="\n  ", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
