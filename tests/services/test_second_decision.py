"""From acceptance to the second decision: what is written down, what leaves, and what is as if it had never been."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, select, update

from responder.domain.address import ip_key
from responder.domain.findings import Check, Finding, Result
from responder.domain.limits import ReplyLimits, Scope, hour_of
from responder.domain.plea import Proof
from responder.domain.vouching import SenderEvidence
from responder.services.acceptance import Terms
from responder.services.evidence import EvidenceTerms
from responder.services.inquiry import Case, Inquiry, InquiryTerms
from responder.services.intake import Intake
from responder.storage import outbox, schema
from responder.storage.findings import newest_findings
from responder.storage.pending import want_evidence
from responder.storage.schema_desk import findings
from responder.storage.writer import Writer
from tests.support.pleas import IDENTITY, Letter

SECONDS = 20
TERMS = Terms(
    ReplyLimits(window_hours=24, max_per_sender_per_week=3),
    {Scope.NETWORK: 60, Scope.DOMAIN: 120},
    evidence_for=timedelta(seconds=5),
)
Say = Callable[[Finding], Any]


def finding(check: Check, result: Result, subject: str = "203.0.113.9", value: str = "") -> Finding:
    return Finding(check, subject, result, value, "dns", datetime.now(UTC), 300)


FORGED = (finding(Check.SPF, Result.FAIL, "shop.example"),)
SOFT = (finding(Check.SPF, Result.SOFTFAIL, "shop.example"),)
NULL_MX = (finding(Check.SENDER_DOMAIN, Result.NULL_MX, "shop.example"),)
STATIC = (
    finding(Check.LISTING, Result.LISTED, value="127.0.0.10"),
    finding(Check.REVERSE_NAME, Result.CONFIRMED, value="mail.shop.example"),
    finding(Check.PROOF, Result.CLIENT),
)


class FakeEvidence:
    """Knows what it was told."""

    def __init__(self) -> None:
        self.terms = EvidenceTerms(deadline_seconds=5)
        self.asked: list[Any] = []

    def deadline_of(self, received_at: datetime, now: datetime) -> float:
        return time.monotonic() + 5

    def begin(self, question: Any, deadline: float) -> Future[tuple[Finding, ...]]:
        self.asked.append(question)
        future: Future[tuple[Finding, ...]] = Future()
        future.set_result(())
        return future


@dataclass
class Desk:
    """An intake, and the inquiry behind it."""

    engine: Engine
    wanted: SenderEvidence = SenderEvidence.NOT_FORGED
    approved: list[int] = field(default_factory=list)
    letters: dict[bytes, Letter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clock = SimpleNamespace(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
        self.writer = Writer(self.engine)
        self.writer.start()
        self.intake = Intake(
            self.writer, IDENTITY, TERMS, read=self._read, node="one", clock=self.clock.now, on_answer=lambda: None
        )
        self.intake.start()
        self.evidence = FakeEvidence()
        self.inquiry = self.another("host/1/1/a")

    def another(self, instance: str) -> Inquiry:
        terms = InquiryTerms(self.wanted, lambda _, request_id: self.approved.append(request_id))
        return Inquiry(self.engine, self.writer, self.evidence, terms, instance=instance, clock=self.clock)

    def _read(self, envelope: object, content: Any) -> Any:
        reading = self.letters[content.kept].reading()
        now = datetime.now(UTC)
        object.__setattr__(reading.envelope, "received_at", now)
        return reading

    def take(self, *letters: Letter) -> list[Any]:
        futures = []
        for letter in letters:
            content = letter.content()
            self.letters[content.kept] = letter
            futures.append(self.intake.submit(letter.envelope(), content))
        return [future.result(SECONDS) for future in futures]

    def find_out(self, found: tuple[Finding, ...]) -> list[Case]:
        """Let everything that waits be found out about, with the same findings."""
        cases = self.inquiry.claim(100)
        self.inquiry.conclude([self.inquiry.judge(case, found) for case in cases])
        return cases

    def rows(self, table: Table) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key.columns)))

    def row(self, table: Table) -> Any:
        (row,) = self.rows(table)
        return row

    def deliverable(self) -> int:
        """Claim what may leave now, and give how many that were."""
        with self.engine.execution_options(write=True).begin() as connection:
            at = outbox.time_of(connection, datetime.now(UTC))
            claims = outbox.claim_due(
                connection, instance="x", limit=100, hold_for=timedelta(minutes=3), at=at, with_replies=True
            )
        return len(claims)

    def close(self) -> None:
        self.intake.stop()
        self.writer.stop()


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    desk = Desk(engine)
    yield desk
    desk.close()


def test_an_answer_waits_until_its_evidence_is_there(desk: Desk):
    desk.take(Letter())
    assert desk.deliverable() == 0
    (case,) = desk.find_out(STATIC)
    assert desk.deliverable() == 1
    question = case.question
    assert (question.reverse_path, question.header_from) == ("admin@shop.example", "admin@shop.example")
    assert (str(question.address), str(question.client), question.proof) == ("203.0.113.9", "203.0.113.9", Proof.CLIENT)
    assert question.helo_name == "mail.shop.example"
    assert question.read_raw() == Letter().content().kept
    request = desk.row(schema.requests)
    assert (request.advice, request.state, request.unanswered) == ("static", "waiting", None)
    assert request.advice_reasons[0] == "dns lists 203.0.113.9 as dynamic (127.0.0.10)."


def test_an_answer_leaves_without_evidence_when_nobody_finds_out(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.take(Letter())
    cases = desk.inquiry.claim(100)
    assert len(cases) == 1
    with desk.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(schema.outbound).values(due_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert desk.deliverable() == 1
    desk.inquiry.conclude([desk.inquiry.judge(cases[0], FORGED)])
    assert desk.row(schema.outbound).state == "queued"
    assert desk.row(schema.messages).reason is None
    assert desk.row(findings).result == "fail"


def test_what_a_limit_holds_up_is_found_out_about_meanwhile(desk: Desk):
    desk.take(Letter(), Letter("bob@shop.example", 2))
    assert desk.inquiry.find_late(10) == []
    with desk.engine.execution_options(write=True).begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(schema.outbound).values(due_at=past, created_at=past - timedelta(seconds=5)))
        sent = connection.execute(select(schema.outbound).order_by(schema.outbound.c.id)).first()
        by_staff = {**sent._asdict(), "id": 1, "message_id": None, "message_id_header": "<1@x>", "created_at": past}
        connection.execute(schema.outbound.insert().values(by_staff))
    assert desk.inquiry.claim(100) == []
    first, second = desk.inquiry.find_late(10)
    assert first.deadline > time.monotonic()
    desk.inquiry.conclude([desk.inquiry.judge(first, FORGED), desk.inquiry.judge(second, STATIC)])
    assert {row.state for row in desk.rows(schema.outbound) if row.message_id == first.row["message_id"]} == {
        "cancelled"
    }
    assert desk.inquiry.find_late(10) == []
    assert desk.deliverable() == 2


def test_what_waits_is_claimed_once(desk: Desk):
    desk.take(Letter(), Letter("bob@shop.example", 2))
    assert len(desk.inquiry.claim(1)) == 1
    assert len(desk.another("host/1/1/b").claim(100)) == 1
    assert desk.inquiry.claim(100) == []


def test_waiting_for_evidence_is_not_leaving(desk: Desk):
    desk.take(Letter())
    desk.inquiry.claim(100)
    with desk.engine.connect() as connection:
        at = outbox.time_of(connection, datetime.now(UTC))
        count = outbox.count_replies(
            connection, since=at - timedelta(minutes=1), at=at, hold_for=timedelta(minutes=3), most=10
        )
    assert count == 0


def test_a_forged_plea_is_silent_and_as_if_it_had_not_been_answered(desk: Desk):
    (receipt,) = desk.take(Letter())
    desk.find_out(FORGED)
    sent, message, request = desk.row(schema.outbound), desk.row(schema.messages), desk.row(schema.requests)
    assert (sent.state, sent.reason) == ("cancelled", "forged")
    assert (message.disposition, message.reason) == ("silent", "forged")
    assert (request.state, request.unanswered, request.unread) == ("shelved", "forged", False)
    assert request.reference == receipt.reference
    assert desk.rows(schema.reply_slots) == []
    counts = {row.count for row in desk.rows(schema.rate_counts) if row.hour_at == hour_of(message.received_at)}
    assert counts <= {0}
    assert desk.deliverable() == 0
    assert [event.event for event in desk.rows(schema.audit)] == ["opened", "silenced", "shelved"]


def test_one_shelf_gathers_what_is_forged_in_a_name(desk: Desk):
    desk.take(*(Letter(number=number, address=f"203.0.113.{number}") for number in (1, 2, 3)))
    desk.find_out(FORGED)
    request = desk.row(schema.requests)
    assert (request.state, request.message_count) == ("shelved", 3)
    assert {message.request_id for message in desk.rows(schema.messages)} == {request.id}
    assert {row.request_id for row in desk.rows(findings)} == {request.id}
    assert {row.request_id for row in desk.rows(schema.outbound)} == {request.id}
    desk.take(Letter(number=4, address="203.0.113.4"))
    desk.find_out(FORGED)
    assert desk.row(schema.requests).message_count == 4
    assert {message.request_id for message in desk.rows(schema.messages)} == {request.id}


def test_a_request_with_an_honest_message_stays(desk: Desk):
    desk.take(Letter())
    desk.find_out(STATIC)
    desk.take(Letter(number=2, address="203.0.113.9", subject="again"))
    with desk.engine.execution_options(write=True).begin() as connection:
        later = datetime.now(UTC) + timedelta(seconds=4)
        connection.execute(
            update(schema.messages)
            .where(schema.messages.c.reason == "reply-limit")
            .values(disposition="answer", reason=None)
        )
        ids = [row.id for row in desk.rows(schema.messages)]
        values = {
            **desk.rows(schema.outbound)[0]._asdict(),
            "id": 1,
            "message_id": ids[1],
            "message_id_header": "<2@x>",
        }
        values |= {"due_at": later, "claimed_by": None, "attempts": 0, "state": "queued"}
        connection.execute(schema.outbound.insert().values(values))
    desk.find_out(FORGED)
    request = desk.row(schema.requests)
    assert (request.state, request.message_count) == ("waiting", 2)
    assert [message.reason for message in desk.rows(schema.messages)] == [None, "forged"]


@pytest.mark.parametrize(("found", "reason"), [(SOFT, "unproven"), (NULL_MX, "unanswerable-address")])
def test_silence_that_says_nothing_against_a_person_leaves_the_request_to_staff(
    desk: Desk, found: tuple[Finding, ...], reason: str
):
    desk.take(Letter(has_refusal=False, address=None, proof=Proof.NONE))
    desk.find_out(found)
    request = desk.row(schema.requests)
    assert (request.state, request.unanswered) == ("waiting", reason)
    assert desk.row(schema.outbound).reason == reason
    assert desk.rows(schema.reply_slots) == []


def test_a_plea_is_answered_after_a_softfail(desk: Desk):
    says_so = {"has_refusal": False, "proof": Proof.NONE}
    desk.take(
        Letter(),
        Letter("bob@shop.example", 2, has_refusal=False),
        Letter("eve@shop.example", 3, **says_so, address="203.0.113.10"),
        Letter("dan@shop.example", 4, **says_so | {"proof": Proof.REFERENCE}, address="203.0.113.10"),
    )
    desk.find_out(SOFT)
    reasons = {message.sender_key.partition("@")[0]: message.reason for message in desk.rows(schema.messages)}
    assert reasons == {"admin": None, "bob": None, "eve": "unproven", "dan": None}


def test_findings_are_kept_and_the_newest_counts(desk: Desk):
    desk.take(Letter())
    desk.find_out(STATIC)
    request = desk.row(schema.requests)
    with desk.engine.execution_options(write=True).begin() as connection:
        want_evidence(connection, [request.id])
    assert desk.row(schema.requests).advice is None
    (case,) = desk.inquiry.find_requests([request.id])
    now_missing = (finding(Check.REVERSE_NAME, Result.MISSING), *STATIC[:1])
    desk.inquiry.conclude([desk.inquiry.judge(case, now_missing)])
    assert desk.row(schema.requests).advice == "dynamic"
    assert len(desk.rows(findings)) == 5
    with desk.engine.connect() as connection:
        newest = newest_findings(connection, request.id)
    assert [(row["check"], row["result"]) for row in newest] == [
        ("listing", "listed"),
        ("reverse-name", "missing"),
        ("proof", "client"),
    ]


def test_requests_that_got_no_answer_are_found_out_about_too(desk: Desk):
    desk.take(Letter())
    desk.find_out(STATIC)
    desk.take(Letter(address="203.0.113.10", number=2), Letter(address="203.0.113.11", number=3))
    desk.find_out(STATIC)
    desk.take(Letter(address="203.0.113.12", number=4))
    (unanswered,) = [row for row in desk.rows(schema.requests) if row.advice is None]
    assert unanswered.unanswered == "reply-limit"
    assert desk.inquiry.find_unadvised(10) == []
    with desk.engine.execution_options(write=True).begin() as connection:
        old = datetime.now(UTC) - timedelta(seconds=30)
        connection.execute(update(schema.requests).values(updated_at=old))
    (case,) = desk.inquiry.find_unadvised(10)
    assert case.row["request_id"] == unanswered.id
    desk.inquiry.conclude([desk.inquiry.judge(case, FORGED)])
    assert desk.rows(schema.requests)[-1].advice == "unclear"
    assert desk.rows(schema.requests)[-1].state == "waiting"
    assert desk.inquiry.find_unadvised(10) == []


def follow_up(desk: Desk, request: Any, **changes: Any) -> None:
    """Let a request's sender answer what we sent."""
    (sent,) = {row.message_id_header for row in desk.rows(schema.outbound) if row.request_id == request.id}
    desk.take(Letter(number=9, in_reply_to=(sent,), **changes))


