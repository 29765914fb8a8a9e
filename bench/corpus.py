"""What the service reads out of a folder of labelled messages: `python -m bench.corpus [FOLDER]`.

The folder holds `manifest.tsv`, `rejections.tsv` and the messages that they name; `RESPONDER_CORPUS` names it where no
argument does. Prints a table and then every miss, one line each; exit status 1 when a share is below its least value.
"""

import csv
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from responder.domain.disposition import Disposition
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.identity import Identity
from responder.domain.plea import Certainty
from responder.domain.reading import Reading, read
from tests.support.forwards import PROGRAMS, Bounce, as_bounce, open_bounce

BYPASS = "bypass@responder.example"
IDENTITY = Identity((BYPASS,), frozenset({"responder.example"}), frozenset(), True, "responder.example", b"corpus")
NAMED, UNTOUCHED = 0.97, 1.0
STRANGER = "stranger@sender.example"
_VERSION = re.compile(r"exchange ([\w.]+)")
_ADDRESS = re.compile(r"[\w.+=-]+@[\w.-]+")


@dataclass
class Tally:
    """How often something was right.

    Attributes:
        name: what is counted.
        least: the share that must be right, None where the share is only reported.
        right: how often it was.
        total: out of how many.
        misses: one line for each time that it was not.
    """

    name: str
    least: float | None
    right: int = 0
    total: int = 0
    misses: list[str] = field(default_factory=list)

    def count(self, right: bool, miss: str) -> None:  # noqa: FBT001 - the one thing that is counted
        self.total += 1
        self.right += right
        if not right:
            self.misses.append(miss)

    @property
    def holds(self) -> bool:
        return self.least is None or self.right >= self.least * self.total


@dataclass
class Report:
    """All tallies of one run, and the time that each message took to read, in seconds."""

    silent: Tally = field(default_factory=lambda: Tally("must not reply, header or envelope shows it", UNTOUCHED))
    content_only: Tally = field(default_factory=lambda: Tally("must not reply, only its words show it", None))
    answered: Tally = field(default_factory=lambda: Tally("may reply: answered", UNTOUCHED))
    software: Tally = field(default_factory=lambda: Tally("software that is proven: named right", NAMED))
    certain: Tally = field(default_factory=lambda: Tally("software: not wrong while certain", UNTOUCHED))
    addresses: dict[str, Tally] = field(default_factory=dict)
    seconds: list[tuple[float, str]] = field(default_factory=list)

    def address(self, name: str, expected: str, reading: Reading, label: str) -> None:
        """Count the address read from the message `label`; `expected` is empty where it names none."""
        found = self.addresses.setdefault(f"{name}: found", Tally(f"refused address, {name}: found", NAMED))
        sound = self.addresses.setdefault(f"{name}: sound", Tally(f"refused address, {name}: not wrong", UNTOUCHED))
        rejection = reading.plea.rejection
        named = str(rejection.address) if rejection and rejection.address else ""
        if expected:
            found.count(named == expected, f"{label}: {expected} expected, {named or 'nothing'} read")
            sound.count(named in ("", expected), f"{label}: {expected} expected, {named} read")

    @property
    def tallies(self) -> Iterator[Tally]:
        yield from (self.silent, self.content_only, self.answered, self.software, self.certain)
        yield from self.addresses.values()


def measure(folder: Path) -> Report:
    """Read every message of `folder` and compare with its labels."""
    report = Report()
    bounces: list[tuple[str, str, Bounce]] = []
    for row in _rows(folder / "manifest.tsv"):
        raw = (folder / row["file"]).read_bytes()
        started = time.perf_counter()
        reading = read(_envelope(_sender(row, raw)), _content(raw), IDENTITY)
        report.seconds.append((time.perf_counter() - started, row["file"]))
        _count_disposition(report, row, raw, reading)
        _count_software(report, row, reading)
        if row["kind"] == "bounce":
            report.address("bounces", row["blocked_ip"], reading, row["file"])
            bounces.append((row["file"], row["blocked_ip"], open_bounce(raw)))
    for number, row in enumerate(_rows(folder / "rejections.tsv"), 2):
        label = f"rejections.tsv:{number}"
        plea = f"From: {STRANGER}\nTo: {BYPASS}\nSubject: refused\n\nHello,\n\n{row['text']}\n".encode()
        report.address("replies alone", row["blocked_ip"], _read(plea), label)
        bounces.append((label, row["blocked_ip"], as_bounce(row["text"])))
    for label, address, bounce in bounces:
        for program, forward in PROGRAMS.items():
            report.address(f"forwarded by {program}", address, _read(forward(bounce)), label)
    return report


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def _sender(row: dict[str, str], raw: bytes) -> str:
    """Give the envelope sender as the labels say: as recorded, else null for a bounce, else the author."""
    if row["envelope_from"]:
        return row["envelope_from"].strip("<>")
    if row["kind"] == "bounce":
        return ""
    author = re.search(rb"^From:(.*)$", raw, re.MULTILINE | re.IGNORECASE)
    found = _ADDRESS.search(author[1].decode("latin-1")) if author else None
    return found[0] if found else STRANGER


