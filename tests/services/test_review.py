"""Decisions: what each does in its one transaction, what it refuses, and that nothing is decided or sent twice."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from responder.domain.address import parse_network
from responder.domain.disposition import Reason
from responder.domain.outbound import OutboundState
from responder.domain.plea import Proof
from responder.domain.request import RequestState, open_key
from responder.services.review_actions import (
    Approve,
    Ask,
    Assign,
    Deny,
    Dismiss,
    KeyReused,
    MarkRead,
    NotAllowed,
    Note,
    NoticeHasLeft,
    NotPossible,
    Once,
    Promote,
    Recheck,
    Reopen,
    ReviewError,
    StaleDecision,
    TooWide,
    Unconfirmed,
    Undo,
    UnknownRequest,
)
from responder.storage.schema import audit, blocked_senders, messages, outbound, requests
from responder.storage.staff import add_person
from tests.support.pleas import silent
from tests.support.review import ADMIN, ANN, BOB, READER, TERMS, Office

PLACE = parse_network("203.0.113.9")
SITE = parse_network("203.0.113.8/29")


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def test_an_approval_exempts_tells_and_is_written_down(office):
    reference = office.plead()
    outcome = office.review.decide(reference, Approve(reason="a customer", text="Welcome."), ANN, seen=1)
    row, (exemption,), (notice,) = office.request(reference), office.exempt(), office.sent(reference)
    assert (outcome.before, outcome.after, outcome.version) == (RequestState.WAITING, RequestState.APPROVED, 2)
    assert (row["state"], row["version"], row["open_key"], row["decided_by"]) == ("approved", 2, None, "ann")
    assert (outcome.network, outcome.exemption_id, outcome.expires_at) == (PLACE, exemption.id, exemption.expires_at)
    assert (exemption.request_id, exemption.reason, exemption.created_by) == (row["id"], "a customer", "ann")
    assert exemption.expires_at - exemption.created_at == timedelta(days=365)
    assert (notice.kind, notice.template, notice.state, notice.attempts) == ("notice", "approved", "queued", 0)
    assert notice.due_at == outcome.due_at == row["decided_at"] + timedelta(seconds=120)
    assert notice.data == {
        "network": "203.0.113.9/32",
        "expires_at": exemption.expires_at.isoformat(),
        "reason": "",
        "paragraphs": [],
        "text": "Welcome.",
    }
    assert office.serial() == 1
    assert office.notices == 1
    event = office.rows(audit, event="approved")[0]
    assert (event.actor_kind, event.actor_id, event.from_state, event.to_state) == (
        "staff", "ann", "waiting", "approved",
    )  # fmt: skip


def test_a_notice_goes_to_the_reverse_path_and_comes_back_to_an_address_of_its_own(office):
    reference = office.plead(sender="prvs=4711abcd=Admin@shop.example")
    office.review.decide(reference, Approve(), ANN)
    (notice,) = office.sent(reference)
    token = notice.message_id_header.strip("<>").partition("@")[0]
    assert notice.recipient == "admin@shop.example"
    assert notice.envelope_sender == f"bypass+b-{token}@example.com"
    assert notice.message_id == office.rows(messages)[0].id


def test_the_case_of_a_reverse_path_is_kept(office):
    reference = office.plead(sender="Ann.Smith@shop.example")
    office.review.decide(reference, Approve(), ANN)
    assert office.sent(reference)[0].recipient == "Ann.Smith@shop.example"


def test_without_a_reverse_path_a_decision_tells_nobody(office):
    reference = office.plead(sender="", decision=silent(Reason.TO_STAFF), header_from="ann@shop.example")
    outcome = office.review.decide(reference, Approve(), ANN)
    assert (outcome.outbound_id, outcome.due_at) == (None, None)
    with pytest.raises(ReviewError, match="no address"):
        office.review.decide(office.plead(sender="", decision=silent(Reason.TO_STAFF), header_from="b@x.example"),
                             Ask("Which?"), ANN)  # fmt: skip
    assert office.review.decide(reference, Undo(), ANN).after == "waiting"


@pytest.mark.parametrize(
    ("network", "actor", "why"),
    [
        ("203.0.113.0/28", ANN, "too wide for the role reviewer: at most a /29"),
        ("203.0.113.0/23", ADMIN, "host bits|too wide"),
        ("198.51.0.0/16", ADMIN, "nobody may exempt more than a /24"),
        ("192.0.2.0/29", ANN, "documentation space"),
        ("2001:db8::/56", ANN, "at most a /64"),
        ("fe80::/64", ADMIN, "link-local space"),
    ],
)
def test_what_is_too_wide_or_special_is_refused(office, network, actor, why):
    reference = office.plead()
    wanted = parse_network(network) if network != "203.0.113.0/23" else parse_network("203.0.112.0/23")
    with pytest.raises(TooWide, match=why):
        office.review.decide(reference, Approve(wanted, confirm=wanted), actor)
    assert office.exempt() == office.sent(reference) == []
    assert office.serial() == 0


def test_an_admin_may_exempt_more_than_a_reviewer(office):
    wide = parse_network("203.0.113.0/24")
    assert office.review.decide(office.plead(), Approve(wide, confirm=wide), ADMIN).network == wide


@pytest.mark.parametrize("days", [0, 3651])
def test_days_out_of_range_are_refused(office, days):
    with pytest.raises(TooWide, match="1 to 3650 days"):
        office.review.decide(office.plead(), Approve(days=days), ANN)


def test_days_bound_an_exemption(office):
    outcome = office.review.decide(office.plead(), Approve(days=30), ANN)
    assert outcome.expires_at - office.exempt()[0].created_at == timedelta(days=30)


@pytest.mark.parametrize(
    ("letter", "action", "doubts"),
    [
        ({"proof": Proof.NONE}, Approve(), ("unproven",)),
        ({}, Approve(SITE), ("not-asked-for",)),
        ({"proof": Proof.NONE}, Approve(SITE), ("unproven", "not-asked-for")),
    ],
)
def test_what_is_in_doubt_must_be_typed_once_more(office, letter, action, doubts):
    reference = office.plead(**letter)
    with pytest.raises(Unconfirmed) as caught:
        office.review.decide(reference, action, ANN)
    assert (caught.value.doubts, str(caught.value.network) in str(caught.value)) == (doubts, True)
    with pytest.raises(Unconfirmed):
        office.review.decide(reference, replace(action, confirm=parse_network("203.0.113.1")), ANN)
    assert office.review.preview(reference, action, ANN).doubts == doubts
    assert office.exempt() == []
    outcome = office.review.decide(reference, replace(action, confirm=caught.value.network), ANN)
    assert (outcome.network, outcome.doubts) == (caught.value.network, doubts)


def test_a_request_that_names_no_address_needs_a_network(office):
    reference = office.plead(address=None, client=None, proof=Proof.NONE)
    with pytest.raises(ReviewError, match="say which network"):
        office.review.decide(reference, Approve(), ANN)


def test_a_denial_gives_its_reasons(office):
    reference = office.plead()
    office.review.decide(reference, Deny(("dynamic", "use-smart-host"), "Your provider says so.", "Sorry."), ANN)
    (notice,) = office.sent(reference)
    assert (office.request(reference)["state"], notice.template) == ("denied", "denied")
    assert notice.data["paragraphs"] == ["dynamic", "use-smart-host"]
    assert (notice.data["reason"], notice.data["text"]) == ("Your provider says so.", "Sorry.")
    assert office.serial() == 0


def test_a_question_leaves_at_once_and_waits_for_its_answer(office):
    reference = office.plead()
    outcome = office.review.decide(reference, Ask("Is it\r\nstatic?"), ANN)
    (question,), row = office.sent(reference), office.request(reference)
    assert (question.kind, question.template, question.data["text"]) == ("question", "question", "Is it\nstatic?")
    assert question.due_at == question.created_at == outcome.due_at
    assert row["state"] == "asked"
    assert row["lapse_at"] == question.created_at + timedelta(days=30)
    with pytest.raises(NotPossible, match="asked takes no ask; ann asked it at"):
        office.review.decide(reference, Ask("Well?"), ANN)


def test_a_question_that_still_waits_is_not_asked_once_it_is_decided(office):
    reference = office.plead()
    office.review.decide(reference, Ask("Is it static?"), ANN)
    office.review.decide(reference, Approve(), ANN)
    question, notice = office.sent(reference)
    assert (question.state, notice.state) == ("cancelled", "queued")


@pytest.mark.parametrize("action", [Ask(""), Note("  "), Note("x" * 4001), Deny(reason="x" * 4001)])
def test_texts_that_are_missing_or_too_long_are_refused(office, action):
    with pytest.raises(ReviewError, match=r"missing|longer"):
        office.review.decide(office.plead(), action, ANN)


def test_notes_and_assignees_leave_the_version_alone(office):
    reference = office.plead()
    with office.engine.execution_options(write=True).begin() as connection:
        add_person(connection, staff_id=7, login="bob", role="reviewer", at=office.clock.now())
    assert office.review.decide(reference, Note("Called them."), ANN, seen=99).version == 1
    office.review.decide(reference, Assign("bob"), ANN)
    assert office.request(reference)["assignee_id"] == 7
    office.review.decide(reference, Assign(None), ANN)
    assert office.request(reference)["assignee_id"] is None
    with pytest.raises(UnknownRequest, match="nobody with the login eve"):
        office.review.decide(reference, Assign("eve"), ANN)
    assert office.events(reference) == ["opened", "noted", "assigned", "assigned"]


def test_evidence_is_wanted_again(office):
    reference = office.plead()
    office.review.decide(reference, Recheck(), ANN)
    assert office.wanted == [office.request(reference)["id"]]


def test_what_was_read_is_read(office):
    reference = office.plead()
    assert office.request(reference)["unread"]
    office.review.decide(reference, MarkRead(), ANN)
    assert not office.request(reference)["unread"]
    assert office.events(reference) == ["opened"]


def test_a_shelved_request_is_promoted_and_answered(office):
    reference = office.plead(decision=silent(Reason.AUTOMATIC))
    assert office.request(reference)["state"] == "shelved"
    outcome = office.review.decide(reference, Promote(answer=True), ANN)
    (reply,), (message,), row = office.rows(outbound), office.rows(messages), office.request(reference)
    assert (outcome.outbound_id, outcome.outbound_kind) == (reply.id, "reply")
    assert (reply.kind, reply.template, reply.message_id) == ("reply", "answer", message.id)
    assert (reply.recipient, reply.envelope_sender) == ("admin@shop.example", "")
    assert (message.disposition, message.reason) == ("answer", None)
    assert (row["state"], row["unanswered"]) == ("waiting", None)
    assert bytes(row["open_key"]) == open_key("admin@shop.example", PLACE.network_address)


def test_nobody_is_answered_twice_by_a_promotion(office):
    reference = office.plead()
    office.change(requests, state="shelved")
    with pytest.raises(NotPossible, match="has its answer"):
        office.review.decide(reference, Promote(answer=True), ANN)
    office.change(outbound, state="cancelled")
    office.review.decide(reference, Promote(answer=True), ANN)
    assert [row.state for row in office.rows(outbound)] == ["queued"]


def test_a_dismissal_is_silent_and_may_block(office):
    reference = office.plead()
    outcome = office.review.decide(reference, Dismiss(block="domain", reason="spam"), ANN)
    assert (outcome.after, outcome.blocked) == ("dismissed", "shop.example")
    assert [(row.pattern, row.reason, row.created_by) for row in office.rows(blocked_senders)] == [
        ("shop.example", "spam", "ann")
    ]
    assert [(row.kind, row.state) for row in office.rows(outbound)] == [("reply", "cancelled")]


def test_a_closed_request_is_reopened_and_its_notice_kept_back(office):
    reference = office.plead()
    office.review.decide(reference, Deny(), ANN)
    office.review.decide(reference, Reopen("a mistake"), BOB)
    row = office.request(reference)
    assert (row["state"], row["decided_at"], row["decided_by"]) == ("waiting", None, None)
    assert office.sent(reference)[0].state == "cancelled"


def test_what_is_approved_is_reopened_with_its_exemption_and_its_notice(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    office.review.decide(reference, Reopen("another address"), BOB)
    assert (office.request(reference)["state"], office.exempt()[0].revoked_at) == ("waiting", None)
    assert office.sent(reference)[0].state == "queued"
    other = parse_network("203.0.113.10")
    assert office.review.decide(reference, Approve(other, confirm=other), ANN).network == other
    assert len(office.exempt()) == 2


def test_a_reopened_request_takes_its_key_only_where_it_is_free(office):
    reference = office.plead()
    office.review.decide(reference, Dismiss(), ANN)
    other = office.plead()
    assert other != reference
    office.review.decide(reference, Reopen(), ANN)
    assert office.request(reference)["open_key"] is None
    assert office.request(other)["open_key"] is not None


def test_undo_takes_everything_back(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    outcome = office.review.decide(reference, Undo(), BOB, seen=2)
    (exemption,), (notice,), row = office.exempt(), office.sent(reference), office.request(reference)
    assert (outcome.before, outcome.after, row["version"]) == ("approved", "waiting", 3)
    assert (exemption.revoked_by, notice.state, notice.reason) == ("bob", "cancelled", "undone")
    assert (row["decided_at"], row["open_key"] is not None) == (None, True)
    assert office.serial() == 2


@pytest.mark.parametrize("state", [{"attempts": 1}, {"state": OutboundState.SENT}, {"state": OutboundState.FAILED}])
def test_undo_says_when_the_notice_has_left(office, state):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    office.change(outbound, **state)
    with pytest.raises(NoticeHasLeft, match=f"{reference}: ann approved it at .* has left; revoke the exemption"):
        office.review.decide(reference, Undo(), BOB)
    assert office.exempt()[0].revoked_at is None
    assert office.request(reference)["state"] == "approved"


def test_an_active_network_is_renewed_and_undo_gives_back_what_was(office):
    office.exemptions.add(PLACE, ANN, days=30, reason="by hand")
    (before,) = office.exempt()
    reference = office.plead()
    outcome = office.review.decide(reference, Approve(reason="asked"), ANN)
    (renewed,) = office.exempt()
    assert (outcome.renews, outcome.exemption_id, renewed.id) == (True, before.id, before.id)
    assert (renewed.reason, renewed.expires_at > before.expires_at) == ("asked", True)
    assert renewed.request_id == office.request(reference)["id"]
    office.review.decide(reference, Undo(), ANN)
    assert office.exempt() == [before]


def test_renewing_never_makes_an_exemption_end_earlier(office):
    office.exemptions.add(PLACE, ANN, days=300, reason="by hand")
    (before,) = office.exempt()
    assert office.review.decide(office.plead(), Approve(days=1), ANN).expires_at == before.expires_at


def test_undo_leaves_an_exemption_that_another_request_has_now(office):
    first, second = office.plead(), office.plead(sender="other@shop.example")
    office.review.decide(first, Approve(), ANN)
    office.review.decide(second, Approve(), ANN)
    office.review.decide(first, Undo(), ANN)
    assert office.exempt()[0].revoked_at is None
    office.review.decide(second, Undo(), ANN)


def test_overlapping_exemptions_are_told(office):
    site = office.exemptions.add(SITE, ANN, reason="the whole site")
    outcome = office.review.decide(office.plead(), Approve(), ANN)
    assert (outcome.overlaps, outcome.renews) == ((SITE,), False)
    wide = parse_network("203.0.113.0/24")
    assert office.exemptions.add(wide, ADMIN, reason="all of it").overlaps == (SITE, PLACE)
    assert office.exemptions.revoke(site.exemption_id, ANN).overlaps == (wide, PLACE)


def test_deciding_names_the_other_open_requests_of_the_network(office):
    first = office.plead()
    same = office.plead(sender="b@other.example")
    near = office.plead(sender="c@other.example", address="203.0.113.10")
    done = office.plead(sender="d@other.example")
    office.review.decide(done, Dismiss(), ANN)
    assert office.review.preview(first, Deny(), ANN).related == (same,)
    assert office.review.preview(first, Approve(SITE), ANN).related == (near, same)
    assert [row["reference"] for row in office.queue.related(first)] == [same]


def test_a_stale_decision_is_told_who_was_quicker(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN, seen=1)
    with pytest.raises(StaleDecision, match=f"{reference}: ann approved it at .*UTC; look again") as caught:
        office.review.decide(reference, Deny(), BOB, seen=1)
    assert (caught.value.by, caught.value.event, caught.value.version) == ("ann", "approved", 2)
    assert len(office.sent(reference)) == 1


def test_a_decision_is_stale_once_the_sender_wrote_again(office):
    reference = office.plead()
    office.review.decide(reference, Ask("Static?"), ANN)
    token = office.request(reference)["reply_token"]
    assert office.plead(tag=f"r-{token}") == reference
    with pytest.raises(StaleDecision, match="sender wrote again") as caught:
        office.review.decide(reference, Deny(), BOB, seen=2)
    assert caught.value.by == "sender"


def test_mail_of_machines_is_not_taken_for_the_change(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    token = office.request(reference)["reply_token"]
    assert office.plead(tag=f"r-{token}", decision=silent(Reason.AUTO_SUBMITTED)) == reference
    with pytest.raises(StaleDecision, match="ann approved it at"):
        office.review.decide(reference, Deny(), BOB, seen=1)
    with pytest.raises(NotPossible, match="takes no deny; ann approved it at"):
        office.review.decide(reference, Deny(), BOB)


def test_of_many_who_decide_at_once_one_wins(engine):
    offices = [Office(engine) for _ in range(4)]
    reference = offices[0].plead()
    start, results = threading.Barrier(len(offices)), []

    def decide(office, action):
        start.wait()
        try:
            results.append(office.review.decide(reference, action, ANN, seen=1))
        except StaleDecision as error:
            results.append(error)

    actions = (Approve(), Deny(), Approve(), Deny())
    threads = [threading.Thread(target=decide, args=pair) for pair in zip(offices, actions, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(isinstance(result, StaleDecision) for result in results) == [False, True, True, True]
    assert len(offices[0].sent(reference)) == 1
    assert len(offices[0].exempt()) <= 1
    for office in offices:
        office.close()


def test_a_key_does_the_same_once(office):
    reference = office.plead()
    once = Once("key-1", b"\x01" * 32)
    first = office.review.decide(reference, Approve(), ANN, once=once)
    again = office.review.decide(reference, Approve(), ANN, seen=1, once=once)
    assert again == replace(first, repeated=True)
    assert len(office.sent(reference)) == 1
    with pytest.raises(KeyReused):
        office.review.decide(reference, Deny(), ANN, once=Once("key-1", b"\x02" * 32))
    with pytest.raises(NotPossible):
        office.review.decide(reference, Deny(), BOB, once=once)


def test_a_dry_run_changes_nothing(office):
    references = [office.plead(sender=f"a{number}@shop.example") for number in range(3)]
    before = [office.rows(table) for table in (requests, outbound, audit)]
    outcomes = office.review.decide_all([*references, "ZZZZZ-ZZZZZ"], Approve(), ANN, dry_run=True)
    assert [outcome.renews for outcome in outcomes[:3]] == [False, False, False]
    assert all(outcome.is_dry and outcome.after == "approved" for outcome in outcomes[:3])
    assert isinstance(outcomes[3], UnknownRequest)
    assert [office.rows(table) for table in (requests, outbound, audit)] == before
    assert (office.exempt(), office.serial(), office.notices) == ([], 0, 0)


def test_many_are_decided_each_by_itself(office):
    references = [office.plead(sender=f"a{number}@shop.example") for number in range(3)]
    office.review.decide(references[1], Dismiss(), ANN)
    outcomes = office.review.decide_all(references, Deny(), ANN)
    assert [getattr(outcome, "after", type(outcome)) for outcome in outcomes] == ["denied", NotPossible, "denied"]
    with pytest.raises(ReviewError, match="at most 500"):
        office.review.decide_all(["x"] * 501, Deny(), ANN)


@pytest.mark.parametrize("action", [Approve(), Deny(), Ask("?"), Note("x"), Dismiss(), Recheck(), MarkRead()])
def test_who_only_reads_decides_nothing(office, action):
    with pytest.raises(NotAllowed, match="ray has the role reader"):
        office.review.decide(office.plead(), action, READER)


@pytest.mark.parametrize("reference", ["", "nonsense", "ZZZZZ-ZZZZZ", "\x1b[2J" * 50])
def test_an_unknown_reference_is_told_in_one_line(office, reference):
    with pytest.raises(UnknownRequest) as caught:
        office.review.decide(reference, Deny(), ANN)
    assert str(caught.value).isprintable()


def test_a_message_reference_names_its_request(office):
    office.plead()
    office.plead()
    first, second = office.rows(messages)
    office.review.decide(second.reference, Deny(), ANN)
    assert office.request(first.reference)["state"] == "denied"


def test_what_is_static_and_proven_is_approved_by_rule_where_that_is_wanted(engine):
    office = Office(engine, replace(TERMS, auto_approves=True))
    reference = office.plead()
    number = office.request(reference)["id"]
    assert office.writer.run(lambda connection: office.review.approve_proven(connection, number)).result() is None
    office.change(requests, advice="static")
    office.writer.run(lambda connection: office.review.approve_proven(connection, number)).result()
    row = office.request(reference)
    assert (row["state"], row["decided_by"]) == ("approved", "service")
    assert office.writer.run(lambda connection: office.review.approve_proven(connection, number)).result() is None
    office.close()
