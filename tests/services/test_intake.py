"""What one message does: the rows of one transaction, whatever comes, comes twice, or breaks."""

import threading
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from responder.domain.disposition import Decision, Disposition, Reason
from responder.domain.limits import ReplyLimits, Scope
from responder.domain.plea import Proof
from responder.domain.request import RequestState, open_key
from responder.services.acceptance import Terms
from responder.services.bounces import make_bounce_address
from responder.services.intake import Intake
from responder.storage import schema
from responder.storage.errors import StorageUnavailable
from responder.storage.writer import Writer
from tests.support.pleas import IDENTITY, NOON, Letter, silent

SECONDS = 20
TERMS = Terms(ReplyLimits(window_hours=24, max_per_sender_per_week=3), {Scope.NETWORK: 0, Scope.DOMAIN: 0})


class WatchedWriter(Writer):
    """A writer that tells when something was handed in."""

    def __init__(self, engine):
        super().__init__(engine, lock_timeout_seconds=1)
        self.arrived = threading.Semaphore(0)

    def submit(self, *arguments, **options):
        future = super().submit(*arguments, **options)
        self.arrived.release()
        return future


class Desk:
    """An intake with its writer, a clock to set, and letters to hand in."""

    def __init__(self, engine, terms=TERMS):
        self.engine = engine
        self.now = NOON
        self.answers = 0
        self.letters = {}
        self.writer = WatchedWriter(engine)
        self.intake = Intake(
            self.writer, IDENTITY, terms, read=self.read, node="one", clock=lambda: self.now, on_answer=self.count
        )
        self.intake.start()

    def read(self, _, content):
        return self.letters[content.kept].reading()

    def count(self):
        self.answers += 1

    def submit(self, letter):
        content = letter.content()
        self.letters[content.kept] = letter
        return self.intake.submit(letter.envelope(), content)

    def take(self, letter):
        return self.submit(letter).result(SECONDS)

    def take_together(self, *letters):
        """Hand in letters so that they are stored in one batch, in their order, and start the writer."""
        futures = []
        for letter in letters:
            futures.append(self.submit(letter))
            assert self.writer.arrived.acquire(timeout=SECONDS)
        self.writer.start()
        return [future.result(SECONDS) for future in futures]

    def close(self):
        self.intake.stop()
        self.writer.stop()

    def rows(self, table):
        with self.engine.connect() as connection:
            key = next(iter(table.primary_key))
            return connection.execute(select(table).order_by(key)).mappings().all()

    def change(self, **values):
        with self.engine.execution_options(write=True).begin() as connection:
            connection.execute(update(schema.requests).values(**values))


@pytest.fixture
def idle_desk(engine):
    desk = Desk(engine)
    yield desk
    desk.close()


@pytest.fixture
def desk(idle_desk):
    idle_desk.writer.start()
    return idle_desk


def test_a_plea_is_a_message_a_request_and_an_answer(desk):
    receipt = desk.take(Letter())
    (message,) = desk.rows(schema.messages)
    (request,) = desk.rows(schema.requests)
    (answer,) = desk.rows(schema.outbound)
    (event,) = desk.rows(schema.audit)
    (raw,) = desk.rows(schema.raw_messages)
    assert (receipt.disposition, receipt.reason, receipt.repeated) == (Disposition.ANSWER, None, False)
    assert receipt.reference == message["reference"] == request["reference"]
    assert message["request_id"] == answer["request_id"] == event["subject_id"] == request["id"]
    assert (request["state"], request["unanswered"], request["unread"]) == ("waiting", None, True)
    assert (request["contact"], request["domain"]) == ("admin@shop.example", "shop.example")
    assert (answer["kind"], answer["state"], answer["recipient"]) == ("reply", "queued", "admin@shop.example")
    assert (answer["message_id"], answer["due_at"]) == (message["id"], NOON)
    assert answer["give_up_at"] == NOON + timedelta(hours=48)
    assert answer["message_id_header"] == IDENTITY.make_message_id(answer["id"])
    assert (event["event"], event["from_state"], event["to_state"]) == ("opened", None, "waiting")
    assert zlib.decompress(raw["raw"]) == Letter().content().kept
    assert desk.answers == 1


@pytest.mark.parametrize(
    ("networks", "template"),
    [
        (("203.0.113.9/32",), "answer"),
        (("203.0.113.8/29", "2001:db8:1::/48"), "answer"),
        (("203.0.113.9/32", "203.0.113.0/28"), "provider"),
        (("2001:db8::/47",), "provider"),
    ],
)
def test_who_asks_for_a_range_gets_the_answer_for_providers(desk, networks, template):
    desk.take(Letter(networks=networks))

    (answer,) = desk.rows(schema.outbound)
    assert answer["template"] == template


