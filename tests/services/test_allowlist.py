"""Exemptions in memory: who is exempt, until when, and what happens when the database changes or goes."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from responder.services.allowlist import Allowlist
from responder.services.tally import Tally
from responder.storage.allowlist import add_uses
from responder.storage.errors import StorageError, StorageUnavailable
from responder.storage.schema import exemptions
from responder.storage.serials import EXEMPTIONS, raise_serial
from responder.storage.writer import Writer
from tests.support.clock import FakeClock
from tests.support.exemptions import exempt


class Book:
    """The exemptions in the database, changed as a decision changes them."""

    def __init__(self, engine, clock):
        self.engine = engine.execution_options(write=True)
        self.clock = clock

    def exempt(self, network, *, days=30.0):
        return exempt(self.engine, network, at=self.clock.now(), days=days)

    def change(self, exemption_id, **values):
        with self.engine.begin() as connection:
            connection.execute(update(exemptions).where(exemptions.c.id == exemption_id).values(values))
            raise_serial(connection, EXEMPTIONS)

    def row(self, exemption_id):
        with self.engine.connect() as connection:
            return connection.execute(select(exemptions).where(exemptions.c.id == exemption_id)).mappings().one()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def book(engine, clock):
    return Book(engine, clock)


@pytest.fixture
def allowlist(engine, clock):
    return Allowlist(engine, clock)


def test_nobody_can_tell_before_the_first_reading(allowlist):
    assert not allowlist.is_known
    with pytest.raises(LookupError):
        allowlist.find(ip_address("203.0.113.9"))


def test_an_exemption_holds_for_its_network_and_no_neighbour(allowlist, book):
    wide, narrow, six = book.exempt("203.0.113.8/29"), book.exempt("203.0.113.9"), book.exempt("2001:db8:1::/64")
    assert allowlist.refresh()
    found = {ip: allowlist.find(ip_address(ip)) for ip in ("203.0.113.9", "203.0.113.10", "2001:db8:1::25")}
    assert found == {"203.0.113.9": narrow, "203.0.113.10": wide, "2001:db8:1::25": six}
    assert [allowlist.find(ip_address(ip)) for ip in ("203.0.113.7", "203.0.113.16", "2001:db8:2::25")] == [None] * 3
    assert len(allowlist) == 3


def test_nothing_is_read_again_while_nothing_changed(allowlist, book):
    book.exempt("203.0.113.9")
    assert allowlist.refresh()
    assert not allowlist.refresh()


def test_what_is_approved_renewed_and_revoked_shows_with_the_next_reading(allowlist, book, clock):
    allowlist.refresh()
    ip = ip_address("203.0.113.9")
    assert allowlist.find(ip) is None
    exemption_id = book.exempt("203.0.113.9", days=1)
    assert allowlist.refresh()
    assert allowlist.find(ip) == exemption_id
    book.change(exemption_id, expires_at=clock.now() + timedelta(days=9))
    allowlist.refresh()
    clock.advance(days=2)
    assert allowlist.find(ip) == exemption_id
    book.change(exemption_id, revoked_at=clock.now(), revoked_by="kim")
    allowlist.refresh()
    assert allowlist.find(ip) is None


def test_an_exemption_ends_at_its_time_though_nothing_was_read(allowlist, book, clock):
    narrow, wide = book.exempt("203.0.113.9", days=1), book.exempt("203.0.113.8/29", days=3)
    allowlist.refresh()
    ip = ip_address("203.0.113.9")
    assert allowlist.find(ip) == narrow
    clock.advance(days=1, seconds=-1)
    assert allowlist.find(ip) == narrow
    clock.advance(seconds=1)
    assert allowlist.find(ip) == wide
    clock.advance(days=2)
    assert allowlist.find(ip) is None


def test_without_the_database_it_goes_on_with_what_it_knows_and_says_how_old_that_is(
    allowlist, book, engine, clock, monkeypatch
):
    exemption_id = book.exempt("203.0.113.9")
    allowlist.refresh()
    clock.advance(seconds=5)
    allowlist.refresh()
    assert allowlist.age_seconds == 0

    def fail(*_, **__):
        raise StorageUnavailable("gone")

    monkeypatch.setattr(type(engine), "connect", fail)
    clock.advance(seconds=60)
    with pytest.raises((StorageError, SQLAlchemyError)):
        allowlist.refresh()
    assert allowlist.find(ip_address("203.0.113.9")) == exemption_id
    assert allowlist.age_seconds == 60


@pytest.fixture
def writer(engine):
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


def test_uses_are_counted_and_the_last_one_is_remembered(book, writer, clock):
    one, other, unused = book.exempt("203.0.113.9"), book.exempt("203.0.113.10"), book.exempt("203.0.113.11")
    uses = Tally(writer, clock, add_uses)
    for exemption_id in (one, one, other):
        uses.add(exemption_id)
    uses.flush()
    clock.advance(hours=1)
    uses.add(one)
    uses.flush()
    uses.flush()
    assert [book.row(each)["uses"] for each in (one, other, unused)] == [3, 1, 0]
    assert book.row(one)["last_used_at"] == clock.now()
    assert book.row(other)["last_used_at"] == clock.now() - timedelta(hours=1)
    assert book.row(unused)["last_used_at"] is None


def test_a_clock_that_goes_back_does_not_take_a_later_use_away(book, writer, clock):
    exemption_id = book.exempt("203.0.113.9")
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    book.change(exemption_id, last_used_at=later)
    uses = Tally(writer, clock, add_uses)
    uses.add(exemption_id)
    uses.flush()
    assert book.row(exemption_id)["last_used_at"] == later


def test_uses_that_cannot_be_written_are_written_later(book, writer, clock, engine):
    exemption_id = book.exempt("203.0.113.9")
    stopped = Writer(engine)
    stopped.start()
    stopped.stop()
    uses = Tally(stopped, clock, add_uses)
    uses.add(exemption_id)
    with pytest.raises(StorageUnavailable):
        uses.flush()
    uses.add(exemption_id)
    uses._writer = writer
    uses.flush()
    assert book.row(exemption_id)["uses"] == 2