def test_what_a_follow_up_changes_is_found_out_about_anew(desk: Desk):
    desk.take(Letter(address=None, proof=Proof.NONE))
    desk.find_out((finding(Check.LISTING, Result.NOT_LISTED),))
    first = desk.row(schema.requests)
    assert (bool(first.advice), first.address_key) == (True, None)
    follow_up(desk, first, address="203.0.113.10", proof=Proof.NONE)
    now = desk.row(schema.requests)
    assert (now.advice, now.advice_reasons, bytes(now.address_key)[-1]) == (None, [], 10)
    with desk.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(schema.requests).values(updated_at=datetime.now(UTC) - timedelta(seconds=30)))
    (case,) = desk.inquiry.find_unadvised(10)
    assert str(case.question.address) == "203.0.113.10"


def test_another_address_in_a_thread_gives_no_advice_about_that_of_the_request(desk: Desk):
    desk.take(Letter())
    desk.find_out((finding(Check.LISTING, Result.LISTED), finding(Check.REVERSE_NAME, Result.MISSING)))
    assert desk.row(schema.requests).advice == "dynamic"
    with desk.engine.execution_options(write=True).begin() as connection:
        connection.execute(delete(schema.reply_slots))  # as when the window is over
    follow_up(desk, desk.row(schema.requests), address="203.0.113.10", proof=Proof.NONE, networks=("203.0.113.10/32",))
    (case,) = desk.find_out(STATIC)
    assert str(case.question.address) == "203.0.113.10"
    assert (desk.row(schema.requests).advice, desk.approved) == (None, [])
    with desk.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(schema.requests).values(updated_at=datetime.now(UTC) - timedelta(seconds=30)))
    (case,) = desk.inquiry.find_unadvised(10)
    assert str(case.question.address) == "203.0.113.9"


