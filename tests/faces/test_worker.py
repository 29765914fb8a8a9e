"""The worker's threads: at once, each message once, and an orderly end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from responder.faces import worker as worker_module
from responder.faces.worker import WorkerFace
from responder.services.delivery import DeliveryTerms
from responder.services.transports import Reply, Unreachable, make_transport
from responder.services.upkeep import Upkeep
from responder.storage import writer as writer_module
from responder.storage.errors import StorageUnavailable
from responder.storage.schema import nodes, outbound
from responder.storage.writer import Writer
from tests.support.outbox import Box, Post, queue_answer, row, rows
from tests.support.relay import Relay

SECONDS = 30


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker_module, "_PAUSE_SECONDS", 0.01)


class Gate(Box):
    """A transport that says how many messages it holds, and lets them through when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.is_open = False
        self.held = 0

    def deliver(self, *arguments, **options) -> Reply:
        with self.changed:
            self.held += 1
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.is_open, SECONDS)
            reply = super().deliver(*arguments, **options)
            self.changed.notify_all()
            return reply

    def wait_for_held(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.held >= count, SECONDS)

    def open(self) -> None:
        with self.changed:
            self.is_open = True
            self.changed.notify_all()


@contextmanager
def _working(post: Post, *, connections: int = 4) -> Iterator[WorkerFace]:
    upkeep = Upkeep(
        post.writer, post.clock, instance=post.instance, faces="worker", version="1",
        retry_seconds=post.terms.retry_seconds,
    )  # fmt: skip
    face = WorkerFace(post.delivery, upkeep, connections=connections)
    face.start()
    yield face
    face.drain(SECONDS)


def _settled_states(post: Post, wanted: int) -> Callable[[], None]:
    """Watch `post` settle; gives what waits until `wanted` messages are."""
    done, count = threading.Event(), [0]
    settle = post.delivery.settle

    def watched(settlements) -> None:
        settle(settlements)
        count[0] += len(settlements)
        if count[0] >= wanted:
            done.set()

    post.delivery.settle = watched
    return lambda: done.wait(SECONDS) or pytest.fail(f"{count[0]} of {wanted} settled")


def test_many_messages_leave_each_once(engine: Engine, writer: Writer, tmp_path: Path):
    answers = [queue_answer(engine, number) for number in range(150)]
    with Relay() as relay:
        relay_url = relay.url
        transport = make_transport(
            relay_url, password=None, timeout_seconds=SECONDS, hostname="bypass.example.com", data_dir=tmp_path
        )
        post = Post(engine, writer, box=transport)
        wait = _settled_states(post, len(answers))
        with _working(post):
            wait()
        assert sorted(taken.rcpt for taken in relay.taken) == sorted(
            f"RCPT TO:<admin{number}@example.org> NOTIFY=NEVER" for number in range(150)
        )
        assert relay.connections <= 4
    assert {each.state for each in rows(engine)} == {"sent"}
    assert {each.attempts for each in rows(engine)} == {1}


def _watch_looks(post: Post, monkeypatch: pytest.MonkeyPatch, wanted: int) -> threading.Event:
    """Give what is set once the worker has looked `wanted` times for something that is due."""
    looked, count = threading.Event(), [0]
    look = post.delivery.is_any_due

    def watched() -> bool:
        found = look()
        count[0] += 1
        if count[0] >= wanted:
            looked.set()
        return found

    monkeypatch.setattr(post.delivery, "is_any_due", watched)
    return looked


def test_it_leaves_as_soon_as_it_is_woken(engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch):
    for name in ("_FIRST_LOOK_SECONDS", "_LAST_LOOK_SECONDS"):
        monkeypatch.setattr(worker_module, name, SECONDS)
    post = Post(engine, writer, box=Gate())
    post.box.open()
    looked = _watch_looks(post, monkeypatch, 1)
    with _working(post) as face:
        assert looked.wait(SECONDS)
        queue_answer(engine)
        face.wake()
        post.box.wait_for_held(1)


def test_what_another_process_accepts_leaves_unasked_and_idle_looks_write_nothing(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
):
    post = Post(engine, writer, box=Gate())
    post.box.open()
    claims: list[int] = []
    claim = post.delivery.claim
    monkeypatch.setattr(post.delivery, "claim", lambda limit: (claims.append(limit), claim(limit))[1])
    looked = _watch_looks(post, monkeypatch, 3)
    with _working(post):
        assert looked.wait(SECONDS)
        assert claims == []
        queue_answer(engine)
        post.box.wait_for_held(1)


def test_what_became_due_meanwhile_is_claimed_along_with_the_octets_of_those_at_hand(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
):
    queue_answer(engine)
    post = Post(engine, writer, box=Gate())
    second: list[int] = []
    post.pen.before = lambda _letter: second or second.append(queue_answer(engine, 1))
    claims: list[int] = []
    claim = post.delivery.claim
    monkeypatch.setattr(post.delivery, "claim", lambda limit: (claims.append(limit), claim(limit))[1])
    with ExitStack() as stack:
        with monkeypatch.context() as patient:
            patient.setattr(writer_module, "_PATIENCE_SECONDS", SECONDS)
            stack.enter_context(_working(post))
            post.box.wait_for_held(2)
        post.box.open()
    assert len(claims) == 1