def test_a_repeat_gets_the_first_reference_and_no_second_answer(desk):
    first = desk.take(Letter())
    again = desk.take(Letter(client="198.51.100.7", trace=b"Received: from elsewhere\r\n\tby here; now\r\n"))
    assert again == replace(first, repeated=True)
    (message,) = desk.rows(schema.messages)
    assert message["repeats"] == 1
    assert len(desk.rows(schema.outbound)) == len(desk.rows(schema.requests)) == 1
    assert desk.answers == 1


def test_identical_messages_of_one_batch_are_one(idle_desk):
    receipts = idle_desk.take_together(Letter(), Letter(), Letter())
    assert [receipt.repeated for receipt in receipts] == [False, True, True]
    assert len({receipt.reference for receipt in receipts}) == 1
    (message,) = idle_desk.rows(schema.messages)
    assert message["repeats"] == 2
    assert len(idle_desk.rows(schema.outbound)) == 1


def test_a_repeat_is_known_for_five_days(desk):
    first = desk.take(Letter())
    desk.now += timedelta(days=5, minutes=-1)
    assert desk.take(Letter()).reference == first.reference
    desk.now += timedelta(minutes=11)
    assert desk.take(Letter()).reference != first.reference


@pytest.mark.parametrize("together", [True, False])
def test_a_second_plea_within_the_window_is_recorded_and_not_answered(idle_desk, together):
    letters = [Letter(number=1), Letter(number=2)]
    if together:
        first, second = idle_desk.take_together(*letters)
    else:
        idle_desk.writer.start()
        first, second = map(idle_desk.take, letters)
    assert (second.disposition, second.reason, second.repeated) == (Disposition.SILENT, Reason.REPLY_LIMIT, False)
    assert second.reference != first.reference
    (request,) = idle_desk.rows(schema.requests)
    assert (request["message_count"], request["state"], request["unanswered"]) == (2, "waiting", None)
    assert [event["event"] for event in idle_desk.rows(schema.audit)] == ["opened", "joined"]
    assert len(idle_desk.rows(schema.outbound)) == 1


def test_after_the_window_a_sender_is_answered_again(desk):
    desk.take(Letter(number=1))
    desk.now += timedelta(hours=24)
    assert desk.take(Letter(number=2)).disposition is Disposition.ANSWER
    assert len(desk.rows(schema.requests)) == 1


def test_each_refused_address_is_a_request_and_an_answer_up_to_the_weekly_limit(desk):
    addresses = ["203.0.113.1", "203.0.113.2", None, "203.0.113.4"]
    receipts = [desk.take(Letter(number=number, address=address)) for number, address in enumerate(addresses)]
    assert [receipt.reason for receipt in receipts] == [None, None, None, Reason.REPLY_LIMIT]
    assert [row["unanswered"] for row in desk.rows(schema.requests)] == [None, None, None, "reply-limit"]


