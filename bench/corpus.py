"""What the service reads out of a folder of labelled messages: `python -m bench.corpus [FOLDER]`.

The folder holds `manifest.tsv`, `rejections.tsv` and the messages that they name; RESPONDER_CORPUS names it where no
argument does. Prints a table, then every miss, then the addresses read where no label names one. Exit status 1 when a
share is below what is wanted, 2 without a folder.
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

from bench.table import show
from responder.domain.disposition import Disposition
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.identity import Identity
from responder.domain.plea import Certainty
from responder.domain.products import PRODUCTS
from responder.domain.reading import Reading, read
from tests.support.forwards import PROGRAMS, Bounce, as_bounce, open_bounce

TABLES = ("manifest.tsv", "rejections.tsv")
BYPASS = "bypass@responder.example"
IDENTITY = Identity((BYPASS,), frozenset({"responder.example"}), frozenset(), True, "responder.example", b"corpus")
STRANGER = "stranger@sender.example"
NAMED, ALWAYS = 0.97, 1.0

_NOON = datetime(2026, 8, 3, 12, tzinfo=UTC)
_EXCHANGE = re.compile(r"exchange ([\w.]+)")
_ADDRESS = re.compile(r"[\w.+=-]+@[\w.-]+")
_KEYS = {product.key for product in PRODUCTS}

Row = dict[str, str]


@dataclass
class Tally:
    """How often something was right.

    Attributes:
        name: what is counted.
        wanted: the share that must be right, None where it is only reported.
        right: how often it was.
        total: out of how many.
        misses: one line for each time that it was not.
    """

    name: str
    wanted: float | None = ALWAYS
    right: int = 0
    total: int = 0
    misses: list[str] = field(default_factory=list)

    def count(self, line: str, *, right: bool) -> None:
        self.total += 1
        self.right += right
        if not right:
            self.misses.append(line)

    @property
    def holds(self) -> bool:
        return self.wanted is None or self.right >= self.wanted * self.total


@dataclass
class Addresses:
    """How the refused addresses of one kind of messages were read."""

    found: Tally
    sound: Tally

    @classmethod
    def of(cls, kind: str) -> "Addresses":
        return cls(Tally(f"{kind}: refused address found", NAMED), Tally(f"{kind}: no wrong address"))

    def count(self, line: str, *, label: str, read_as: str) -> None:
        line = f"{line}: {label} expected, {read_as or 'nothing'} read"
        self.found.count(line, right=read_as == label)
        self.sound.count(line, right=read_as in ("", label))


@dataclass
class Report:
    """All that one run counted.

    Attributes:
        silent: messages that must not be answered, by what header or envelope show.
        content_only: those that only their words give away.
        answered: messages that must be answered.
        software: proven software named right.
        certain: software never wrong while `certain`.
        addresses: by the kind of message that names them.
        unlabelled: refusals that name an address where the label names none, each once, by message and address.
        seconds: how long each message took to read, with its name.
    """

    silent: Tally = field(default_factory=lambda: Tally("must not reply, header or envelope shows it: silent"))
    content_only: Tally = field(default_factory=lambda: Tally("must not reply, only its words show it: silent", None))
    answered: Tally = field(default_factory=lambda: Tally("may reply: answered"))
    software: Tally = field(default_factory=lambda: Tally("software: named right", NAMED))
    certain: Tally = field(default_factory=lambda: Tally("software: not wrong with certainty"))
    addresses: dict[str, Addresses] = field(default_factory=dict)
    unlabelled: dict[tuple[str, str], str] = field(default_factory=dict)
    seconds: list[tuple[float, str]] = field(default_factory=list)

    @property
    def tallies(self) -> Iterator[Tally]:
        yield from (self.silent, self.content_only, self.answered, self.software, self.certain)
        for addresses in self.addresses.values():
            yield from (addresses.found, addresses.sound)

    @property
    def holds(self) -> bool:
        return all(tally.holds for tally in self.tallies)


def measure(folder: Path) -> Report:
    """Read every message of `folder`, alone and in forwards, and compare with the labels."""
    report = Report()
    bounces = [*_read_messages(report, folder), *_read_rejections(report, folder)]
    for program, forward in PROGRAMS.items():
        for name, label, bounce in bounces:
            _count_address(report, program, name, label, _read(forward(bounce)))
    return report


def _rows(table: Path) -> list[Row]:
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def _read_messages(report: Report, folder: Path) -> Iterator[tuple[str, str, Bounce]]:
    """Count the messages; give the bounces among them, each with its name and the address that its label names."""
    for row in _rows(folder / "manifest.tsv"):
        raw = (folder / row["file"]).read_bytes()
        started = time.perf_counter()
        reading = _read(raw, _sender(row, raw))
        report.seconds.append((time.perf_counter() - started, row["file"]))
        _count_disposition(report, row, raw, reading)
        _count_software(report, row, reading)
        if row["kind"] == "bounce":
            _count_address(report, "bounces", row["file"], row["blocked_ip"], reading)
            yield row["file"], row["blocked_ip"], open_bounce(raw)
        elif row["must"]:
            _count_address(report, "other messages", row["file"], row["blocked_ip"], reading)


def _read_rejections(report: Report, folder: Path) -> Iterator[tuple[str, str, Bounce]]:
    """Count the replies, each alone in a person's plea; give bounces that quote them."""
    for number, row in enumerate(_rows(folder / "rejections.tsv"), 2):
        name = f"rejections.tsv:{number}"
        plea = f"From: {STRANGER}\nTo: {BYPASS}\nSubject: refused\n\nHello,\n\n{row['text']}\n"
        _count_address(report, "replies in a plea", name, row["blocked_ip"], _read(plea.encode()))
        yield name, row["blocked_ip"], as_bounce(row["text"])


