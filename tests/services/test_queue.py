"""The queue as services give it: whole requests, counts that stop, exemptions that somebody should look at."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.domain.address import parse_network
from responder.domain.findings import Check, Finding, Result
from responder.services.queue import Count
from responder.services.review_actions import Approve, Dismiss, UnknownRequest
from responder.storage import request_lists
from responder.storage.exemptions import ExemptionFilter
from responder.storage.findings import add_findings
from responder.storage.requests import RequestFilter
from responder.storage.schema import exemptions
from tests.support.review import ANN, Office

PLACE = parse_network("203.0.113.9")


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def see_name(office, reference, name):
    """Store that a reverse name was seen."""
    finding = Finding(Check.REVERSE_NAME, "203.0.113.9", Result.CONFIRMED, name, "dns", datetime.now(UTC))
    number = office.request(reference)["id"]
    office.writer.run(lambda connection: add_findings(connection, [(number, None, finding)])).result()


def test_a_request_is_shown_with_all_that_belongs_to_it(office):
    reference = office.plead()
    see_name(office, reference, "mail.shop.example")
    office.review.decide(reference, Approve(), ANN)
    shown = office.queue.show(reference.lower())
    assert (shown["state"], shown["version"], shown["decided_by"], shown["unread"]) == ("approved", 2, "ann", False)
    assert [event["event"] for event in shown["timeline"]] == ["opened", "approved"]
    assert [(each["check"], each["value"]) for each in shown["findings"]] == [("reverse-name", "mail.shop.example")]
    assert shown["findings"][0]["age_seconds"] >= 0
    assert [each["kind"] for each in shown["replies"]] == ["reply", "notice"]
    assert [(each["network"], each["state"], each["flags"]) for each in shown["exemptions"]] == [
        ("203.0.113.9/32", "active", [])
    ]
    with pytest.raises(UnknownRequest):
        office.queue.show("ZZZZZ-ZZZZZ")


def test_pages_say_what_comes_next(office):
    references = [office.plead(sender=f"a{number}@shop.example") for number in range(3)][::-1]
    first = office.queue.list(RequestFilter(), limit=2)
    assert ([row["reference"] for row in first.rows], first.after) == (references[:2], references[1])
    last = office.queue.list(RequestFilter(), limit=2, after=first.after)
    assert ([row["reference"] for row in last.rows], last.after) == (references[2:], None)
    with pytest.raises(UnknownRequest):
        office.queue.list(RequestFilter(), after="nonsense")


def test_counts_stop(office, monkeypatch):
    for number in range(5):
        office.plead(sender=f"a{number}@shop.example", has_refusal=number < 4)
    assert office.queue.count(RequestFilter()) == Count(5, is_exact=True)
    assert office.queue.count(RequestFilter(quoted=True)) == Count(4, is_exact=True)
    assert office.queue.count(RequestFilter(contact="a1@shop.example")) == Count(1, is_exact=True)
    assert office.queue.count(RequestFilter(text="shop")) == Count(5, is_exact=True)
    monkeypatch.setattr(request_lists, "MOST_COUNTED", 3)
    assert office.queue.count(RequestFilter()) == Count(3, is_exact=False)
    assert str(Count(10_000, is_exact=False)) == "10,000+"


def test_common_values_are_walked_and_rare_ones_are_fetched_with_the_same_result(office, monkeypatch):
    for number in range(6):
        reference = office.plead(sender=f"a{number}@x{number % 2}.shop.example", address=f"203.0.113.{number}")
        if number == 3:
            office.review.decide(reference, Dismiss(), ANN)

    def lists():
        filters = (
            RequestFilter(domain="shop.example"), RequestFilter(domain="x1.shop.example", states=()),
            RequestFilter(address=parse_network("203.0.113.0/30"), states=()), RequestFilter(quoted=True, unread=True),
            RequestFilter(contact="a4@x0.shop.example"), RequestFilter(text="shop", domain="x1.shop.example"),
        )  # fmt: skip
        pages = [[row["reference"] for row in office.queue.list(each).rows] for each in filters]
        return pages, [office.queue.count(each) for each in filters]

    for _ in range(2):
        rare = lists()
        with monkeypatch.context() as patched:
            patched.setattr(request_lists, "_FEW", 1)
            patched.setattr(request_lists, "_PIECES", (2, 3))
            common = lists()
        assert rare[0] == common[0]
        assert rare[1] == common[1]
        assert [len(page) for page in rare[0]] == [5, 3, 4, 5, 1, 2]
        office.index.run_due(office.clock.now())


def test_exemptions_are_flagged_when_unused_or_renamed(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    office.exemptions.add(parse_network("203.0.113.77"), ANN, reason="by hand")
    flagged = ExemptionFilter(is_flagged=True)
    see_name(office, reference, "mail.shop.example")
    assert office.queue.exemptions(flagged).rows == []
    see_name(office, reference, "dsl-9.example.net")
    assert [(row["network"], row["flags"]) for row in office.queue.exemptions(flagged).rows] == [
        ("203.0.113.9/32", ["reverse-name-changed"])
    ]
    office.change(exemptions, created_at=datetime.now(UTC) - timedelta(days=61))
    assert [row["flags"] for row in office.queue.exemptions(flagged).rows] == [
        ["unused"], ["unused", "reverse-name-changed"],
    ]  # fmt: skip
    office.change(exemptions, last_used_at=datetime.now(UTC), expires_at=datetime.now(UTC) - timedelta(days=1))
    assert office.queue.exemptions(flagged).rows == []
    assert [row["state"] for row in office.queue.exemptions(ExemptionFilter(is_active=False)).rows] == ["expired"] * 2


def test_exemptions_that_end_soon_are_listed_by_their_end(office):
    for number, days in enumerate((9, 3, 99, 6)):
        office.exemptions.add(parse_network(f"203.0.113.{number}"), ANN, days=days, reason="by hand")

    def numbers():
        soon = ExemptionFilter(expires_before=datetime.now(UTC) + timedelta(days=30))
        found, page = [], office.queue.exemptions(soon, limit=1)
        while page.rows:
            found += [int(row["network"].removesuffix("/32").rpartition(".")[2]) for row in page.rows]
            page = office.queue.exemptions(soon, limit=1, after=int(page.after or page.rows[0]["id"]))
        return found

    assert numbers() == [1, 3, 0]
    office.change(exemptions, expires_at=datetime.now(UTC) + timedelta(days=1))
    assert numbers() == [0, 1, 2, 3]


def test_exemptions_are_found_by_what_they_hold_and_what_holds_them(office):
    for network in ("203.0.113.9", "203.0.113.8/29", "198.51.100.1"):
        office.exemptions.add(parse_network(network), ANN, reason="by hand")

    def found(network):
        return [row["network"] for row in office.queue.exemptions(ExemptionFilter(network=parse_network(network))).rows]

    assert found("203.0.113.9") == ["203.0.113.8/29", "203.0.113.9/32"]
    assert found("203.0.113.10") == ["203.0.113.8/29"]
    assert found("203.0.113.0/24") == ["203.0.113.8/29", "203.0.113.9/32"]
    assert found("2001:db8::1") == []


def test_an_expired_network_can_be_exempted_again(office):
    office.exemptions.add(PLACE, ANN, reason="once")
    office.change(exemptions, expires_at=datetime.now(UTC) - timedelta(days=1))
    outcome = office.review.decide(office.plead(), Approve(), ANN)
    assert not outcome.renews
    (row,) = office.queue.exemptions(ExemptionFilter()).rows
    assert (row["state"], row["expires_at"]) == ("active", outcome.expires_at)
