"""What accepting and answering costs with a million stored messages, beside a thousand, in the same run.

The million are copies of a thousand that really came, with keys of their own, so that every index has its size.
"""

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.service import Taken, cpu_seconds, load, service, sink
from bench.table import show

SEED = 1000
COUNT = 2000
ROUNDS = 3
WANTED = 1.1

# How the columns of a copy differ from its original; `:k` is the number of the copy.
_COPIES = {
    "messages": {
        "id": "id + :k * :gap",
        "reference": "'C' || hex(randomblob(6))",
        "sender_key": "sender_key || :k",
        "request_id": "request_id + :k * :gap",
        "message_id_header": "message_id_header || :k",
    },
    "raw_messages": {"message_id": "message_id + :k * :gap"},
    "receipts": {"key": "randomblob(32)", "message_id": "message_id + :k * :gap"},
    "requests": {
        "id": "id + :k * :gap",
        "reference": "'C' || hex(randomblob(6))",
        "reply_token": "hex(randomblob(10))",
        "open_key": "randomblob(16)",
        "sender_key": "sender_key || :k",
        "contact": "contact || :k",
    },
    "outbound": {
        "id": "id + :k * :gap",
        "message_id": "message_id + :k * :gap",
        "request_id": "request_id + :k * :gap",
        "message_id_header": "message_id_header || :k",
    },
    "outbound_contents": {"outbound_id": "outbound_id + :k * :gap", "content": "zeroblob(64)"},
    "reply_slots": {"sender_key": "sender_key || :k"},
    "audit": {"id": "id + :k * :gap", "subject_id": "subject_id + :k * :gap"},
}


def multiply(database: Path, copies: int) -> None:
    """Store each message of `database` `copies` times more, under older ids."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    (low, high) = connection.execute("SELECT min(id), max(id) FROM messages").fetchone()
    gap = -(high - low + (1 << 22))
    originals: dict[str, list[str]] = {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in _COPIES
    }
    for table in _COPIES:
        connection.execute(f"CREATE TEMP TABLE seed_{table} AS SELECT * FROM {table}")
    started_at = time.monotonic()
    for k in range(1, copies + 1):
        connection.execute("BEGIN")
        for table, changed in _COPIES.items():
            columns = originals[table]
            values = ", ".join(changed.get(column, column) for column in columns)
            connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM seed_{table}", {"k": k, "gap": gap}
            )
        connection.execute("COMMIT")
        if sys.stderr.isatty():
            print(f"\rfilling: {k} of {copies}, {time.monotonic() - started_at:.0f} s", end="", file=sys.stderr)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def measure(folder: Path, taken: Taken, run: str) -> tuple[float, float]:
    """Give the processor time (microseconds) and the wall time (microseconds) of one message, taken and answered."""
    with service(folder, taken.port) as running:
        load(running[0].port, "bypass@example.com", 200, run=f"{run}w")
        taken.wait_for(taken.count + 1, 5)
        settled = wait_until_quiet(taken)
        used = sum(cpu_seconds(one.process) for one in running)
        sent = load(running[0].port, "bypass@example.com", COUNT, run=run)
        if not taken.wait_for(settled + COUNT):
            raise SystemExit(f"{run}: only {taken.count - settled} of {COUNT} answered")
        used = sum(cpu_seconds(one.process) for one in running) - used
        return used / COUNT * 1e6, (taken.last_at - sent["started_at"]) / COUNT * 1e6


def wait_until_quiet(taken: Taken) -> int:
    """Wait until nothing more comes and give how many came."""
    while taken.wait_for(taken.count + 1, 1):
        pass
    return taken.count


def main() -> int:
    """Measure, print the table, and give 1 when the ratio is too large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=1000, help="of the first thousand messages (1000)")
    copies = parser.parse_args().copies
    few: list[tuple[float, float]] = []
    many: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name, sink() as taken:
        small, large = Path(name, "small"), Path(name, "large")
        for folder in (small, large):
            with service(folder, taken.port) as running:
                load(running[0].port, "bypass@example.com", SEED, run=folder.name)
                wait_until_quiet(taken)
        multiply(large / "data/responder.db", copies)
        for number in range(ROUNDS):
            few.append(measure(small, taken, f"s{number}"))
            many.append(measure(large, taken, f"l{number}"))
    rows = []
    ratios = []
    for index, what in enumerate(("processor time", "wall time")):
        a, b = (statistics.median(one[index] for one in group) for group in (few, many))
        ratios.append(b / a)
        rows.append((what, f"{a:,.0f}", f"{b:,.0f}", f"{b / a:.2f}"))
    title = f"Microseconds to take and answer one message, with {SEED:,} and {SEED * (copies + 1):,} stored"
    show(title, ("", f"{SEED:,}", f"{SEED * (copies + 1):,}", f"ratio (at most {WANTED})"), rows)
    return 0 if max(ratios) <= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