def test_a_follow_up_that_says_nothing_new_leaves_the_advice(desk: Desk):
    desk.take(Letter())
    desk.find_out(STATIC)
    follow_up(desk, desk.row(schema.requests))
    assert (desk.row(schema.requests).advice, desk.row(schema.requests).message_count) == ("static", 2)


def test_evidence_that_comes_after_a_follow_up_gives_no_advice_about_what_was_said_before(desk: Desk):
    desk.take(Letter(address=None, proof=Proof.NONE))
    (case,) = desk.inquiry.claim(10)
    follow_up(desk, desk.row(schema.requests), address="203.0.113.10", proof=Proof.NONE)
    desk.inquiry.conclude([desk.inquiry.judge(case, STATIC)])
    assert (desk.row(schema.requests).advice, desk.approved) == (None, [])
    assert len(desk.rows(findings)) == 3


def test_a_client_that_is_listed_is_the_refused_address_where_none_is_named(desk: Desk):
    desk.take(Letter(address=None, proof=Proof.NONE))
    desk.find_out((*STATIC[:2], finding(Check.PROOF, Result.NONE, "")))
    request, message = desk.row(schema.requests), desk.row(schema.messages)
    key = ip_key(ip_address("203.0.113.9"))
    assert (bytes(request.address_key), request.address_source, request.proof) == (key, "client", "client")
    assert request.networks == ["203.0.113.9/32"]
    assert (bytes(message.refused_key), message.address_source) == (key, "client")
    assert request.advice == "static"
    desk.take(Letter(number=2))
    assert len(desk.rows(schema.requests)) == 1


