"""The figures: counted over the right time, with and without anything to count."""

from datetime import timedelta

import pytest

from responder.domain.disposition import Reason
from responder.services.dashboard import HOURS, read_figures
from responder.services.metrics import write_metrics
from responder.services.review_actions import Approve, Ask
from responder.storage.schema import requests
from tests.support.pleas import silent
from tests.support.review import ANN, Office


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def figures(office, **changes):
    given = {"now": office.clock.now(), "overdue_after": timedelta(days=3)} | changes
    with office.engine.connect() as connection:
        return read_figures(connection, **given)


def test_an_empty_service_has_figures(office):
    empty = figures(office)
    assert (empty.waiting, empty.overdue, empty.oldest_at, empty.came_today, empty.answer_seconds) == (
        0,
        0,
        None,
        0,
        None,
    )
    assert len(empty.hours) == HOURS
    assert figures(office, overdue_after=None).overdue == 0


def test_what_came_is_counted_by_hour_reason_and_network(office):
    for number in range(3):
        office.plead(sender=f"a{number}@one.example", client=f"198.51.100.{number}")
    office.plead(sender="bounce@two.example", decision=silent(Reason.AUTO_SUBMITTED), client="2001:db8:1:2::3")
    found = figures(office)
    assert (found.hours[-1].came, found.hours[-1].answered) in {(4, 3), (3, 3), (1, 0)}  # an hour may end meanwhile
    assert (found.came_today, found.answered_today) == (4, 3)
    assert found.silent == [("auto-submitted", 1)]
    assert found.networks == [("198.51.100.0/24", 3), ("2001:db8:1::/48", 1)]


def test_software_is_counted_by_the_requests_of_a_week(office):
    for number in range(2):
        office.plead(sender=f"a{number}@one.example", client=f"198.51.100.{number}")
    office.change(requests, software_product="exchange")
    assert figures(office).software == [("exchange", 2)]
    assert figures(office, now=office.clock.now() + timedelta(days=8)).software == []


def test_what_waits_is_counted_with_the_oldest(office):
    first = office.plead()
    office.clock.advance(days=4)
    office.plead(sender="b@two.example")
    office.review.decide(office.plead(sender="c@three.example"), Ask("Which address?"), ANN)
    found = figures(office)
    assert (found.waiting, found.asked, found.overdue) == (2, 1, 1)
    assert found.oldest_at == office.request(first)["updated_at"]


def test_the_time_to_a_decision_is_the_median(office):
    opened_at = office.clock.now()
    for number in range(3):
        address = f"203.0.113.{number + 1}"
        reference = office.plead(sender=f"a{number}@one.example", address=address, client=address)
        office.review.decide(reference, Approve(), ANN)
    office.change(requests, opened_at=opened_at - timedelta(hours=2))
    assert figures(office).decision_seconds == pytest.approx(2 * 3600, abs=60)


def test_metrics_are_lines_that_prometheus_reads(office):
    office.plead()
    text = write_metrics(figures(office), {"database": True, "disk": False}, 'one"two\\')
    assert 'responder_info{version="one\\"two\\\\"} 1\n' in text
    assert 'responder_ready{part="disk"} 0\n' in text
    assert 'responder_requests{state="waiting"} 1\n' in text
    for line in text.splitlines():
        assert line.startswith(("# ", "responder_")), line
    assert write_metrics(None, {"database": False}, "1").count("\n") == 6
