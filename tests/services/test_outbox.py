"""Trying again and cancelling by hand."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, Engine, select, update

from responder.domain.actor import Actor, ActorKind
from responder.domain.limits import Answer, ReplySlot, Scope, hour_of
from responder.domain.roles import Role
from responder.services.outbox import OutboxError, cancel, retry
from responder.services.transports import Refused
from responder.storage import outbox
from responder.storage.audit import list_events
from responder.storage.limits import add_counts, lock_slots, read_counts, store_slots
from responder.storage.schema import messages, outbound
from responder.storage.writer import Writer
from tests.support.outbox import Post, queue_answer, row

NOW = datetime.now(UTC)
LIFE = timedelta(hours=48)
ANNA = Actor(ActorKind.STAFF, "anna", Role.REVIEWER)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(write=True).begin() as connection:
        yield connection


@pytest.fixture
def post(engine: Engine) -> Iterator[Post]:
    writer = Writer(engine)
    writer.start()
    yield Post(engine, writer)
    writer.stop()


def test_what_failed_is_tried_again_with_a_new_schedule(engine: Engine, post: Post):
    answer = queue_answer(engine)

    def refuse(_: int) -> None:
        raise Refused(550, "5.7.1 relaying denied")

    post.box.before = refuse
    post.run()
    with engine.execution_options(write=True).begin() as connection:
        retry(connection, answer, ANNA, NOW, LIFE)
    again = row(engine, answer)
    assert (again.state, again.attempts, again.settled_at, again.last_code) == ("queued", 0, None, 550)
    post.box.before = lambda _: None
    assert post.run() == 1
    assert row(engine, answer).state == "sent"
    assert len(post.pen.letters) == 1


def test_what_waits_for_its_next_attempt_is_due_at_once(engine: Engine, post: Post):
    answer = queue_answer(engine, due_at=NOW + timedelta(hours=1), attempts=3)
    with engine.execution_options(write=True).begin() as connection:
        retry(connection, answer, ANNA, NOW, LIFE)
    assert post.run() == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "sent"}, "is sent"),
        ({"state": "cancelled"}, "is cancelled"),
        ({"claimed_by": "somebody", "due_at": NOW + timedelta(hours=2)}, "is being handed over"),
    ],
)
def test_what_is_over_or_in_hand_is_left_alone(engine: Engine, changes: dict[str, object], why: str):
    answer = queue_answer(engine, **changes)
    before = row(engine, answer)
    for decide in (
        lambda connection: retry(connection, answer, ANNA, NOW, LIFE),
        lambda connection: cancel(connection, answer, ANNA, NOW),
    ):
        with engine.execution_options(write=True).begin() as connection, pytest.raises(OutboxError, match=why):
            decide(connection)
    assert row(engine, answer) == before


def test_there_is_no_such_message(connection: Connection):
    with pytest.raises(OutboxError, match="no outbound message 7"):
        retry(connection, 7, ANNA, NOW, LIFE)
    with pytest.raises(OutboxError, match="no outbound message 7"):
        cancel(connection, 7, ANNA, NOW)


def test_a_cancelled_answer_never_leaves_and_gives_slot_and_counts_back(
    engine: Engine, post: Post, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox, "time_of", lambda _, now: now)
    answer = queue_answer(engine)
    sender = "admin1@example.org"
    keys = [(Scope.DOMAIN, "example.org"), (Scope.NETWORK, "192.0.2.0/24")]
    with engine.execution_options(write=True).begin() as connection:
        message = connection.execute(select(messages).where(messages.c.id == row(engine, answer).message_id)).one()
        hour = hour_of(message.received_at)
        store_slots(connection, {sender: ReplySlot((Answer("192.0.2.25", NOW),))}, ())
        add_counts(connection, hour, dict.fromkeys(keys, 3))
    with engine.execution_options(write=True).begin() as connection:
        cancel(connection, answer, ANNA, message.received_at)
        assert lock_slots(connection, [sender]) == {}
        counts = read_counts(connection, hour, keys)
    assert (row(engine, answer).state, row(engine, answer).reason) == ("cancelled", "by-hand")
    assert counts == dict.fromkeys(keys, 2)
    assert post.run() == 0


def test_a_notice_has_no_slot_to_give_back(engine: Engine):
    notice = queue_answer(engine, kind="notice")
    slot = ReplySlot((Answer("192.0.2.25", NOW.replace(microsecond=0)),))
    with engine.execution_options(write=True).begin() as connection:
        store_slots(connection, {"admin1@example.org": slot}, ())
        cancel(connection, notice, ANNA, NOW)
        assert lock_slots(connection, ["admin1@example.org"]) == {"admin1@example.org": slot}
    assert row(engine, notice).state == "cancelled"


@pytest.mark.parametrize(("change", "event"), [(partial(retry, give_up_after=LIFE), "retried"), (cancel, "cancelled")])
@pytest.mark.parametrize("about", ["request", "outbound"])
def test_who_did_it_is_written_down(engine: Engine, change: Callable[..., None], event: str, about: str):
    answer = queue_answer(engine)
    with engine.execution_options(write=True).begin() as connection:
        if about == "outbound":
            connection.execute(update(outbound).values(request_id=None))
        change(connection, answer, ANNA, now=NOW)
        (noted,) = list_events(connection, limit=0)
    subject_id = row(engine, answer).request_id or answer
    assert (noted["actor_id"], noted["event"]) == ("anna", event)
    assert (noted["subject_kind"], noted["subject_id"]) == (about, subject_id)
    assert noted["data"] == {"outbound": str(answer), "kind": "reply"}


@pytest.mark.parametrize("change", [partial(retry, give_up_after=LIFE), cancel])
def test_who_may_only_read_changes_nothing(engine: Engine, change: Callable[..., None]):
    answer = queue_answer(engine)
    before = row(engine, answer)
    reader = Actor(ActorKind.OPERATOR, "rita", Role.READER)
    with (
        engine.execution_options(write=True).begin() as connection,
        pytest.raises(OutboxError, match="rita is a reader"),
    ):
        change(connection, answer, reader, now=NOW)
    assert row(engine, answer) == before