def test_a_client_that_is_not_listed_is_nothing(desk: Desk):
    desk.take(Letter(address=None, proof=Proof.NONE))
    desk.find_out((finding(Check.LISTING, Result.NOT_LISTED),))
    assert desk.row(schema.requests).address_key is None


def test_what_is_static_and_proven_is_approved_by_the_rule_and_nothing_else(desk: Desk):
    desk.take(Letter(), Letter("bob@shop.example", 2, address="203.0.113.10"))
    desk.find_out(STATIC)
    assert desk.approved == [row.id for row in desk.rows(schema.requests) if bytes(row.address_key)[-1] == 9]


def test_earlier_requests_are_told(desk: Desk):
    desk.take(Letter(), Letter("bob@shop.example", 2, address="203.0.113.10"))
    desk.find_out(())
    desk.take(Letter("eve@other.example", 3))
    (case,) = desk.inquiry.claim(100)
    assert [(one.subject, one.result, one.value) for one in case.question.known] == [
        ("203.0.113.9", Result.KNOWN, "1 earlier request: 1 waiting"),
        ("203.0.113.0/24", Result.KNOWN, "2 earlier requests: 2 waiting"),
    ]


def test_what_was_found_about_the_address_of_a_message_reaches_the_words_of_its_answer(desk):
    desk.take(Letter(number=1), Letter(sender="bob@other.example", number=2, address="203.0.113.80"))
    desk.find_out((*STATIC, finding(Check.SPF, Result.PASS, "shop.example")))
    with desk.engine.connect() as connection:
        ids = connection.execute(select(schema.outbound.c.id).order_by(schema.outbound.c.id)).scalars().all()
        facts = outbox.read_facts(connection, ids)
    assert [row["request_advice"] for row in sorted(facts, key=lambda row: row["id"])] == ["static", "unclear"]
    for row in facts:
        assert [(one["check"], one["result"]) for one in row["findings"]] == [
            ("listing", "listed"), ("reverse-name", "confirmed"),
        ]  # fmt: skip
        assert {one["message_id"] for one in row["findings"]} == {row["message_id"]}
