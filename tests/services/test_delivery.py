"""What leaves, when, and what is left of it when a process dies on the way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from responder.domain.limits import Answer, ReplySlot
from responder.services.delivery import DeliveryTerms
from responder.services.transports import Deferred, Refused, Unreachable
from responder.services.upkeep import Upkeep
from responder.storage.limits import lock_slots, store_slots
from responder.storage.outbound import find_content
from responder.storage.schema import audit, messages, nodes, outbound, outbound_contents, requests
from responder.storage.writer import Writer
from tests.support.outbox import Post, make_due, queue_answer, row, rows


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


@pytest.fixture
def post(engine: Engine, writer: Writer) -> Post:
    return Post(engine, writer)


def _content(engine: Engine, outbound_id: int) -> bytes | None:
    with engine.connect() as connection:
        return find_content(connection, outbound_id)


def _raise(error: BaseException):
    def fail(_: object) -> None:
        raise error

    return fail


def test_an_answer_leaves_once_and_is_settled(engine: Engine, post: Post):
    answer = queue_answer(engine)
    assert post.run() == 1
    ((outbound_id, sender, recipient, content),) = post.box.taken
    assert (outbound_id, sender, recipient) == (answer, "", "admin1@example.org")
    assert content == _content(engine, answer)
    settled = row(engine, answer)
    assert (settled.state, settled.attempts, settled.last_code, settled.claimed_by) == ("sent", 1, 250, None)
    assert settled.last_text == "2.0.0 queued as 1"
    assert abs(settled.settled_at - datetime.now(UTC)) < timedelta(minutes=1)
    make_due(engine)
    assert post.run() == 0


def test_the_attempt_and_the_octets_are_on_disk_before_the_relay_is_asked(engine: Engine, post: Post):
    answer = queue_answer(engine)
    seen = []
    post.box.before = lambda _: seen.append((row(engine, answer), _content(engine, answer)))
    post.run()
    ((claimed, content),) = seen
    assert (claimed.state, claimed.attempts, claimed.claimed_by) == ("queued", 1, post.instance)
    assert claimed.due_at - datetime.now(UTC) > timedelta(seconds=170)
    assert content == post.box.taken[0][3]


def test_the_letter_says_what_is_known(engine: Engine, post: Post):
    queue_answer(engine)
    post.run()
    (letter,) = post.pen.letters
    assert (str(letter.address), letter.address_source, letter.cause, letter.ours) == (
        "192.0.2.25", "rejection", "dynamic", True,
    )  # fmt: skip
    assert [str(network) for network in letter.networks] == ["192.0.2.25/32", "198.51.100.0/29"]
    assert (letter.refused_by, letter.proof, letter.locale, letter.quoted_subject) == (
        "mx.example.com", "client", "en", None,
    )  # fmt: skip
    assert letter.references == ("<0@example.org>",)
    assert letter.in_reply_to.endswith("@example.org>")
    assert (letter.software.product, letter.software.version) == ("exchange", "2003")
    assert letter.guides[0] == "exchange-2003-2000"
    assert set(letter.guides) == {"exchange-2003-2000", "exchange-2007", "generic"}


def test_deferred_comes_back_by_schedule_with_the_same_octets(engine: Engine, post: Post):
    answer = queue_answer(engine)
    post.box.before = _raise(Deferred(451, "4.3.0 later"))
    for attempts, seconds in enumerate((300, 900, 1800, 3600, 7200, 14_400, 14_400), start=1):
        assert post.run() == 1
        waiting = row(engine, answer)
        assert (waiting.state, waiting.attempts, waiting.claimed_by) == ("queued", attempts, None)
        assert (waiting.last_code, waiting.last_text, waiting.settled_at) == (451, "4.3.0 later", None)
        assert waiting.due_at - datetime.now(UTC) == pytest.approx(timedelta(seconds=seconds), rel=0.11)
        assert post.run() == 0
        make_due(engine)
    post.box.before = lambda _: None
    post.run()
    assert len(post.pen.letters) == 1
    assert post.box.taken[0][3] == _content(engine, answer)


def test_refused_is_over(engine: Engine, post: Post):
    answer = queue_answer(engine)
    post.box.before = _raise(Refused(550, "5.1.1 unknown"))
    post.run()
    failed = row(engine, answer)
    assert (failed.state, failed.last_code, failed.last_text) == ("failed", 550, "5.1.1 unknown")
    make_due(engine)
    assert post.run() == 0


def test_it_is_given_up_with_the_relays_last_word(engine: Engine, post: Post):
    answer = queue_answer(engine, give_up_at=datetime.now(UTC) + timedelta(seconds=200))
    post.box.before = _raise(Deferred(451, "4.3.0 later"))
    post.run()
    assert (row(engine, answer).state, row(engine, answer).last_code) == ("failed", 451)


def test_what_waited_too_long_for_a_relay_does_not_leave(engine: Engine, post: Post):
    answer = queue_answer(engine, give_up_at=datetime.now(UTC) - timedelta(seconds=1))
    assert post.run() == 0
    assert row(engine, answer).state == "failed"
    assert "too old" in row(engine, answer).last_text
    assert post.box.calls == 0


def test_a_clock_that_was_set_ahead_makes_nothing_too_old(engine: Engine, post: Post):
    answer = queue_answer(engine, give_up_at=datetime.now(UTC) - timedelta(seconds=1))
    post.clock.set_by(days=365)
    post.run()
    assert row(engine, answer).state == "sent"


def test_a_clock_that_was_set_back_stops_nothing_for_long(engine: Engine, post: Post, writer: Writer):
    late, soon = (
        queue_answer(engine, due_at=datetime.now(UTC) + timedelta(days=days)) for days in (365, 0.1)
    )  # fmt: skip
    _upkeep(post, writer).tick()
    post.run()
    assert (row(engine, late).state, row(engine, soon).state) == ("sent", "queued")


@pytest.mark.parametrize("kind", ["reply", "notice"])
def test_reports_are_wanted_for_what_is_no_reply(engine: Engine, post: Post, kind: str):
    queue_answer(engine, kind=kind, envelope_sender="bypass+b-1@example.com")
    post.run()
    assert post.box.reports == [kind == "notice"]


@pytest.mark.parametrize("point", ["claimed", "worded", "stored", "handed over"])
def test_death_anywhere_loses_nothing(engine: Engine, writer: Writer, monkeypatch, point: str):
    answers = [queue_answer(engine, number) for number in range(3)]
    doomed = Post(engine, writer, "host/1/1/dead")
    match point:
        case "claimed":
            monkeypatch.setattr(doomed.delivery, "prepare", _raise(Killed()))
        case "worded":
            monkeypatch.setattr(doomed.delivery, "_store", _raise(Killed()))
        case "stored":
            doomed.box.before = _raise(Killed())
        case "handed over":
            monkeypatch.setattr(doomed.delivery, "settle", _raise(Killed()))
    with pytest.raises(Killed):
        doomed.run()
    heir = Post(engine, writer, "host/1/1/heir")
    assert heir.run() == 0
    _upkeep(heir, writer).enroll()
    while heir.run():
        pass
    assert [each.state for each in rows(engine)] == ["sent"] * 3
    assert sorted(taken[0] for taken in heir.box.taken) == answers
    known = {taken[0]: taken[3] for taken in doomed.box.taken}
    assert all(content == known.get(number, content) for number, _, _, content in heir.box.taken)


def test_a_claim_of_the_living_is_left_alone(engine: Engine, writer: Writer):
    first, second = Post(engine, writer, "other/1/1/a"), Post(engine, writer, "host/1/1/b")
    _upkeep(first, writer).enroll()
    queue_answer(engine)
    assert len(first.delivery.claim(5).claims) == 1
    _upkeep(second, writer).enroll()
    assert second.run() == 0


def test_a_claim_runs_out_by_itself(engine: Engine, writer: Writer):
    queue_answer(engine)
    assert len(Post(engine, writer, "host/1/1/dead").delivery.claim(5).claims) == 1
    make_due(engine)
    assert Post(engine, writer, "host/1/1/heir").run() == 1


def test_what_came_of_a_lost_claim_counts_only_when_sent(engine: Engine, writer: Writer):
    answer = queue_answer(engine)
    first, second = Post(engine, writer, "host/1/1/a"), Post(engine, writer, "host/1/1/b")
    first.box.before = _raise(Deferred(451, "4.3.0 later"))
    (parcel,) = first.delivery.prepare(first.delivery.claim(5))
    make_due(engine)
    (again,) = second.delivery.prepare(second.delivery.claim(5))
    first.delivery.settle([first.delivery.hand_over(parcel)])
    first.delivery.release([parcel.claim])
    assert (row(engine, answer).attempts, row(engine, answer).claimed_by) == (2, "host/1/1/b")
    first.box.before = lambda _: None
    first.delivery.settle([first.delivery.hand_over(parcel)])
    second.box.before = _raise(Refused(550, "5.0.0 no"))
    second.delivery.settle([second.delivery.hand_over(again)])
    assert row(engine, answer).state == "sent"


def test_released_is_due_at_once_and_was_no_attempt(engine: Engine, post: Post):
    answer = queue_answer(engine)
    batch = post.delivery.claim(5)
    post.delivery.release(batch.claims)
    assert (row(engine, answer).attempts, row(engine, answer).claimed_by) == (0, None)
    assert post.run() == 1


def test_a_message_that_cannot_be_worded_keeps_nothing_back(engine: Engine, post: Post):
    bad, *good = (queue_answer(engine, number) for number in range(4))
    post.pen.before = lambda letter: _raise(ValueError("x"))(letter) if "admin0" in letter.recipient else None
    for attempts in (1, 2, 3):
        post.run()
        assert row(engine, bad).attempts == attempts
        assert [row(engine, number).state for number in good] == ["sent"] * 3
        assert row(engine, bad).state == ("failed" if attempts == 3 else "queued")
        make_due(engine)
    assert "incident" in row(engine, bad).last_text


def test_a_message_that_ends_the_process_is_set_aside_and_takes_no_other_with_it(engine: Engine, writer: Writer):
    bad, *good = (queue_answer(engine, number) for number in range(4))
    posts = []
    for start in range(12):
        assert row(engine, bad).state == "queued" or start > 10
        post = Post(engine, writer, f"host/1/1/{start}")
        post.pen.before = lambda letter: _raise(Killed())(letter) if "admin0" in letter.recipient else None
        try:
            while post.run():
                pass
        except Killed:
            make_due(engine)
        posts.append(post)
    assert [row(engine, number).state for number in good] == ["sent"] * 3
    assert row(engine, bad).state == "failed"
    assert "set aside" in row(engine, bad).last_text
    assert sorted(taken[0] for post in posts for taken in post.box.taken) == good


def test_a_row_that_cannot_be_read_keeps_nothing_back(engine: Engine, post: Post):
    bad, good = queue_answer(engine, 1), queue_answer(engine, 2)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(requests).where(requests.c.sender_key == "admin1@example.org").values(networks=["x"]))
    post.run()
    assert (row(engine, bad).state, row(engine, good).state) == ("queued", "sent")


def test_octets_that_cannot_be_unpacked_are_written_anew(engine: Engine, post: Post):
    answer = queue_answer(engine)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(outbound_contents).values(outbound_id=answer, content=b"rot"))
    assert post.run() == 1
    assert row(engine, answer).state == "sent"


def test_a_fault_of_the_transport_is_tried_again_and_then_set_aside(engine: Engine, post: Post):
    answer = queue_answer(engine)
    post.box.before = _raise(RuntimeError("oops"))
    for state in ("queued", "queued", "failed"):
        post.run()
        assert row(engine, answer).state == state
        make_due(engine)


def test_the_relay_is_left_alone_while_it_cannot_be_reached(engine: Engine, post: Post):
    for number in range(3):
        queue_answer(engine, number)
    first, second, third = post.delivery.prepare(post.delivery.claim(5))
    assert post.delivery.may_start(first)
    post.box.before = _raise(Unreachable("refused"))
    settlement = post.delivery.hand_over(first)
    assert (settlement.state, settlement.code) == ("queued", None)
    assert not post.delivery.may_start(second)
    assert 0 < post.delivery.relay.left <= 1
    post.clock.advance(seconds=1)
    assert post.delivery.may_start(second)
    post.delivery.hand_over(second)
    assert 1 < post.delivery.relay.left <= 2
    post.clock.advance(seconds=2)
    post.box.before = _raise(Deferred(451, "4.3.0 later"))
    post.delivery.hand_over(third)
    assert not post.delivery.relay.in_trouble


def test_a_claim_that_is_half_over_is_not_begun(engine: Engine, post: Post):
    queue_answer(engine)
    (parcel,) = post.delivery.prepare(post.delivery.claim(5))
    post.clock.advance(seconds=31)
    assert not post.delivery.may_start(parcel)


def test_only_so_many_answers_leave_within_a_minute(engine: Engine, writer: Writer):
    post = Post(engine, writer, terms=DeliveryTerms(max_per_minute=3))
    for number in range(5):
        queue_answer(engine, number)
    notice = queue_answer(engine, 9, kind="notice")
    assert post.run() == 3
    batch = post.delivery.claim(50)
    assert batch.is_limited
    assert [claim.outbound_id for claim in batch.claims] == [notice]
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(outbound).where(outbound.c.state == "sent").values(settled_at=_ago(minutes=2)))
    assert post.run() == 2


def test_answers_in_other_hands_count_for_the_minute(engine: Engine, writer: Writer):
    for number in range(5):
        queue_answer(engine, number)
    terms = DeliveryTerms(max_per_minute=3)
    assert len(Post(engine, writer, "host/1/1/a", terms).delivery.claim(2).claims) == 2
    assert len(Post(engine, writer, "host/1/1/b", terms).delivery.claim(50).claims) == 1


def test_an_answer_that_waited_too_long_becomes_silence(engine: Engine, writer: Writer):
    post = Post(engine, writer, terms=DeliveryTerms(max_per_minute=1))
    queue_answer(engine, 1)
    post.run()
    old, fresh = queue_answer(engine, 2, due_at=_ago(hours=25)), queue_answer(engine, 3, due_at=_ago(hours=23))
    slot = ReplySlot((Answer("192.0.2.1", _ago(hours=30)), Answer("192.0.2.25", _ago(hours=25))))
    with engine.execution_options(write=True).begin() as connection:
        store_slots(connection, {"admin2@example.org": slot, "admin3@example.org": slot}, ())
    assert post.run() == 0
    assert (row(engine, old).state, row(engine, old).reason) == ("cancelled", "reply-limit")
    assert row(engine, fresh).state == "queued"
    with engine.connect() as connection:
        slots = lock_slots(connection, ["admin2@example.org", "admin3@example.org"])
        message = connection.execute(select(messages).where(messages.c.id == row(engine, old).message_id)).one()
        request = connection.execute(select(requests).where(requests.c.id == message.request_id)).one()
        events = connection.execute(select(audit.c.event).where(audit.c.subject_id == request.id)).scalars().all()
    assert [answer.address for answer in slots["admin2@example.org"].answers] == ["192.0.2.1"]
    assert len(slots["admin3@example.org"].answers) == 2
    assert (message.disposition, message.reason) == ("silent", "reply-limit")
    assert (request.state, request.unanswered) == ("waiting", "reply-limit")
    assert events == ["silenced"]


def test_nothing_is_dropped_while_answers_may_leave(engine: Engine, writer: Writer):
    post = Post(engine, writer, terms=DeliveryTerms(max_per_minute=10))
    answer = queue_answer(engine, due_at=_ago(hours=30))
    post.run()
    assert row(engine, answer).state == "sent"


def test_a_process_that_is_gone_from_this_machine_is_dead_at_once(engine: Engine, post: Post, writer: Writer):
    queue_answer(engine)
    upkeep = _upkeep(post, writer)
    upkeep.enroll()
    assert len(post.delivery.claim(5).claims) == 1
    heir = Post(engine, writer, "host/1/1/heir")  # the same process id: whoever had it has ended
    _upkeep(heir, writer).enroll()
    assert heir.run() == 1
    _upkeep(heir, writer).leave()
    with engine.connect() as connection:
        assert connection.execute(select(nodes)).all() == []


def test_what_a_dead_process_had_in_hand_leaves_at_once_though_others_live(engine: Engine, post: Post, writer: Writer):
    queue_answer(engine)
    _upkeep(post, writer).enroll()
    assert len(post.delivery.claim(5).claims) == 1
    queue_answer(engine, 2)
    other = Post(engine, writer, "elsewhere/1/1/lives")
    _upkeep(other, writer).enroll()
    assert len(other.delivery.claim(5).claims) == 1
    heir = Post(engine, writer, "host/1/1/heir")
    _upkeep(heir, writer).enroll()
    assert heir.run() == 1


def test_octets_that_were_forgotten_are_written_anew(engine: Engine, post: Post):
    answer = queue_answer(engine)
    post.box.before = _raise(Deferred(451, "4.3.0 later"))
    post.run()
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(delete(outbound_contents))
    make_due(engine)
    post.box.before = lambda _: None
    post.run()
    assert row(engine, answer).state == "sent"


def test_a_batch_is_worded_again_when_its_octets_could_not_be_stored(engine: Engine, post: Post):
    answer = queue_answer(engine)
    batch = post.delivery.claim(5)
    post.writer.stop()
    with pytest.raises(Exception, match="stopped"):
        post.delivery.prepare(batch)
    assert _content(engine, answer) is None
    post.writer = Writer(engine)
    post.writer.start()
    post.delivery._writer = post.writer
    assert [parcel.claim for parcel in post.delivery.prepare(replace(batch))] == list(batch.claims)
    post.writer.stop()


def _ago(**passed: float) -> datetime:
    return datetime.now(UTC) - timedelta(**passed)


def _upkeep(post: Post, writer: Writer) -> Upkeep:
    return Upkeep(
        writer, post.clock, instance=post.instance, faces="worker", version="1", retry_seconds=post.terms.retry_seconds
    )
