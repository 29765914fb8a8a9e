"""The service, the sink and the load as processes of their own, for the measurements."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.running import Running, running

PROJECT = Path(__file__).resolve().parents[1]
LIMIT_SECONDS = 180
UNLIMITED = {
    "reply.max_per_sender_per_week": 0,
    "reply.max_per_network_per_hour": 0,
    "reply.max_per_domain_per_hour": 0,
    "reply.max_per_minute": 0,
    "evidence.enabled": False,
    "log.format": "text",
}


@dataclass
class Taken:
    """What the sink has taken so far: how many, and when the last came (monotonic seconds)."""

    port: int
    count: int = 0
    last_at: float = 0.0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int, seconds: float = LIMIT_SECONDS) -> bool:
        """Wait until `count` messages have come; False when they do not come in time."""
        with self.changed:
            return self.changed.wait_for(lambda: self.count >= count, timeout=seconds)


@contextmanager
def sink() -> Iterator[Taken]:
    """Run the counting relay until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    taken = Taken(int(process.stdout.readline()))
    follower = threading.Thread(target=_follow, args=(process.stdout, taken), daemon=True)
    follower.start()
    try:
        yield taken
    finally:
        process.stdin.close()
        process.wait(10)
        follower.join(10)


def _follow(lines: Iterator[str], taken: Taken) -> None:
    for line in lines:
        count, last_at = line.split()
        with taken.changed:
            taken.count, taken.last_at = int(count), float(last_at)
            taken.changed.notify_all()


@contextmanager
def service(folder: Path, relay_port: int, settings: Mapping[str, Any] | None = None) -> Iterator[list[Running]]:
    """Run the recommended layout, one process that takes mail and one that answers; the first takes the mail."""
    chosen = UNLIMITED | {"relay.url": f"smtp://127.0.0.1:{relay_port}"} | dict(settings or {})
    with ExitStack() as stack:
        faces = ("smtp", "worker")
        yield [stack.enter_context(running(folder, chosen, arguments=["--only", face])) for face in faces]


def load(port: int, to: str, count: int, *, run: str, sessions: int = 10, size: int = 2000) -> dict[str, Any]:
    """Send `count` pleas of `size` octets and give what `bench.load` prints."""
    arguments = {"port": port, "to": to, "count": count, "run": run, "sessions": sessions, "size": size}
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", *(f"--{name}={value}" for name, value in arguments.items())],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Give the processor time that a running process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