@pytest.mark.parametrize(
    ("scope", "letters"),
    [
        (Scope.NETWORK, [Letter(f"a@{n}.example", client=f"203.0.113.{n}", number=n) for n in range(4)]),
        (Scope.DOMAIN, [Letter(f"{n}@shop.example", client=f"203.0.{n}.1", number=n) for n in range(4)]),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_network_and_a_domain_get_so_many_answers_an_hour(engine, scope, letters, together):
    desk = Desk(engine, Terms(TERMS.limits, {Scope.NETWORK: 0, Scope.DOMAIN: 0} | {scope: 2}))
    if together:
        receipts = desk.take_together(*letters[:3])
    else:
        desk.writer.start()
        receipts = [desk.take(letter) for letter in letters[:3]]
    assert [receipt.reason for receipt in receipts] == [None, None, Reason.REPLY_LIMIT]
    assert len(desk.rows(schema.reply_slots)) == 2
    desk.now += timedelta(hours=1)
    assert desk.take(letters[3]).reason is None
    desk.close()


@pytest.mark.parametrize(
    "decision",
    [silent(reason) for reason in Reason if reason not in {Reason.FORGED, Reason.BLOCKED}],
    ids=lambda decision: decision.reason,
)
def test_a_silent_message_is_stored_with_its_reason(desk, decision):
    receipt = desk.take(Letter(decision=decision, has_refusal=False))
    (message,) = desk.rows(schema.messages)
    (request,) = desk.rows(schema.requests)
    assert (receipt.disposition, receipt.reason) == (Disposition.SILENT, decision.reason)
    assert (message["disposition"], message["reason"]) == ("silent", decision.reason)
    people = {"reply-limit", "unproven", "unanswerable-address", "to-staff", "suppressed"}
    assert (request["state"], request["unread"]) == (
        ("waiting", True) if decision.reason in people else ("shelved", False)
    )
    assert request["unanswered"] == decision.reason
    assert desk.rows(schema.outbound) == desk.rows(schema.reply_slots) == desk.rows(schema.rate_counts) == []


def test_other_silent_mail_of_a_sender_gathers_in_one_shelved_request(desk):
    for number, address in enumerate(["203.0.113.1", "203.0.113.2", None]):
        desk.take(Letter(number=number, address=address, decision=silent(Reason.AUTOMATIC)))
    desk.take(Letter("other@shop.example", decision=silent(Reason.AUTOMATIC)))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [3, 1]


def test_bulk_mail_that_quotes_a_refusal_waits_for_staff(desk):
    desk.take(Letter(decision=silent(Reason.BULK), has_refusal=True))
    assert [row["state"] for row in desk.rows(schema.requests)] == ["waiting"]


@pytest.mark.parametrize("pattern", ["admin@shop.example", "shop.example", "example"])
def test_a_blocked_sender_is_not_answered(engine, desk, pattern):
    with engine.execution_options(write=True).begin() as connection:
        row = {"pattern": pattern, "reason": "", "created_at": NOON, "created_by": "ann"}
        connection.execute(insert(schema.blocked_senders), row)
    assert desk.take(Letter("Admin+7@Shop.example")).reason is Reason.BLOCKED
    assert desk.take(Letter("admin@workshop.test")).reason is None
    assert desk.take(Letter(decision=silent(Reason.SPAM))).reason is Reason.BLOCKED
    assert desk.take(Letter(number=2, decision=silent(Reason.AUTOMATIC))).reason is Reason.AUTOMATIC


def test_a_sender_that_is_blocked_later_is_noticed(engine, desk):
    assert desk.take(Letter(number=1)).reason is None
    with engine.execution_options(write=True).begin() as connection:
        row = {"pattern": "shop.example", "reason": "", "created_at": NOON, "created_by": "ann"}
        connection.execute(insert(schema.blocked_senders), row)
    desk.now += timedelta(seconds=10)
    assert desk.take(Letter(number=2)).reason is Reason.BLOCKED


def reply_token(desk):
    return f"R-{desk.rows(schema.requests)[0]['reply_token'].upper()}"


def thread_by_token(desk):
    return {"sender": "colleague@shop.example", "tag": reply_token(desk)}


def thread_by_message_id(desk):
    return {"sender": "colleague@shop.example", "in_reply_to": (desk.rows(schema.outbound)[0]["message_id_header"],)}


def thread_by_reference(desk):
    return {"subject": f"Re: your case {desk.rows(schema.requests)[0]['reference'].lower()}"}


THREADS = [thread_by_token, thread_by_message_id, thread_by_reference]


@pytest.mark.parametrize("thread", THREADS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("asked", "waiting"),
        ("denied", "waiting"),
        ("lapsed", "waiting"),
        ("approved", "approved"),
        ("waiting", "waiting"),
    ],
)
def test_a_follow_up_joins_its_request_and_brings_it_back(desk, thread, before, after):
    desk.take(Letter())
    closed = before not in {"asked", "waiting"}
    desk.change(state=before, unread=False, lapse_at=NOON, decided_at=NOON, **({"open_key": None} if closed else {}))
    desk.now += timedelta(hours=1)
    desk.take(Letter(number=2, address=None, **thread(desk)))
    (request,) = desk.rows(schema.requests)
    assert (request["state"], request["message_count"], request["unread"]) == (after, 2, True)
    assert request["updated_at"] == desk.now
    assert request["version"] == (1 if after == before else 2)
    assert (request["decided_at"] is None) == (after != before)
    is_open = after == "waiting"
    expected = open_key("admin@shop.example", Letter().plea().address) if is_open else None
    assert (request["open_key"] and bytes(request["open_key"])) == expected
    event = desk.rows(schema.audit)[-1]
    assert (event["event"], event["from_state"], event["to_state"]) == ("joined", before, after)


def test_a_request_that_comes_back_does_not_take_the_place_of_the_open_one(desk):
    desk.take(Letter(number=1))
    thread = thread_by_token(desk)
    desk.change(state="denied", open_key=None)
    desk.now += timedelta(days=2)
    desk.take(Letter(number=2))
    desk.take(Letter(number=3, address=None, **thread))
    first, second = desk.rows(schema.requests)
    assert (first["state"], second["state"]) == ("waiting", "waiting")
    assert first["open_key"] is None
    desk.take(Letter(number=4))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [2, 2]


def test_a_request_that_learned_an_address_for_which_there_is_another_one_is_still_joined(desk):
    desk.take(Letter(number=1, address=None, proof=Proof.NONE))
    thread = thread_by_token(desk)
    desk.take(Letter(number=2))
    desk.take(Letter(number=3, **thread))
    desk.take(Letter(number=4, address=None, proof=Proof.NONE))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [3, 1]


@pytest.mark.parametrize("thread", THREADS)
def test_automatic_mail_joins_without_changing_the_state(desk, thread):
    desk.take(Letter())
    desk.change(state="denied", open_key=None, unread=False)
    desk.take(Letter(number=2, decision=silent(Reason.AUTO_SUBMITTED), **thread(desk)))
    (request,) = desk.rows(schema.requests)
    assert (request["state"], request["unread"], request["message_count"]) == ("denied", False, 2)


def test_what_comes_back_to_its_own_bounce_address_is_marked_in_its_case(desk):
    desk.take(Letter())
    with desk.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(schema.outbound).values(state="sent"))
    desk.change(unread=False)
    address = make_bounce_address(IDENTITY, desk.rows(schema.outbound)[0]["message_id_header"])
    tag = address.partition("@")[0].partition("+")[2]
    report = Letter("", header_from="mailer-daemon@relay.example", number=2, address=None, tag=tag)
    desk.take(replace(report, decision=silent(Reason.NULL_REVERSE_PATH)))
    (sent,) = desk.rows(schema.outbound)
    (request,) = desk.rows(schema.requests)
    assert sent["state"] == "bounced"
    assert (request["state"], request["unread"], request["message_count"]) == ("waiting", True, 2)
    assert [row["event"] for row in desk.rows(schema.audit)] == ["opened", "joined", "bounced"]


