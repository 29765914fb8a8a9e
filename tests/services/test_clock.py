from datetime import UTC, datetime

from responder.services.backoff import Backoff
from responder.services.clock import ClockWatch, SystemClock
from tests.support.clock import FakeClock


def test_the_system_clock_is_utc():
    assert SystemClock.now().tzinfo is UTC
    assert abs((SystemClock.now() - datetime.now(UTC)).total_seconds()) < 60
    assert SystemClock.monotonic() <= SystemClock.monotonic()


def test_a_jump_is_noticed_in_both_directions_and_forgotten_after_an_hour():
    clock = FakeClock()
    watch = ClockWatch(clock)
    for moved in (1, -1):
        assert watch.is_steady()
        clock.set_by(days=365 * moved)
        assert not watch.is_steady()
        clock.advance(minutes=59)
        assert not watch.is_steady()
        clock.advance(minutes=1)
        assert watch.is_steady()


def test_time_that_passes_and_small_corrections_are_no_jump():
    clock = FakeClock()
    watch = ClockWatch(clock)
    clock.advance(days=3)
    clock.set_by(seconds=-250)
    assert watch.is_steady()


def test_pauses_double_up_to_a_minute_and_end_with_success():
    clock = FakeClock()
    backoff = Backoff(clock)
    assert not backoff.in_trouble
    assert backoff.left == 0
    pauses = []
    for _ in range(8):
        backoff.fail()
        pauses.append(backoff.left)
        clock.advance(seconds=backoff.left)
        assert backoff.left == 0
        assert backoff.in_trouble
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.succeed()
    assert not backoff.in_trouble
    backoff.fail()
    assert backoff.left == 1


def test_failures_during_a_pause_are_one():
    clock = FakeClock()
    backoff = Backoff(clock)
    for _ in range(4):
        backoff.fail()
    assert backoff.left == 1