def _sender(row: Row, raw: bytes) -> str:
    """Give the envelope sender as the labels say: as recorded, else null for a bounce, else the author."""
    if row["envelope_from"]:
        return row["envelope_from"].strip("<>")
    if row["kind"] == "bounce":
        return ""
    author = re.search(rb"^From:(.*)$", raw, re.MULTILINE | re.IGNORECASE)
    found = _ADDRESS.search(author[1].decode("latin-1")) if author else None
    return found[0] if found else STRANGER


def _read(raw: bytes, sender: str = STRANGER) -> Reading:
    recipient = Recipient(BYPASS, RecipientKind.BYPASS)
    envelope = Envelope(
        reverse_path=sender,
        recipients=(recipient,),
        client=None,
        client_source=ClientSource.UNKNOWN,
        helo_name="",
        tls=False,
        smtputf8=False,
        trusted_relay=False,
        received_at=_NOON,
    )
    return read(envelope, Content(raw, len(raw), b""), IDENTITY)


def _count_disposition(report: Report, row: Row, raw: bytes, reading: Reading) -> None:
    silent = reading.decision.disposition is Disposition.SILENT
    line = f"{row['file']} ({row['kind']}): {reading.decision.reason or 'answered'}; {row['markers'] or row['note']}"
    if row["must"] == "may-reply":
        report.answered.count(line, right=not silent)
    elif row["must"] == "must-not-reply" and row["markers"] == "content only":
        report.content_only.count(line, right=silent)
    elif row["must"] == "must-not-reply":
        # What a header shows must hold whatever the envelope says.
        whatever = _read(raw).decision.disposition is Disposition.SILENT
        report.silent.count(
            f"{line}; with an ordinary sender {'silent' if whatever else 'answered'}", right=silent and whatever
        )


def _count_software(report: Report, row: Row, reading: Reading) -> None:
    if not row["software"]:
        return
    product, version = expected_software(row["software"])
    software = reading.plea.software
    right = software is not None and software.product == product and version in (None, software.version)
    line = f"{row['file']} ({row['kind']}): {row['software']} expected, {software or 'nothing'} read"
    report.software.count(line, right=right)
    report.certain.count(line, right=right or software is None or software.certainty is not Certainty.CERTAIN)


def expected_software(label: str) -> tuple[str, str | None]:
    """Give product and version, in our words, of a label; None for a version that it does not tell."""
    label = label.lower()
    if exchange := _EXCHANGE.fullmatch(label):
        return "exchange", exchange[1]
    if label.startswith("microsoft smtp service"):
        return "windows-smtp", None
    return (label if label in _KEYS else "other"), None


def _count_address(report: Report, kind: str, name: str, label: str, reading: Reading) -> None:
    plea = reading.plea
    if label:
        addresses = report.addresses.setdefault(kind, Addresses.of(kind))
        addresses.count(name, label=label, read_as=str(plea.address or ""))
    elif plea.rejection and plea.rejection.address:
        read_as = str(plea.rejection.address)
        report.unlabelled.setdefault((name, read_as), f"{kind}: {name}: {read_as} read; {plea.rejection.text[:150]}")


def print_report(report: Report) -> None:
    show(
        "What is read out of labelled messages",
        ("", "right", "of", "share", "wanted"),
        [_line(tally) for tally in report.tallies if tally.total],
    )
    if report.seconds:
        worst, name = max(report.seconds)
        median = statistics.median(seconds for seconds, _ in report.seconds)
        print(f"Time to read one message: median {median * 1e6:,.0f} µs, worst {worst * 1e6:,.0f} µs ({name})")
    for tally in report.tallies:
        for miss in tally.misses:
            print(f"missed: {tally.name}: {miss}")
    for line in report.unlabelled.values():
        print(f"no label: {line}")


def _line(tally: Tally) -> tuple[str, ...]:
    wanted = "" if tally.wanted is None else f"{100 * tally.wanted:.0f} %"
    share = f"{100 * tally.right / tally.total:.2f} %"
    return tally.name, str(tally.right), str(tally.total), share, wanted if tally.holds else f"{wanted}: falls short"


def main(arguments: list[str]) -> int:
    folder = arguments[0] if arguments else os.environ.get("RESPONDER_CORPUS", "")
    if not folder or not all((Path(folder) / table).is_file() for table in TABLES):
        print(f"name a folder with {' and '.join(TABLES)}, as argument or in RESPONDER_CORPUS", file=sys.stderr)
        return 2
    report = measure(Path(folder))
    print_report(report)
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