def test_a_stranger_who_names_a_reference_joins_nothing(desk):
    reference = desk.take(Letter()).reference
    desk.take(Letter("stranger@shop.example", number=2, subject=f"Re: {reference}"))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [1, 1]


def test_a_forged_message_id_or_token_joins_nothing(desk):
    desk.take(Letter())
    sent = desk.rows(schema.outbound)[0]["message_id_header"]
    forged = sent.replace(".", ".0", 1)
    desk.take(Letter("stranger@shop.example", number=2, in_reply_to=(forged,), tag="r-guessed"))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [1, 1]


def test_the_reference_of_a_follow_up_leads_to_its_request(desk):
    desk.take(Letter(number=1))
    second = desk.take(Letter(number=2))
    desk.take(Letter(number=3, address="203.0.113.77", subject=second.reference))
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [3]


def test_a_request_learns_the_address_from_its_thread_and_answers_about_it(desk):
    desk.take(Letter(number=1, address=None, proof=Proof.NONE))
    second = desk.take(Letter(number=2, sender="admin@shop.example", tag=reply_token(desk)))
    (request,) = desk.rows(schema.requests)
    plea = Letter().plea()
    assert second.disposition is Disposition.ANSWER
    assert bytes(request["address_key"])[-4:] == plea.address.packed
    assert (request["networks"], request["proof"], request["version"]) == (["203.0.113.9/32"], "client", 2)
    assert bytes(request["open_key"]) == open_key("admin@shop.example", plea.address)
    third = desk.take(Letter(number=3))
    assert third.reason is Reason.REPLY_LIMIT
    assert [row["message_count"] for row in desk.rows(schema.requests)] == [3]


def test_a_follow_up_without_an_address_counts_as_one_about_its_request(desk):
    desk.take(Letter(number=1))
    receipt = desk.take(Letter(number=2, address=None, tag=reply_token(desk)))
    assert receipt.reason is Reason.REPLY_LIMIT


def test_an_answer_later_clears_the_mark_of_an_unanswered_request(desk):
    desk.take(Letter(number=1, decision=silent(Reason.SUPPRESSED)))
    desk.take(Letter(number=2))
    (request,) = desk.rows(schema.requests)
    assert (request["unanswered"], request["message_count"]) == (None, 2)


def test_mail_with_a_null_reverse_path_is_gathered_by_its_author(desk):
    bounce = {"sender": "", "decision": silent(Reason.NULL_REVERSE_PATH), "has_refusal": False}
    desk.take(Letter(number=1, header_from="mailer-daemon@shop.example", **bounce))
    desk.take(Letter(number=2, header_from="mailer-daemon@other.example", **bounce))
    assert [row["contact"] for row in desk.rows(schema.requests)] == [
        "mailer-daemon@shop.example",
        "mailer-daemon@other.example",
    ]


