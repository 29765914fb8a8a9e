"""What is read out of labelled messages: a few of our own, and those that RESPONDER_CORPUS names where it is set."""

import os
from pathlib import Path

import pytest

from bench import corpus
from tests.support.forwards import PROGRAMS
from tests.support.labelled import MANIFEST, REJECTIONS, write_samples

NAMED = os.environ.get("RESPONDER_CORPUS")
KINDS = ("bounces", "replies in a plea", *PROGRAMS)
ADDRESSES = sum(1 for row in MANIFEST if row[1] == "bounce" and row[3]) + sum(map(bool, REJECTIONS.values()))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module", params=["own", *([NAMED] if NAMED else [])])
def report(request: pytest.FixtureRequest, samples: Path) -> corpus.Report:
    return corpus.measure(samples if request.param == "own" else Path(request.param))


def misses(*tallies: corpus.Tally) -> str:
    return "\n".join(line for tally in tallies for line in tally.misses)


def test_silent_where_header_or_envelope_say_so(report):
    assert report.silent.total
    assert not report.silent.misses, misses(report.silent)


def test_people_are_answered(report):
    assert report.answered.total
    assert not report.answered.misses, misses(report.answered)


def test_proven_software_is_named(report):
    assert report.software.total
    assert report.software.holds, misses(report.software)


def test_no_software_is_wrong_with_certainty(report):
    assert not report.certain.misses, misses(report.certain)


@pytest.mark.parametrize("kind", KINDS)
def test_refused_address(report, kind):
    addresses = report.addresses[kind]

    assert addresses.found.total
    assert addresses.found.holds, misses(addresses.found)
    assert not addresses.sound.misses, misses(addresses.sound)


def test_own_samples_are_all_counted(samples):
    report = corpus.measure(samples)

    assert len(report.seconds) == len(MANIFEST)
    assert (report.silent.total, report.content_only.total, report.answered.total) == (3, 1, 2)
    assert report.software.total == report.certain.total == sum(1 for row in MANIFEST if row[4])
    assert {report.addresses[program].found.total for program in PROGRAMS} == {ADDRESSES}
    assert report.unlabelled == {}


def relabel(folder: Path, old: str, new: str) -> None:
    for table in corpus.TABLES:
        path = folder / table
        path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("personal\tmay-reply", "personal\tmust-not-reply", "with an ordinary sender answered"),
        ("list\tmust-not-reply", "list\tmay-reply", "list.eml (list): mailing-list"),
        ("\t203.0.113.10", "\t203.0.113.99", "rejections.tsv:2: 203.0.113.99 expected, 203.0.113.10 read"),
        ("Exchange 2003", "Exchange 2000", "person.eml (personal): Exchange 2000 expected"),
        ("Postfix", "Sendmail", "bounce.eml (bounce): Sendmail expected"),
    ],
)
def test_a_miss_fails_the_run_and_is_told(tmp_path, capsys, old, new, line):
    relabel(write_samples(tmp_path), old, new)

    assert corpus.main([str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert line in told
    assert "falls short" in told


def test_table(samples, capsys):
    assert corpus.main([str(samples)]) == 0
    told = capsys.readouterr().out
    assert "may reply: answered" in told
    assert "Time to read one message: median" in told
    assert "missed" not in told


def test_address_without_a_label_is_listed(tmp_path, capsys):
    relabel(write_samples(tmp_path), "\t203.0.113.11", "\t")

    corpus.main([str(tmp_path)])
    assert "no label: replies in a plea: rejections.tsv:3: 203.0.113.11 read" in capsys.readouterr().out


@pytest.mark.parametrize("folder", [None, "missing"])
def test_no_folder(tmp_path, monkeypatch, capsys, folder):
    monkeypatch.delenv("RESPONDER_CORPUS", raising=False)

    assert corpus.main([str(tmp_path / folder)] if folder else []) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("label", "product", "version"),
    [
        ("Exchange 5.5", "exchange", "5.5"),
        ("Exchange Online", "exchange", "online"),
        ("Microsoft SMTP service (Windows Server 2008 R2)", "windows-smtp", None),
        ("Postfix", "postfix", None),
        ("iPlanet/Sun/Oracle MS", "other", None),
        ("Kerio Connect", "other", None),
    ],
)
def test_labels_of_software(label, product, version):
    assert corpus.expected_software(label) == (product, version)
