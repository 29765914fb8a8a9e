"""The statements of the outbox find their rows by index, however many messages have left."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text

from responder.domain.outbound import Kind, OutboundState
from responder.storage import outbox
from responder.storage.outbox import Claim, Settlement
from tests.support.statements import noted

NOW = datetime.now(UTC)
HOLD = timedelta(minutes=3)
CLAIM = Claim(7, Kind.REPLY, "a@example.org", "", 1, NOW, NOW, True)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(write=True).begin() as connection:
        yield connection


_TABLES = "(outbound|messages|requests)"
_WHOLE_TABLE = re.compile(rf"SCAN {_TABLES}\b(?! USING)|Seq Scan on {_TABLES}\b")
_BY_ID = re.compile(r"^SEARCH outbound USING INTEGER PRIMARY KEY")
SETTLEMENTS = [
    Settlement(CLAIM, OutboundState.SENT, 250, "", NOW),
    Settlement(CLAIM, OutboundState.FAILED, 550, "", NOW),
]
STEPS = {
    "claim": lambda connection: outbox.claim_due(
        connection, instance="i", limit=5, hold_for=HOLD, at=NOW, with_replies=False
    ),
    "count": lambda connection: outbox.count_replies(connection, since=NOW - HOLD, at=NOW, hold_for=HOLD, most=5),
    "waiting": lambda connection: outbox.find_waiting_replies(connection, NOW, 5),
    "settle": lambda connection: outbox.settle(connection, "i", SETTLEMENTS),
    "release": lambda connection: outbox.release(connection, "i", [CLAIM], NOW),
    "look": lambda connection: outbox.is_any_due(connection, NOW),
    "free": lambda connection: outbox.free_claims(connection, "i", NOW),
    "free of": lambda connection: outbox.free_claims_of(connection, ["i", "j"], NOW),
    "bring back": lambda connection: outbox.bring_back(connection, NOW, HOLD),
    "facts": lambda connection: outbox.read_facts(connection, [7]),
    "contents": lambda connection: outbox.read_contents(connection, [7]),
    "store": lambda connection: outbox.store_contents(connection, {7: b""}),
    "retry": lambda connection: outbox.retry(connection, 7, NOW, NOW),
    "cancel": lambda connection: outbox.cancel(connection, [7], "by-hand", NOW),
}


@pytest.mark.parametrize("step", STEPS)
def test_no_step_reads_the_whole_outbox(connection: Connection, step: str):
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_seqscan = off"))
    with noted(connection) as statements:
        STEPS[step](connection)
    assert statements
    for statement, parameters in statements:
        plan = _plan(connection, statement, parameters)
        assert not _WHOLE_TABLE.search(plan), plan
        if connection.dialect.name == "sqlite" and "due_at" in statement.partition("WHERE")[2]:
            assert "USING INDEX ix_outbound_due_at_id (due_at" in plan or _BY_ID.search(plan), plan
            assert "TEMP B-TREE" not in plan, plan


def _plan(connection: Connection, statement: str, parameters: object) -> str:
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
    rows = connection.exec_driver_sql(explain + statement, parameters).all()
    return "\n".join(str(row[-1]) for row in rows)