HOSTILE = "\0\ud800 \u202e\udcff" + "x" * 5_000


def test_nothing_in_a_message_makes_storing_fail(desk):
    letter = Letter(sender=f"{HOSTILE[:60]}@shop.example", subject=HOSTILE, tag=f"r-{HOSTILE[:20]}")
    strange = replace(letter, changes={"message_id": None, "references": tuple(f"<{n}@x>" for n in range(2_000))})
    desk.letters[b"\0\xff"] = strange
    envelope = replace(letter.envelope(), helo_name=HOSTILE)
    content = replace(Letter().content(), kept=b"\0\xff")
    receipt = desk.intake.submit(envelope, content).result(SECONDS)
    assert receipt.disposition is Disposition.ANSWER
    (message,) = desk.rows(schema.messages)
    assert "\0" not in message["subject"] + message["helo_name"] + message["reverse_path"]
    assert len(message["subject"]) <= 1_000


def test_a_message_on_which_reading_breaks_is_kept_as_malformed(desk, caplog):
    letter = Letter()
    receipt = desk.intake.submit(letter.envelope(), replace(letter.content(), kept=b"nobody can read this")).result(
        SECONDS
    )
    assert receipt.reason is Reason.MALFORMED
    (raw,) = desk.rows(schema.raw_messages)
    assert zlib.decompress(raw["raw"]) == b"nobody can read this"
    assert "incident" in [record.message for record in caplog.records]


def test_a_faulty_message_harms_no_other_of_its_batch(idle_desk):
    faulty = Letter("b@shop.example", number=2, decision=Decision(Disposition.SILENT, "no such reason"))
    futures = [idle_desk.submit(letter) for letter in (Letter("a@shop.example"), faulty, Letter("c@shop.example"))]
    idle_desk.writer.start()
    assert [bool(future.exception(SECONDS)) for future in futures] == [False, True, False]
    assert len(idle_desk.rows(schema.messages)) == 2


def test_a_locked_database_stores_nothing_and_the_next_try_succeeds(open_engine, engine):
    desk = Desk(open_engine(busy_timeout_seconds=0.5))
    desk.writer.start()
    with open_engine().execution_options(write=True).connect() as holder:
        is_sqlite = holder.dialect.name == "sqlite"
        holder.execute(text("DELETE FROM serials" if is_sqlite else "LOCK TABLE receipts"))
        with pytest.raises(StorageUnavailable):
            desk.take(Letter())
        holder.rollback()
    assert desk.take(Letter()).repeated is False
    assert len(desk.rows(schema.messages)) == 1
    desk.close()


def test_nodes_that_get_the_same_messages_at_once_store_and_answer_once(open_engine, engine):
    with ExitStack() as stack:
        desks = [Desk(engine), Desk(open_engine())]
        for desk in desks:
            desk.writer.start()
            stack.callback(desk.close)
        letters = [Letter(f"{n % 5}@shop.example", number=n) for n in range(40)]
        futures = [desk.submit(letter) for letter in letters for desk in desks]
        receipts = [future.result(SECONDS) for future in futures]
    assert Counter(receipt.repeated for receipt in receipts) == {False: 40, True: 40}
    assert all(one.reference == other.reference for one, other in zip(receipts[::2], receipts[1::2], strict=True))
    with engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (schema.messages, schema.receipts, schema.requests, schema.outbound, schema.reply_slots)
        ]
        assert counts == [40, 40, 5, 5, 5]
        assert set(connection.execute(select(schema.requests.c.message_count)).scalars()) == {8}


def test_a_desk_that_closed_refuses(desk):
    desk.close()
    with pytest.raises(StorageUnavailable):
        desk.take(Letter())
    assert RequestState.WAITING not in [row["state"] for row in desk.rows(schema.requests)]


def test_large_messages_that_are_slow_to_read_do_not_make_a_plea_wait(desk, monkeypatch):
    may_read, read = threading.Event(), desk.intake._read

    def read_large_slowly(envelope, content):
        assert content.size <= 20_000 or may_read.wait(SECONDS)
        return read(envelope, content)

    monkeypatch.setattr(desk.intake, "_read", read_large_slowly)
    large = [Letter(number=number, trace=b"X-Long: " + b"x" * 20_000 + b"\r\n") for number in range(1, 5)]
    slow = [desk.submit(letter) for letter in large]
    assert desk.take(Letter("bob@office.example", number=9)).disposition is Disposition.ANSWER
    assert not any(future.done() for future in slow)
    may_read.set()
    assert len({future.result(SECONDS).reference for future in slow}) == len(slow)
