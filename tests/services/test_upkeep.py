"""Chores are done in their time, again at once while there is more, and again later when they fail."""

import pytest

from responder.services.upkeep import TICK_SECONDS, Chore, Upkeep
from responder.storage.writer import Writer
from tests.support.clock import FakeClock


class Work:
    """A chore that notes when it was done, and may have more to do or fail."""

    def __init__(self):
        self.done = []
        self.has_more = False
        self.error = None

    def __call__(self, now):
        self.done.append(now)
        if self.error:
            raise self.error
        return self.has_more


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def upkeep(engine, clock):
    writer = Writer(engine)
    writer.start()

    def make(*chores):
        return Upkeep(
            writer, clock, instance="here/1", faces="worker", version="1", retry_seconds=(300,), chores=chores
        )

    yield make
    writer.stop()


def beat(upkeep):
    for work in upkeep.due():
        work()


def test_what_has_patience_waits_while_messages_leave(upkeep, clock):
    patient, other = Work(), Work()
    keeping = upkeep(Chore(patient, 2, 10), Chore(other, 2))
    for _ in range(24):
        for work in keeping.due(is_busy=True):
            work()
        clock.advance(seconds=1)
    assert (len(patient.done), len(other.done)) == (2, 12)
    beat(keeping)
    assert len(patient.done) == 3


def test_chores_are_done_in_their_time(upkeep, clock):
    often, seldom = Work(), Work()
    keeping = upkeep(Chore(often, 2), Chore(seldom, 60))
    for _ in range(60):
        beat(keeping)
        clock.advance(seconds=1)
    assert (len(often.done), len(seldom.done)) == (30, 1)
    beat(keeping)
    assert len(seldom.done) == 2
    assert seldom.done[1] == clock.now()


def test_a_chore_with_more_to_do_goes_on_at_the_next_beat(upkeep):
    work = Work()
    work.has_more = True
    keeping = upkeep(Chore(work, 60))
    for _ in range(3):
        beat(keeping)
    assert len(work.done) == 3


def test_a_chore_that_fails_keeps_no_other_from_being_done_and_has_another_try(upkeep, clock):
    broken, other = Work(), Work()
    broken.error = RuntimeError("broken")
    keeping = upkeep(Chore(broken, 2), Chore(other, 2))
    _, first, second = keeping.due()
    with pytest.raises(RuntimeError):
        first()
    second()
    assert keeping.due() == []
    clock.advance(seconds=2)
    beat_again = keeping.due()
    assert len(beat_again) == 2
    clock.advance(seconds=TICK_SECONDS)
    assert len(keeping.due()) == 3
