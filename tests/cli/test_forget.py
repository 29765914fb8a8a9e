"""`responder forget`: tells what would go, and deletes it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update
from sqlalchemy.engine import make_url

from responder.cli.root import root
from responder.storage.schema import messages, requests
from tests.support.outbox import queue_answer


@pytest.fixture
def old_request(engine, database_url, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESPONDER_DATABASE__URL", make_url(database_url).render_as_string(hide_password=False))
    queue_answer(engine)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(requests).values(state="dismissed", updated_at=long_ago))
    return engine


def run(*arguments):
    return CliRunner().invoke(root, ["forget", *arguments])


def rows(engine):
    with engine.connect() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (requests, messages)
        ]


def test_dry_run_deletes_nothing(old_request):
    done = run("--older-than", "30", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["requests"], told["dry_run"]) == (1, True)
    assert rows(old_request) == [1, 1]


def test_forget_deletes_and_says_what(old_request):
    done = run("--older-than", "30")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "Forgotten: messages 0, requests 1."
    assert rows(old_request) == [0, 0]


def test_what_is_young_stays(old_request):
    assert run("--older-than", "50").exit_code == 0
    assert rows(old_request) == [1, 1]


@pytest.mark.parametrize("days", ["0", "-1", "soon"])
def test_days_that_make_no_sense_are_wrong_usage(old_request, days):
    assert run("--older-than", days).exit_code == 2
    assert rows(old_request) == [1, 1]
