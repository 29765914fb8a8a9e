"""Small tables: secrets, nodes, blocked senders, limits; and text as every database takes it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from responder.domain.limits import Answer, ReplySlot, Scope
from responder.storage import nodes
from responder.storage.blocked import is_blocked, read_blocked
from responder.storage.limits import add_counts, forget_limits, lock_slots, read_counts, store_slots
from responder.storage.schema import blocked_senders
from responder.storage.secrets import get_or_make
from responder.storage.text import storable
from tests.support.pleas import NOON


@pytest.fixture
def writing(engine):
    return engine.execution_options(write=True)


def test_a_secret_is_made_once_by_whoever_comes_first(open_engine, writing):
    together = threading.Barrier(4)

    def ask(_):
        engine = open_engine().execution_options(write=True)
        together.wait()
        with engine.begin() as connection:
            return get_or_make(connection, "key", 32)

    with ThreadPoolExecutor(4) as pool:
        values = set(pool.map(ask, range(4)))
    assert [len(value) for value in values] == [32]
    with writing.begin() as connection:
        assert {get_or_make(connection, "key", 32)} == values
        assert get_or_make(connection, "other", 16) not in values


def test_nodes_know_whether_they_are_alone(writing):
    with writing.begin() as connection:
        for instance in ("a", "b"):
            nodes.register(connection, instance=instance, name="mx", faces="smtp,worker", version="1", at=NOON)
        nodes.register(connection, instance="c", name="mx", faces="policy", version="1", at=NOON)
        assert not nodes.is_alone(connection, "a", NOON)
        later = NOON + timedelta(minutes=5)
        nodes.see(connection, "a", later)
        assert nodes.is_alone(connection, "a", later)
        assert not nodes.is_alone(connection, "b", later)
        nodes.forget(connection, later)
        assert nodes.is_alone(connection, "a", NOON)
        nodes.remove(connection, "a")
        assert nodes.is_alone(connection, "b", NOON)


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("ann@shop.example", True),
        ("bob@shop.example", False),
        ("any@spam.test", True),
        ("any@deep.spam.test", True),
        ("any@notspam.test", False),
        ("any@test", False),
        ("", False),
    ],
)
def test_a_pattern_is_a_sender_or_a_domain_with_all_below_it(sender, expected):
    assert is_blocked(sender, {"ann@shop.example", "spam.test"}) is expected


def test_patterns_are_read_from_the_table(writing):
    with writing.begin() as connection:
        row = {"pattern": "spam.test", "reason": "", "created_at": NOON, "created_by": "ann"}
        connection.execute(insert(blocked_senders), row)
        assert read_blocked(connection) == {"spam.test"}
        assert connection.execute(select(blocked_senders.c.created_at)).scalar_one() == NOON


def test_slots_come_back_as_they_were_stored(writing):
    slot = ReplySlot((Answer("203.0.113.9", NOON), Answer("none", NOON + timedelta(microseconds=1))))
    with writing.begin() as connection:
        assert lock_slots(connection, {"a@b"}) == {}
        store_slots(connection, {"a@b": slot}, ())
        assert lock_slots(connection, {"a@b", "c@d"}) == {"a@b": slot}
        shorter = ReplySlot(slot.answers[1:])
        store_slots(connection, {"a@b": shorter, "c@d": slot}, {"a@b"})
        assert lock_slots(connection, {"a@b", "c@d"}) == {"a@b": shorter, "c@d": slot}


def test_counts_add_up_within_their_hour_alone(writing):
    network, domain = (Scope.NETWORK, "203.0.113.0/24"), (Scope.DOMAIN, "shop.example")
    with writing.begin() as connection:
        add_counts(connection, NOON, {network: 1, domain: 2})
        add_counts(connection, NOON, {network: 3})
        assert read_counts(connection, NOON, {network, domain}) == {network: 4, domain: 2}
        assert read_counts(connection, NOON, {domain, (Scope.NETWORK, "shop.example")}) == {domain: 2}
        assert read_counts(connection, NOON + timedelta(hours=1), {network, domain}) == {}


def test_old_limits_are_forgotten_and_newer_ones_kept(writing):
    hour, late = timedelta(hours=1), NOON + timedelta(hours=5)
    count = (Scope.DOMAIN, "shop.example")
    with writing.begin() as connection:
        for at in (NOON, late):
            add_counts(connection, at, {count: 1})
            store_slots(connection, {at.isoformat(): ReplySlot((Answer("none", at),))}, ())
        forget_limits(connection, counts_before=late - hour, slots_before=late - hour)
        assert read_counts(connection, NOON, {count}) == {}
        assert read_counts(connection, late, {count}) == {count: 1}
        assert lock_slots(connection, {NOON.isoformat(), late.isoformat()}).keys() == {late.isoformat()}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("a\0b", "a\ufffdb"),
        ("é\0", "é\ufffd"),
        ("\ud800x", "\ufffdx"),
        ("x\udcff", "x\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("0123456789ab", "0123456789"),
    ],
)
def test_text_is_stored_without_what_a_database_refuses(text, kept):
    assert storable(text, 10) == kept
