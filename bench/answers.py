"""Answers per second, end to end, beside Postfix with Dovecot's Sieve vacation in the same run.

The clock runs from the first connection to the last answer at the relay. All take the same pleas, each from a new
sender, and answer with the same text. They take turns, so that other work on the machine meets all of them.

The peer runs in two ways. Handing the answer straight to the relay is the faster one, and loses it when Dovecot dies or
the relay is away. Through the queue of Postfix, as Dovecot does by default, the answer is on disk before it leaves, as
ours is.
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from bench import peer
from bench.service import Taken, load, service, sink
from bench.table import show
from responder.services.samples import SAMPLES
from responder.services.templates.library import Library
from tests.support.answers import make_renderer

ROUNDS = 3
WANTED = 5.0
OURS, DIRECT, QUEUED = "ours", "direct", "queued"
NAMES = {
    OURS: "this service (smtp and worker)",
    DIRECT: "Postfix, Dovecot LMTP, Sieve vacation",
    QUEUED: "the same, the answer queued durably by Postfix again",
}


def once(taken: Taken, port: int, to: str, count: int, run: str) -> float:
    """Send `count` pleas and give the answers per second."""
    before = taken.count
    sent = load(port, to, count, run=run)
    if sent["taken"] != count or not taken.wait_for(before + count):
        raise SystemExit(f"{run}: {sent['taken']} of {count} taken, {taken.count - before} answered; {sent['refused']}")
    return count / (taken.last_at - sent["started_at"])


def main() -> int:
    """Measure, print the table, and give 1 when the first ratio falls short."""
    if missing := peer.missing():
        print(
            f"The peer needs {', '.join(missing)}: apt-get install postfix dovecot-lmtpd dovecot-sieve", file=sys.stderr
        )
        return 1
    library = Library()
    page = make_renderer(library).page(library.candidates("answer", "en")[0], SAMPLES["dynamic"])
    with tempfile.TemporaryDirectory() as name, sink() as taken, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        ports = {
            side: stack.enter_context(
                peer.vacation(folder / side, taken.port, text=page.text, html=page.html, is_queued=side == QUEUED)
            )
            for side in (DIRECT, QUEUED)
        }
        smtp, _ = stack.enter_context(service(folder / "ours", taken.port))
        sides = {
            OURS: (smtp.port, "bypass@example.com", 3000),
            DIRECT: (ports[DIRECT], peer.BOX, 600),
            QUEUED: (ports[QUEUED], peer.BOX, 400),
        }
        rates = measure(taken, sides)
    return report(rates)


def measure(taken: Taken, sides: Mapping[str, tuple[int, str, int]]) -> dict[str, list[float]]:
    """Give for each side, by port, recipient and number of pleas, the answers per second of every round."""
    for side, (port, to, _) in sides.items():
        once(taken, port, to, 50, f"warm-{side}")
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(ROUNDS):
        for side, (port, to, count) in sides.items():
            rates[side].append(once(taken, port, to, count, f"{side}{number}"))
    return rates


def report(rates: Mapping[str, list[float]]) -> int:
    """Print the table and give the exit status."""
    medians = {side: statistics.median(found) for side, found in rates.items()}
    direct, queued = medians[OURS] / medians[DIRECT], medians[OURS] / medians[QUEUED]
    rows = [
        (NAMES[side], f"{medians[side]:,.0f}", " ".join(f"{rate:,.0f}" for rate in found))
        for side, found in rates.items()
    ]
    rows += [
        ("ratio to the first peer", f"{direct:.1f}", f"at least {WANTED:.0f} wanted"),
        ("ratio to the second, which stores the answer first as we do", f"{queued:.1f}", ""),
    ]
    show("Answers per second, 2 KB pleas, 10 sessions", ("", "median", "rounds"), rows)
    return 0 if direct >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