def test_nothing_is_claimed_along_with_a_suspect(engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch):
    suspect = queue_answer(engine)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(outbound.update().values(attempts=1))
    post = Post(engine, writer, box=Gate())
    post.box.open()
    innocent: list[int] = []
    post.pen.before = lambda _letter: innocent or innocent.append(queue_answer(engine, 1))
    attempts: dict[int, int] = {}
    store = post.delivery._store

    def watched(worded) -> None:
        store(worded)
        if suspect in worded:
            attempts.update({each.id: each.attempts for each in rows(engine)})

    monkeypatch.setattr(post.delivery, "_store", watched)
    with _working(post):
        post.box.wait_for_held(2)
    assert attempts == {suspect: 2, innocent[0]: 0}


def test_draining_finishes_what_is_under_way_and_gives_the_rest_back(engine: Engine, writer: Writer):
    answers = [queue_answer(engine, number) for number in range(10)]
    gate = Gate()
    post = Post(engine, writer, box=gate)
    with _working(post, connections=2) as face:
        gate.wait_for_held(2)
        draining = threading.Thread(target=face.drain, args=(SECONDS,))
        draining.start()
        assert face._stopping.wait(SECONDS)
        gate.open()
        draining.join()
        assert len(gate.taken) == 2
        states = {each.id: (each.state, each.attempts, each.claimed_by) for each in rows(engine)}
        sent = {taken[0] for taken in gate.taken}
        for answer in answers:
            assert states[answer] == (("sent", 1, None) if answer in sent else ("queued", 0, None))
        with engine.connect() as connection:
            assert connection.execute(nodes.select()).all() == []


def test_draining_does_not_wait_for_a_relay_that_hangs(engine: Engine, writer: Writer):
    queue_answer(engine)
    gate = Gate()
    post = Post(engine, writer, box=gate)
    with _working(post) as face:
        gate.wait_for_held(1)
        face.drain(0.05)
        gate.open()
    (waiting,) = rows(engine)
    assert (waiting.state, waiting.attempts, waiting.claimed_by) == ("queued", 1, post.instance)


def test_a_relay_that_is_down_is_not_stormed_and_all_leaves_when_it_is_back(engine: Engine, writer: Writer):
    for number in range(50):
        queue_answer(engine, number)
    down, tried = threading.Event(), threading.Event()
    down.set()
    post = Post(engine, writer)

    def refuse(_: int) -> None:
        if down.is_set():
            tried.set()
            raise Unreachable("connection refused")

    post.box.before = refuse
    with _working(post, connections=2) as face:
        assert tried.wait(SECONDS)
        face.wake()
        _wait_until(lambda: _in_hand(face) == 0)
        assert post.box.calls <= 2  # the clock stands still, so the pause never ends
        tried_rows = [each for each in rows(engine) if each.attempts]
        assert len(tried_rows) == post.box.calls
        assert all((each.state, each.last_text) == ("queued", "connection refused") for each in tried_rows)
        down.clear()
        wait = _settled_states(post, 50 - len(tried_rows))
        post.clock.advance(seconds=2)
        face.wake()
        wait()
    assert sum(each.state == "sent" for each in rows(engine)) == 50 - len(tried_rows)


def test_the_relays_word_is_recorded_however_long_the_database_is_away(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
):
    answer = queue_answer(engine)
    post = Post(engine, writer)
    settle, tries, done = post.delivery.settle, [], threading.Event()

    def away_for_a_while(settlements) -> None:
        tries.append(len(settlements))
        if len(tries) < 5:
            raise StorageUnavailable("away")
        settle(settlements)
        done.set()

    monkeypatch.setattr(post.delivery, "settle", away_for_a_while)
    with _working(post):
        assert done.wait(SECONDS)
    assert row(engine, answer).state == "sent"
    assert post.box.calls == 1


def test_octets_that_cannot_be_stored_now_cost_no_attempt(
    engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch
):
    answer = queue_answer(engine)
    post = Post(engine, writer)
    store, tries = post.delivery._store, []

    def full_for_a_while(worded) -> None:
        tries.append(worded)
        if len(tries) < 6:
            raise StorageUnavailable("disk full")
        store(worded)

    monkeypatch.setattr(post.delivery, "_store", full_for_a_while)
    wait = _settled_states(post, 1)
    with _working(post):
        wait()
    assert (row(engine, answer).state, row(engine, answer).attempts) == ("sent", 1)


def test_the_claimer_outlives_any_fault(engine: Engine, writer: Writer, monkeypatch: pytest.MonkeyPatch):
    post = Post(engine, writer)
    claim, tries = post.delivery.claim, []

    def faulty(limit: int):
        tries.append(limit)
        if len(tries) < 3:
            raise RuntimeError("oops")
        return claim(limit)

    monkeypatch.setattr(post.delivery, "claim", faulty)
    wait = _settled_states(post, 1)
    queue_answer(engine)
    with _working(post):
        wait()


def test_answers_over_the_limit_wait(engine: Engine, writer: Writer):
    for number in range(5):
        queue_answer(engine, number)
    post = Post(engine, writer, terms=DeliveryTerms(max_per_minute=3))
    limited = threading.Event()
    claim = post.delivery.claim

    def watched(limit: int):
        batch = claim(limit)
        if batch.is_limited and not batch.claims:
            limited.set()
        return batch

    post.delivery.claim = watched
    wait = _settled_states(post, 3)
    with _working(post):
        wait()
        assert limited.wait(SECONDS)
    assert sorted(each.state for each in rows(engine)) == ["queued"] * 2 + ["sent"] * 3


def _in_hand(face: WorkerFace) -> int:
    with face._count_lock:
        return face._in_hand


def _wait_until(look: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(SECONDS * 100):
        if look():
            return
        pause.wait(0.01)
    pytest.fail("it did not come about")
