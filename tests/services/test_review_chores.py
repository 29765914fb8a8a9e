"""What is decided by the clock: once, by whichever worker comes first, and never after the clock was set."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.domain.address import parse_network
from responder.domain.disposition import Reason
from responder.services.review_actions import Approve, Ask
from responder.storage.schema import exemptions, messages, outbound, reply_slots, requests
from tests.support.pleas import silent
from tests.support.review import ANN, Office

SOON = timedelta(days=13)


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def run(office):
    return office.chores.run_due(office.clock.now())


def approve(office, **letter):
    """Give the reference of a request whose exemption ends soon."""
    reference = office.plead(**letter)
    office.review.decide(reference, Approve(), ANN)
    office.change(exemptions, expires_at=datetime.now(UTC) + SOON)
    return reference


def answer(office, reference, **letter):
    """Let the sender of a request answer in its thread, now; by the address that we gave, unless they say otherwise."""
    office.plead(**{"tag": f"r-{office.request(reference)['reply_token']}"} | letter)
    last = office.rows(messages)[-1]
    with office.engine.execution_options(write=True).begin() as connection:
        late = datetime.now(UTC) + timedelta(seconds=1)
        connection.execute(messages.update().where(messages.c.id == last.id).values(received_at=late))


def test_a_question_that_nobody_answers_lapses_once(office):
    reference, other = office.plead(), office.plead(sender="b@shop.example")
    for each in (reference, other):
        office.review.decide(each, Ask("Is it static?"), ANN)
    run(office)
    assert office.request(reference)["state"] == "asked"
    with office.engine.execution_options(write=True).begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(requests.update().where(requests.c.reference == reference).values(lapse_at=past))
    for _ in range(2):
        run(office)
    row, (_, notice) = office.request(reference), office.sent(reference)
    assert (row["state"], row["decided_by"], row["open_key"], row["lapse_at"]) == ("lapsed", "service", None, None)
    assert (notice.kind, notice.template) == ("notice", "lapsed")
    assert office.request(other)["state"] == "asked"
    assert office.events(reference) == ["opened", "asked", "lapsed"]


def test_whoever_has_an_exemption_is_warned_once_before_it_ends(office):
    reference = approve(office)
    for _ in range(2):
        run(office)
    _, warning = office.sent(reference)
    (exemption,) = office.exempt()
    assert (warning.kind, warning.template) == ("warning", "expiring")
    assert (warning.data["network"], warning.data["expires_at"]) == (
        "203.0.113.9/32", exemption.expires_at.isoformat(),
    )  # fmt: skip
    assert exemption.warned_at is not None


@pytest.mark.parametrize("change", [{"expires_at": 30}, {"expires_at": -1}, {"revoked_at": 0}])
def test_only_those_are_warned_whose_exemption_ends_soon(office, change):
    reference = approve(office)
    office.change(exemptions, **{name: datetime.now(UTC) + timedelta(days=days) for name, days in change.items()})
    run(office)
    assert len(office.sent(reference)) == 1


def test_answering_the_warning_renews_the_exemption_once(office):
    reference = approve(office)
    run(office)
    before = office.serial()
    office.change(reply_slots, answers=[])
    answer(office, reference)
    office.change(outbound, attempts=1)
    for _ in range(2):
        run(office)
    *_, renewed = office.sent(reference)
    (exemption,) = office.exempt()
    assert exemption.expires_at > datetime.now(UTC) + timedelta(days=364)
    assert exemption.warned_at is None
    assert (renewed.kind, renewed.template, renewed.data["network"]) == ("notice", "renewed", "203.0.113.9/32")
    assert office.serial() == before + 1
    assert office.events(reference)[-2:] == ["joined", "renewed"]
    assert office.request(reference)["unread"]


@pytest.mark.parametrize(
    "letter",
    [
        {"sender": "stranger@elsewhere.example"},
        {"decision": silent(Reason.AUTO_SUBMITTED)},
        {"decision": silent(Reason.FORGED)},
        {"decision": silent(Reason.SUPPRESSED)},
        {"decision": silent(Reason.REPLY_LIMIT)},
        {"address": "198.51.100.7"},
        {"tag": None, "subject": "Re: [{reference}]"},
    ],
)
def test_nobody_else_no_machine_and_nobody_who_has_moved_renews_it(office, letter):
    reference = approve(office)
    run(office)
    office.change(reply_slots, answers=[])
    if "subject" in letter:
        letter = letter | {"subject": letter["subject"].format(reference=reference)}
    answer(office, reference, **letter)
    office.change(outbound, attempts=1)
    run(office)
    assert office.exempt()[0].expires_at < datetime.now(UTC) + SOON


def test_an_answer_to_what_we_sent_renews_it_too(office):
    reference = approve(office)
    run(office)
    office.change(reply_slots, answers=[])
    warning = office.rows(outbound)[-1]
    answer(office, reference, tag=None, in_reply_to=(warning.message_id_header,), changes={"references": ()})
    office.change(outbound, attempts=1)
    run(office)
    assert office.exempt()[0].expires_at > datetime.now(UTC) + SOON


def test_a_message_that_may_yet_turn_out_to_be_forged_renews_nothing(office):
    reference = approve(office)
    run(office)
    office.change(reply_slots, answers=[])
    answer(office, reference)
    run(office)
    assert office.rows(messages)[-1].disposition == "answer", "nothing has spoken against it so far"
    assert office.exempt()[0].expires_at < datetime.now(UTC) + SOON
    office.change(outbound, attempts=1)
    run(office)
    assert office.exempt()[0].expires_at > datetime.now(UTC) + SOON


def test_an_exemption_without_a_request_just_ends(office):
    office.exemptions.add(parse_network("203.0.113.9"), ANN, days=1, reason="by hand")
    run(office)
    assert office.rows(outbound) == []
    assert office.exempt()[0].warned_at is None


def test_nothing_is_decided_for_a_while_after_the_clock_was_set(office):
    reference = office.plead()
    office.review.decide(reference, Ask("Is it static?"), ANN)
    office.change(requests, lapse_at=datetime.now(UTC) - timedelta(days=1))
    office.clock.set_by(days=400)
    run(office)
    assert office.request(reference)["state"] == "asked"
    office.clock.advance(hours=2)
    run(office)
    assert office.request(reference)["state"] == "lapsed"
