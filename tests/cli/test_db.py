"""`responder db`: the schema brought up to date and told, a copy made while the service may run."""

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import make_url

from responder.cli.root import root
from responder.storage import migrate


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RESPONDER_DATABASE__URL", make_url(database_url).render_as_string(hide_password=False))
    return database_url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["db", *arguments])


@pytest.mark.usefixtures("url")
def test_upgrade_then_current(tmp_path: Path) -> None:
    assert run("upgrade").stdout == f"Schema {migrate.head()}: brought up to date.\n"
    assert run("upgrade").stdout == f"Schema {migrate.head()}: nothing to do.\n"
    done = run("current", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["current"], told["needed"]) == (migrate.head(), migrate.head())


def test_current_of_an_old_schema_is_a_failure() -> None:
    run("upgrade")
    with sqlite3.connect("var/responder.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    done = run("current")
    assert done.exit_code == 1
    assert done.stdout.startswith("0000 ")


@pytest.mark.usefixtures("url")
def test_backup_is_whole_and_never_overwrites(tmp_path: Path) -> None:
    run("upgrade")
    copy = tmp_path / "copy"
    done = run("backup", str(copy))
    assert done.exit_code == 0, done.output
    before = copy.read_bytes()
    assert before[:16] == b"SQLite format 3\0" or before[:5] == b"PGDMP"
    assert copy.stat().st_mode & 0o077 == 0
    done = run("backup", str(copy))
    assert (done.exit_code, done.stderr) == (1, f"responder: {copy} exists already\n")
    assert copy.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copy")] == ["copy"]


def test_a_copy_of_sqlite_is_a_database_that_works(tmp_path: Path) -> None:
    run("upgrade")
    run("backup", "copy.db")
    with sqlite3.connect("copy.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (migrate.head(),)
    connection.close()


def test_backup_to_nowhere_leaves_nothing(tmp_path: Path) -> None:
    run("upgrade")
    done = run("backup", str(tmp_path / "missing" / "copy.db"))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