def _envelope(reverse_path: str) -> Envelope:
    recipient = Recipient(BYPASS, RecipientKind.BYPASS)
    return Envelope(
        reverse_path,
        (recipient,),
        None,
        ClientSource.UNKNOWN,
        "",
        False,
        False,
        False,
        datetime(2026, 8, 3, tzinfo=UTC),
    )


def _content(raw: bytes) -> Content:
    return Content(raw, len(raw), b"")


def _read(raw: bytes) -> Reading:
    return read(_envelope(STRANGER), _content(raw), IDENTITY)


def _count_disposition(report: Report, row: dict[str, str], raw: bytes, reading: Reading) -> None:
    silent = reading.decision.disposition is Disposition.SILENT
    line = f"{row['file']} ({row['kind']}): {reading.decision.reason or 'answered'}; {row['markers'] or row['note']}"
    if row["must"] == "may-reply":
        report.answered.count(not silent, line)
    elif row["must"] == "must-not-reply" and row["markers"] == "content only":
        report.content_only.count(silent, line)
    elif row["must"] == "must-not-reply":
        # What a header shows must hold whatever the envelope says.
        other = _read(raw).decision.disposition is Disposition.SILENT
        report.silent.count(silent and other, f"{line}{'' if other else '; answered with an ordinary sender'}")


def _count_software(report: Report, row: dict[str, str], reading: Reading) -> None:
    if not row["software"]:
        return
    product, version = _expected_software(row["software"])
    read_as = reading.plea.software
    right = read_as is not None and read_as.product == product and version in (None, read_as.version)
    line = f"{row['file']} ({row['kind']}): {row['software']} expected, {read_as or 'nothing'} read"
    report.software.count(right, line)
    report.certain.count(right or read_as is None or read_as.certainty is not Certainty.CERTAIN, line)


def _expected_software(label: str) -> tuple[str, str | None]:
    """Give product and version, in our words, of a label; None for a version that it does not tell."""
    label = label.lower()
    if exchange := _VERSION.fullmatch(label):
        return "exchange", exchange[1]
    if label.startswith("microsoft smtp service"):
        return "windows-smtp", None
    return (label if "/" not in label else "other"), None


def print_report(report: Report) -> None:
    width = max(len(tally.name) for tally in report.tallies)
    for tally in report.tallies:
        share = f"{100 * tally.right / tally.total:6.2f} %" if tally.total else "     - "
        least = f"at least {100 * tally.least:.0f} %" if tally.least is not None else "reported only"
        verdict = "" if tally.holds else "  FAILS"
        print(f"{tally.name:{width}}  {tally.right:5} of {tally.total:5}  {share}  {least}{verdict}")
    if report.seconds:
        worst, name = max(report.seconds)
        median = statistics.median(seconds for seconds, _ in report.seconds)
        print(
            f"{'time to read one message':{width}}  median {median * 1e3:.2f} ms, worst {worst * 1e3:.2f} ms ({name})"
        )
    for tally in report.tallies:
        for miss in tally.misses:
            print(f"{tally.name}: {miss}")


def main(arguments: list[str]) -> int:
    folder = arguments[0] if arguments else os.environ.get("RESPONDER_CORPUS", "")
    if not folder or not (Path(folder) / "manifest.tsv").is_file():
        print("name a folder with manifest.tsv, as argument or in RESPONDER_CORPUS", file=sys.stderr)
        return 2
    report = measure(Path(folder))
    print_report(report)
    return 0 if all(tally.holds for tally in report.tallies) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
