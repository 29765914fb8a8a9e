"""What is over is forgotten with all that hangs on it; what is open, or holds an exemption, stays whole."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from responder.domain.address import ip_key, parse_ip
from responder.services.clock import ClockWatch
from responder.services.retention import Forgotten, Octets, forget
from responder.storage import schema, schema_desk
from responder.storage.ids import new_id
from responder.storage.messages import compress
from responder.storage.retention import count_forgettable
from responder.storage.writer import Writer
from tests.support.clock import FakeClock
from tests.support.outbox import queue_answer

NOW = datetime.now(UTC)
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def writer(engine):
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


def count(engine, *tables):
    with engine.connect() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def store(engine, *statements):
    with engine.execution_options(write=True).begin() as connection:
        for statement in statements:
            connection.execute(statement)


def case(engine, number, *, state="denied", outbound_state="sent"):
    """Store a plea with everything that can hang on its request; give the request's id."""
    outbound_id = queue_answer(engine, number)
    with engine.connect() as connection:
        row = connection.execute(select(schema.outbound).where(schema.outbound.c.id == outbound_id)).one()
    settled = update(schema.outbound).where(schema.outbound.c.id == outbound_id).values(state=outbound_state)
    store(
        engine,
        update(schema.requests).where(schema.requests.c.id == row.request_id).values(state=state),
        settled,
        insert(schema.raw_messages).values(message_id=row.message_id, raw=compress(b"From: x\r\n\r\nhello\r\n")),
        insert(schema.outbound_contents).values(outbound_id=outbound_id, content=b"answer"),
        insert(schema_desk.outbound_data).values(outbound_id=outbound_id, data={"reason": "x"}),
        insert(schema_desk.findings).values(
            id=new_id(), request_id=row.request_id, message_id=None, check="listing", subject="192.0.2.25",
            result="listed", value="", source="PBL", observed_at=NOW, ttl_seconds=60,
        ),
        insert(schema.audit).values(
            id=new_id(), at=NOW, actor_kind="operator", actor_id=None, subject_kind="request",
            subject_id=row.request_id, event="deny", from_state="waiting", to_state="denied", data={},
        ),
        text(f"INSERT INTO request_texts ({'rowid' if engine.dialect.name == 'sqlite' else 'request_id'}, words)"
             f" VALUES ({row.request_id}, 'hello')"),
    )  # fmt: skip
    return row.request_id


def exempt(engine, request_id, **changes):
    key = ip_key(parse_ip("192.0.2.25"))
    values = {
        "id": new_id(), "request_id": request_id, "family": 4, "first_key": key, "last_key": key, "prefix_length": 32,
        "reason": "", "created_at": NOW, "created_by": "x", "expires_at": LATER + timedelta(days=1),
        "revoked_at": None, "revoked_by": None, "warned_at": None, "last_used_at": None, "uses": 0,
    }  # fmt: skip
    store(engine, insert(schema.exemptions).values(values | changes))


EVERYTHING = (
    schema.requests, schema.messages, schema.raw_messages, schema.outbound, schema.outbound_contents,
    schema_desk.outbound_data, schema_desk.findings, schema.audit, text("request_texts"),
)  # fmt: skip


def test_a_closed_request_goes_with_all_that_hangs_on_it(engine, writer):
    gone = case(engine, 1)
    exempt(engine, gone, revoked_at=NOW, revoked_by="x")
    kept = case(engine, 2, state="waiting")
    told = []
    assert forget(writer, LATER, LATER, progress=told.append) == Forgotten(1, 1)
    assert sum(told) == 2
    assert count(engine, *EVERYTHING) == [1] * len(EVERYTHING)
    assert count(engine, schema.exemptions) == [0]
    with engine.connect() as connection:
        assert connection.execute(select(schema.requests.c.id)).scalars().all() == [kept]


@pytest.mark.parametrize("state", ["waiting", "asked"])
def test_what_waits_for_a_decision_stays(engine, writer, state):
    case(engine, 1, state=state)
    assert forget(writer, LATER, LATER) == Forgotten(0, 0)
    assert count(engine, *EVERYTHING) == [1] * len(EVERYTHING)


@pytest.mark.parametrize(("expires_at", "gone"), [(LATER + timedelta(seconds=1), 0), (LATER, 1)])
def test_what_an_active_exemption_rests_on_stays(engine, writer, expires_at, gone):
    exempt(engine, case(engine, 1, state="approved"), expires_at=expires_at)
    assert forget(writer, LATER, LATER) == Forgotten(gone, gone)


def test_a_request_changed_since_stays(engine, writer):
    case(engine, 1)
    assert forget(writer, NOW - timedelta(minutes=1), LATER) == Forgotten(0, 0)
    assert count(engine, *EVERYTHING) == [1] * len(EVERYTHING)


def test_old_messages_of_a_shelf_in_use_go_and_the_shelf_stays(engine, writer):
    shelf = case(engine, 1, state="shelved")
    store(engine, update(schema.requests).where(schema.requests.c.id == shelf).values(updated_at=LATER))
    assert forget(writer, LATER, LATER) == Forgotten(1, 0)
    assert count(engine, schema.requests, schema.messages, schema.raw_messages, schema.outbound) == [1, 0, 0, 0]


def test_the_count_is_what_goes(engine, writer):
    for number in range(3):
        case(engine, number)
    case(engine, 9, state="asked")
    with engine.connect() as connection:
        found = Forgotten(*count_forgettable(connection, LATER, LATER))
    assert forget(writer, LATER, LATER) == found == Forgotten(3, 3)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def octets(writer, clock):
    return Octets(writer, ClockWatch(clock), timedelta(days=30))


def test_octets_go_in_their_time_and_what_they_said_stays(engine, octets):
    case(engine, 1, state="waiting")
    assert not octets.run_due(NOW + timedelta(days=29))
    assert octets.run_due(LATER + timedelta(days=30))
    assert not octets.run_due(LATER + timedelta(days=30))
    assert count(engine, schema.raw_messages, schema.outbound_contents, schema.messages, schema.outbound) == [
        0, 0, 1, 1,
    ]  # fmt: skip


def test_octets_of_what_still_waits_to_leave_stay(engine, octets):
    case(engine, 1, outbound_state="queued")
    assert octets.run_due(LATER + timedelta(days=30))
    assert count(engine, schema.raw_messages, schema.outbound_contents) == [0, 1]


def test_by_a_clock_that_was_set_nothing_is_deleted(engine, octets, clock):
    case(engine, 1)
    clock.set_by(days=400)
    assert not octets.run_due(clock.now())
    assert count(engine, schema.raw_messages) == [1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_gives_its_pages_back_to_the_disk(engine, octets):
    store(engine, *(insert(schema.raw_messages).values(message_id=new_id(), raw=bytes(100_000)) for _ in range(5)))
    assert octets.run_due(LATER + timedelta(days=30))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() < 20
