"""`responder doctor`: each part that does not work is found, and none that works is blamed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert

from responder.app import doctor
from responder.cli.root import root
from responder.settings import load
from responder.storage import nodes
from responder.storage.engine import make_engine
from responder.storage.ids import new_id
from responder.storage.schema import outbound
from responder.storage.secrets import IDENTITY, KEY_BYTES, get_or_make
from tests.support.relay import Relay

ORGANIZATION = {
    "RESPONDER_ORGANIZATION__NAME": "Riverside Library",
    "RESPONDER_ORGANIZATION__DOMAIN": "library.example",
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for face in ("SMTP", "POLICY", "WEB"):
        monkeypatch.setenv(f"RESPONDER_{face}__LISTEN", "127.0.0.1:0")
    # A resolver that is not there: port 9 of loopback, where nobody answers.
    monkeypatch.setenv("RESPONDER_DNS__NAMESERVERS", "127.0.0.1:9")
    monkeypatch.setenv("RESPONDER_DNS__TIMEOUT_SECONDS", "0.1")


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner(env=environ).invoke(root, ["doctor", *arguments])


def verdicts(**environ: str) -> dict[str, tuple[str, str]]:
    done = run("--json", **environ)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == any(finding["verdict"] == "failed" for finding in found), done.output
    return {finding["part"]: (finding["verdict"], finding["text"]) for finding in found}


@pytest.fixture
def database() -> None:
    assert CliRunner().invoke(root, ["db", "upgrade"]).exit_code == 0


@pytest.mark.usefixtures("database")
def test_all_is_well_but_for_the_resolver_before_the_first_start() -> None:
    with Relay() as relay:
        found = verdicts(RESPONDER_RELAY__URL=relay.url, **ORGANIZATION)
    assert {part: verdict for part, (verdict, _) in found.items() if verdict != "ok"} == {"dns": "warning"}
    assert set(found) == {
        "settings", "database", "outbox", "limits", "disk", "relay", "templates", "port", "files", "clock", "dns",
    }  # fmt: skip


def test_people_get_a_line_for_each_part() -> None:
    done = run()
    assert done.exit_code == 1
    assert "failed   database   there is no database" in done.stdout
    assert not Path("var").exists()


@contextmanager
def writing() -> Iterator[Connection]:
    """Give a connection that writes to the database."""
    engine = make_engine(load(None, {}).settings.database_url)
    with engine.execution_options(write=True).begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def started(database: None) -> None:
    """A service was started on the database once, and stopped."""
    del database
    with writing() as connection:
        get_or_make(connection, IDENTITY, KEY_BYTES)


@pytest.mark.usefixtures("started")
def test_a_service_that_is_gone_is_found_by_the_worker_that_nobody_sees() -> None:
    found = verdicts()
    assert found["worker"] == (
        "failed",
        "none was seen for a minute, so nothing leaves: start `responder serve`, or `serve --only worker`",
    )
    verdict, text = found["port"]
    assert (verdict, text.endswith("is free: the service does not run there; start `responder serve`")) == (
        "warning",
        True,
    )


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    ("faces", "ago", "verdict"),
    [
        ("smtp,worker", timedelta(), "ok"),
        ("worker", timedelta(minutes=2), "failed"),
        ("smtp,policy,web", timedelta(), "failed"),
    ],
)
def test_a_worker_counts_while_it_says_that_it_lives(faces: str, ago: timedelta, verdict: str) -> None:
    with writing() as connection:
        at = datetime.now(UTC) - ago
        nodes.register(connection, instance="elsewhere/1/2/3", name="elsewhere", faces=faces, version="1", at=at)
    assert verdicts()["worker"][0] == verdict


@pytest.mark.usefixtures("database")
def test_a_relay_that_only_keeps_is_a_warning() -> None:
    folder = Path("var/outgoing").absolute()
    assert verdicts()["relay"] == ("warning", f"answers are kept in {folder}, none leaves; set relay.url")


@pytest.mark.usefixtures("database")
def test_a_maildir_that_cannot_be_written_has_failed() -> None:
    Path("var/outgoing").write_text("a file")
    assert verdicts()["relay"][0] == "failed"


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", ["NAME", "DOMAIN"])
def test_an_organization_that_is_still_as_shipped_is_a_warning(name: str) -> None:
    key = f"RESPONDER_ORGANIZATION__{name}"
    verdict, text = verdicts(**{each: value for each, value in ORGANIZATION.items() if each != key})["settings"]
    assert (verdict, text.partition(":")[0]) == ("warning", f"organization.{name.lower()}")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("step", ["connect", "MAIL", "RCPT"])
def test_a_relay_that_refuses_the_null_sender_is_found(step: str) -> None:
    with Relay({step: "550 5.7.1 no bounces"}) as relay:
        verdict, text = verdicts(RESPONDER_RELAY__URL=relay.url)["relay"]
    assert verdict == "failed"
    assert "no bounces" in text


@pytest.mark.usefixtures("database")
def test_a_relay_is_asked_and_gets_no_message() -> None:
    with Relay() as relay:
        verdict, _ = verdicts(RESPONDER_RELAY__URL=relay.url)["relay"]
        assert verdict == "ok"
        assert [command for command in relay.commands if not command.startswith("EHLO")] == [
            "MAIL FROM:<>", "RCPT TO:<postmaster@example.com>", "QUIT",
        ]  # fmt: skip


@pytest.mark.usefixtures("database")
def test_messages_that_nobody_sends_are_told() -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    row = {
        "id": new_id(), "kind": "reply", "recipient": "a@b.example", "envelope_sender": "",
        "message_id_header": "<1@x>", "template": "answer", "locale": "en", "state": "queued", "attempts": 0,
        "created_at": long_ago,
        "due_at": long_ago, "give_up_at": long_ago + timedelta(days=2),
    }  # fmt: skip
    with writing() as connection:
        connection.execute(insert(outbound).values(row))
    assert verdicts()["outbox"] == (
        "warning",
        "1 messages are overdue: does a worker run (`responder serve --only worker`)?",
    )


@pytest.mark.usefixtures("database")
def test_a_database_that_was_restored_in_part_is_found() -> None:
    engine = make_engine(load(None, {}).settings.database_url)
    with engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("DROP INDEX uq_requests_reference")
    engine.dispose()
    verdict, text = verdicts()["database"]
    assert (verdict, text.partition(" ")[0]) == ("failed", "uq_requests_reference")


@pytest.mark.usefixtures("database")
def test_a_guide_that_is_not_there_is_found() -> None:
    verdict, text = verdicts(RESPONDER_REPLY__GUIDES="generic,nonsense")["templates"]
    assert (verdict, text) == ("failed", "reply.guides: there is no guide nonsense")


def test_a_clock_before_the_installation_is_found() -> None:
    assert doctor.check_clock(1e9).verdict == "failed"


@pytest.mark.usefixtures("database")
def test_too_few_files_are_found() -> None:
    assert verdicts(RESPONDER_SMTP__MAX_CONNECTIONS="1000000000")["files"][0] == "failed"
