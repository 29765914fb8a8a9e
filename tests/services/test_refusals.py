"""Refusals: each has its reference, is written down with others, found again by it or by its sender, and forgotten."""

from datetime import timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import func, select

from responder.domain.address import ip_key
from responder.domain.reference import parse_reference
from responder.services.refusals import Refusals
from responder.storage.errors import StorageUnavailable
from responder.storage.refusals import find_by_reference, find_by_sender
from responder.storage.schema_desk import refusals as table
from responder.storage.writer import Writer
from tests.support.clock import FakeClock

CLIENT = ip_address("203.0.113.9")
SENDER = "ann@shop.example"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def writer(engine):
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


@pytest.fixture
def refusals(writer, clock):
    return Refusals(writer, clock, remember_for=timedelta(days=30))


def count(engine):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_refusal_is_found_by_its_reference_and_by_its_sender(engine, refusals, clock):
    reference = refusals.note(CLIENT, "Ann+lists@SHOP.example")
    refusals.flush()
    since = clock.now() - timedelta(days=1)
    with engine.connect() as connection:
        (row,) = find_by_reference(connection, ["AAAAA-AAAAA", reference], since)
        assert (bytes(row["client_key"]), row["sender_key"], row["at"]) == (ip_key(CLIENT), SENDER, clock.now())
        assert find_by_sender(connection, SENDER, since)["reference"] == reference
        assert find_by_sender(connection, "bob@shop.example", since) is None
        assert not find_by_reference(connection, [reference], clock.now() + timedelta(seconds=1))


def test_the_newest_refusal_of_a_sender_is_the_one_that_counts(engine, refusals, clock):
    refusals.note(CLIENT, SENDER)
    clock.advance(hours=3)
    newest = refusals.note(ip_address("203.0.113.77"), SENDER)
    refusals.flush()
    with engine.connect() as connection:
        assert find_by_sender(connection, SENDER, clock.now() - timedelta(days=1))["reference"] == newest


def test_who_tries_again_hears_the_same_reference_within_the_hour(engine, refusals, clock):
    first = refusals.note(CLIENT, SENDER)
    assert parse_reference(first) == first
    clock.advance(minutes=59)
    assert refusals.note(CLIENT, SENDER) == first
    assert refusals.note(CLIENT, "bob@shop.example") != first
    assert refusals.note(ip_address("203.0.113.10"), SENDER) != first
    clock.advance(minutes=2)
    assert refusals.note(CLIENT, SENDER) != first
    refusals.flush()
    assert count(engine) == 4


def test_a_client_that_tries_many_senders_is_written_down_so_often_and_no_more(engine, refusals):
    references = {refusals.note(CLIENT, f"{number}x@spam.example") for number in range(500)}
    refusals.flush()
    assert count(engine) == len(references) == 20


def test_nothing_waits_for_the_database_and_nothing_is_lost_while_it_is_away(engine, writer, clock):
    stopped = Writer(engine)
    stopped.start()
    stopped.stop()
    woken = []
    refusals = Refusals(stopped, clock, remember_for=timedelta(days=30), on_first=lambda: woken.append(1))
    refusals.note(CLIENT, SENDER)
    with pytest.raises(StorageUnavailable):
        refusals.flush()
    refusals.note(CLIENT, "bob@shop.example")
    assert (len(refusals), len(woken)) == (2, 1)
    refusals._writer = writer
    refusals.flush()
    assert (len(refusals), count(engine)) == (0, 2)


def test_what_waits_is_bounded_and_what_had_to_go_is_counted(refusals, engine, monkeypatch):
    monkeypatch.setattr("responder.services.refusals._MOST_WAITING", 3)
    for number in range(5):
        refusals.note(ip_address(number), SENDER)
    assert (len(refusals), refusals.dropped) == (3, 2)
    refusals.flush()
    assert count(engine) == 3


def test_the_clients_that_are_remembered_are_bounded(refusals, monkeypatch):
    monkeypatch.setattr("responder.services.refusals._REMEMBERED_CLIENTS", 2)
    first = refusals.note(ip_address(1), SENDER)
    refusals.note(ip_address(2), SENDER)
    assert refusals.note(ip_address(1), SENDER) == first
    refusals.note(ip_address(3), SENDER)
    assert refusals.note(ip_address(1), SENDER) == first
    assert len(refusals._clients) == 2


def test_refusals_are_forgotten_after_their_time_some_at_once(engine, refusals, clock, monkeypatch):
    monkeypatch.setattr("responder.services.refusals._FORGOTTEN_AT_ONCE", 2)
    for number in range(3):
        refusals.note(ip_address(number), SENDER)
    refusals.flush()
    clock.advance(days=29)
    kept = refusals.note(CLIENT, SENDER)
    refusals.flush()
    assert refusals.forget() is False
    clock.advance(days=2)
    assert [refusals.forget(), refusals.forget(), refusals.forget()] == [True, False, False]
    with engine.connect() as connection:
        assert [row.reference for row in connection.execute(select(table))] == [kept]


@pytest.mark.parametrize("sender", ["", "<>", "x" * 5000, "a\x00b@shop.example", "\ud800@shop.example"])
def test_no_sender_is_too_strange_to_be_written_down(engine, refusals, sender):
    refusals.note(CLIENT, sender)
    refusals.flush()
    assert count(engine) == 1
