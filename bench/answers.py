"""Answers per second, end to end, beside Postfix with Dovecot's Sieve vacation in the same run.

The clock runs from the first connection to the last answer at the relay. Both take the same pleas, each from a new
sender, and answer with the same text. The two take turns, so that other work on the machine meets both.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from bench import peer
from bench.service import Taken, load, service, sink
from bench.table import show
from responder.services.library import Library
from responder.services.samples import SAMPLES
from tests.support.answers import make_renderer
from tests.support.ports import free_port

ROUNDS = 3
OURS, THEIRS = 3000, 600
WANTED = 5.0


def once(taken: Taken, port: int, to: str, count: int, run: str) -> float:
    """Send `count` pleas and give the answers per second."""
    before = taken.count
    sent = load(port, to, count, run=run)
    if sent["taken"] != count or not taken.wait_for(before + count):
        raise SystemExit(f"{run}: {sent['taken']} of {count} taken, {taken.count - before} answered; {sent['refused']}")
    return count / (taken.last_at - sent["started_at"])


def main() -> int:
    """Measure, print the table, and give 1 when the ratio falls short."""
    if missing := peer.missing():
        print(
            f"The peer needs {', '.join(missing)}: apt-get install postfix dovecot-lmtpd dovecot-sieve", file=sys.stderr
        )
        return 1
    library = Library()
    page = make_renderer(library).page(library.candidates("answer", "en")[0], SAMPLES["dynamic"])
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as name, sink() as taken:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "peer").mkdir()
        listen = free_port()
        with (
            peer.vacation(folder / "peer", listen, free_port(), taken.port, text=page.text, html=page.html),
            service(folder / "ours", taken.port) as (smtp, _),
        ):
            once(taken, smtp.port, "bypass@example.com", 200, "warm")
            once(taken, listen, peer.BOX, 50, "warm")
            for number in range(ROUNDS):
                theirs.append(once(taken, listen, peer.BOX, THEIRS, f"t{number}"))
                ours.append(once(taken, smtp.port, "bypass@example.com", OURS, f"o{number}"))
    mine, other = statistics.median(ours), statistics.median(theirs)
    show(
        "Answers per second, 2 KB pleas, 10 sessions",
        ("", "median", "rounds"),
        [
            ("this service (smtp and worker)", f"{mine:,.0f}", " ".join(f"{rate:,.0f}" for rate in ours)),
            ("Postfix, Dovecot LMTP, Sieve vacation", f"{other:,.0f}", " ".join(f"{rate:,.0f}" for rate in theirs)),
            ("ratio", f"{mine / other:.1f}", f"at least {WANTED:.0f} wanted"),
        ],
    )
    return 0 if mine / other >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
