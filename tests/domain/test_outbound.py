from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.outbound import JITTER_SHARE, next_attempt

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
RETRY_SECONDS = (300, 900, 1800, 3600, 7200, 14400)
NEVER = NOW + timedelta(days=365)


@pytest.mark.parametrize(("attempts", "seconds"), [*enumerate(RETRY_SECONDS, 1), (7, 14400), (100, 14400)])
def test_each_attempt_has_its_delay_and_the_last_repeats(attempts, seconds):
    assert next_attempt(attempts, NOW, RETRY_SECONDS, NEVER) == NOW + timedelta(seconds=seconds)


def test_a_single_delay_serves_for_all():
    assert next_attempt(9, NOW, [60], NEVER) == NOW + timedelta(seconds=60)


def test_there_is_no_attempt_past_the_time_to_give_up():
    due_at = NOW + timedelta(seconds=300)
    assert next_attempt(1, NOW, RETRY_SECONDS, due_at) == due_at
    assert next_attempt(1, NOW, RETRY_SECONDS, due_at - timedelta(seconds=1)) is None
    assert next_attempt(1, NOW, RETRY_SECONDS, NOW - timedelta(days=1)) is None


def test_two_days_of_deferrals_end():
    now, attempts = NOW, 1
    while due_at := next_attempt(attempts, now, RETRY_SECONDS, NOW + timedelta(hours=48)):
        now, attempts = due_at, attempts + 1
    assert 12 < attempts < 20
    assert now <= NOW + timedelta(hours=48)


@given(st.integers(1, 50), st.floats(allow_nan=False))
def test_jitter_stays_within_its_share(attempts, jitter):
    plain = next_attempt(attempts, NOW, RETRY_SECONDS, NEVER) - NOW
    moved = next_attempt(attempts, NOW, RETRY_SECONDS, NEVER, jitter) - NOW
    assert abs(moved - plain) <= plain * JITTER_SHARE + timedelta(microseconds=1)


def test_jitter_moves_both_ways():
    early, late = (next_attempt(1, NOW, RETRY_SECONDS, NEVER, jitter) for jitter in (-1, 1))
    assert (early - NOW, late - NOW) == (timedelta(seconds=270), timedelta(seconds=330))
