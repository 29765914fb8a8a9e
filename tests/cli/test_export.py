"""`responder export`: every format on standard output or into a file, what is published, and what differs."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, update

from responder.app.doctor_exports import check_exports
from responder.app.verdict import Verdict
from responder.cli.root import root
from responder.services.exports import FORMATS
from responder.settings import load
from responder.storage.engine import make_engine
from responder.storage.schema import exemptions
from tests.support.exports import add_exemptions

NETWORKS = ("192.0.2.7", "198.51.100.0/29", "2001:db8:1::/64")
PUBLISHING = {"RESPONDER_EXPORT__DIRECTORY": "published", "RESPONDER_EXPORT__FORMATS": "postfix-cidr,json"}

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run_export(*arguments: str, code: int = 0, **environ: str) -> Result:
        done = CliRunner(env=environ).invoke(root, ["export", *arguments])
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    return run_export


@pytest.fixture
def database(run: Run) -> Engine:
    assert CliRunner().invoke(root, ["db", "upgrade"]).exit_code == 0
    engine = make_engine("sqlite:///var/responder.db")
    add_exemptions(engine, *NETWORKS)
    return engine


def revoke_all(engine: Engine) -> None:
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(exemptions).values(revoked_at=datetime.now(UTC)))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.usefixtures("database")
def test_a_format_is_printed_or_replaces_a_file(run: Run, name: str) -> None:
    printed = run(name).stdout
    assert len(list(FORMATS[name].read(printed.splitlines(keepends=True)))) >= 3
    Path("list").write_text("old")
    assert run(name, "--output", "list").output == ""
    assert Path("list").read_text() == printed
    assert [path.name for path in Path().iterdir() if "list" in path.name] == ["list"]


@pytest.mark.usefixtures("database")
def test_a_file_that_cannot_be_written_is_told_in_one_line(run: Run) -> None:
    done = run("csv", "--output", "nowhere/list", code=1)
    assert done.stderr == "responder: nowhere: No such file or directory\n"


def test_without_a_database_there_is_nothing_to_export(run: Run) -> None:
    assert run("csv", code=1).stderr.startswith("responder: there is no database")


def test_there_is_no_other_format(run: Run) -> None:
    run("excel", code=2)


@pytest.mark.usefixtures("database")
def test_where_nothing_is_published_check_and_publish_say_so(run: Run) -> None:
    for verb in ("check", "publish"):
        assert "export.directory and export.formats" in run(verb, code=1).stderr


def test_what_is_published_is_compared_with_what_is_approved(run: Run, database: Engine) -> None:
    folder = Path("var/published").absolute()
    assert run("check", code=1, **PUBLISHING).stdout.splitlines() == [
        f"postfix-cidr: {folder}/postfix-cidr is not there",
        f"json: {folder}/json is not there",
    ]
    assert run("publish", **PUBLISHING).stdout.splitlines() == [
        f"postfix-cidr: {folder}/postfix-cidr has 3 entries, 0 before",
        f"json: {folder}/json has 3 entries, 0 before",
    ]
    assert run("publish", **PUBLISHING).stdout.splitlines()[0] == f"postfix-cidr: {folder}/postfix-cidr is up to date"
    assert run("check", **PUBLISHING).stdout == "What is approved is published: postfix-cidr, json.\n"
    revoke_all(database)
    add_exemptions(database, "192.0.2.99")
    lines = [json.loads(line) for line in run("check", "--json", code=1, **PUBLISHING).stdout.splitlines()]
    assert lines[0] == {
        "format": "postfix-cidr",
        "file": f"{folder}/postfix-cidr",
        "difference": "missing",
        "network": "192.0.2.99/32",
    }
    assert [(each["difference"], each["network"]) for each in lines[1:4]] == [
        ("left-over", "192.0.2.7/32"),
        ("left-over", "198.51.100.0/29"),
        ("left-over", "2001:db8:1::/64"),
    ]
    assert "192.0.2.99/32 is approved and not published" in run("check", code=1, **PUBLISHING).stdout


def test_a_list_that_broke_off_needs_force(run: Run, database: Engine) -> None:
    add_exemptions(database, *(f"203.0.113.{number}" for number in range(20)))
    run("publish", **PUBLISHING)
    revoke_all(database)
    assert "--force" in run("publish", code=1, **PUBLISHING).stdout
    refused = json.loads(run("publish", "--json", code=1, **PUBLISHING).stdout.splitlines()[0])
    assert (refused["outcome"], refused["before"], refused["after"]) == ("refused", 23, 0)
    run("publish", "--force", **PUBLISHING)
    run("check", **PUBLISHING)


def test_all_formats_are_offered_to_the_shell(run: Run) -> None:
    offered = run("--help").stdout
    assert all(f"  {name} " in offered for name in (*FORMATS, "check", "publish"))


def test_the_doctor_looks_at_the_files(run: Run, database: Engine) -> None:
    def found() -> list[tuple[Verdict, str]]:
        settings = load(None, PUBLISHING).settings
        return [(finding.verdict, finding.text) for finding in check_exports(settings)]

    assert [verdict for verdict, _ in found()] == [Verdict.FAILED, Verdict.FAILED]
    run("publish", **PUBLISHING)
    assert [verdict for verdict, _ in found()] == [Verdict.OK, Verdict.OK]
    add_exemptions(database, "192.0.2.98", "192.0.2.99")
    (verdict, text), _ = found()
    assert verdict is Verdict.WARNING
    assert "2 approved and not published; `responder export check`" in text


@pytest.mark.usefixtures("database")
def test_the_doctor_says_nothing_of_files_that_nobody_asked_for() -> None:
    assert list(check_exports(load(None, {}).settings)) == []
