from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import parse_ip, sender_key
from responder.domain.limits import (
    NO_ADDRESS,
    REMEMBERED_ANSWERS,
    Answer,
    ReplyLimits,
    ReplySlot,
    Scope,
    count_keys,
    give_back,
    hour_of,
    is_within,
    take_slot,
)

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
LIMITS = ReplyLimits(window_hours=24, max_per_sender_per_week=3)
UNLIMITED = ReplyLimits(window_hours=0, max_per_sender_per_week=0)
ONE = parse_ip("192.0.2.1")
TWO = parse_ip("192.0.2.2")
THREE = parse_ip("2001:db8::3")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def take(slot, address, now, limits=LIMITS):
    return take_slot(slot, address, now, limits)


def test_a_sender_never_answered_is_answered():
    assert take(None, ONE, NOW) == (True, ReplySlot((Answer("192.0.2.1", NOW),)))


def test_the_same_address_is_answered_once_in_the_window():
    _, slot = take(None, ONE, NOW)
    assert take(slot, ONE, NOW) == (False, slot)
    assert take(slot, ONE, NOW + DAY - timedelta(seconds=1)) == (False, slot)
    assert take(slot, ONE, NOW + DAY)[0]


def test_no_address_counts_as_one_value():
    _, slot = take(None, None, NOW)
    assert slot.answers[0].address == NO_ADDRESS
    assert not take(slot, None, NOW + HOUR)[0]
    assert take(slot, ONE, NOW + HOUR)[0]


def test_another_address_is_another_answer():
    _, slot = take(None, ONE, NOW)
    allowed, slot = take(slot, TWO, NOW)
    assert allowed
    assert slot.used == 2
    assert not take(slot, TWO, NOW)[0]


def test_so_many_answers_a_week_and_no_more():
    slot = None
    for address in (ONE, TWO, THREE):
        allowed, slot = take(slot, address, NOW)
        assert allowed
    assert not take(slot, None, NOW)[0]
    assert not take(slot, None, NOW + 7 * DAY - timedelta(seconds=1))[0]
    assert take(slot, None, NOW + 7 * DAY)[0]


def test_the_week_slides():
    slot = None
    for day, expected in enumerate([True, True, True, False, False, False, False, True, True, True, False]):
        allowed, slot = take(slot, ONE, NOW + day * DAY)
        assert allowed is expected


@given(st.lists(st.tuples(st.sampled_from([ONE, TWO, THREE, None]), st.integers(0, 400)), max_size=40))
def test_no_stretch_of_time_holds_more_than_the_limits(attempts):
    slot, given_at, now = None, [], NOW
    for address, minutes in attempts:
        now += timedelta(minutes=minutes * 10)
        allowed, slot = take(slot, address, now)
        if allowed:
            given_at.append((address, now))
    for index, (address, at) in enumerate(given_at):
        earlier = given_at[:index]
        assert sum(at - before < 7 * DAY for _, before in earlier) < 3
        assert not any(same == address and at - before < DAY for same, before in earlier)


def test_zero_turns_each_limit_off():
    slot = None
    for _ in range(10):
        allowed, slot = take(slot, ONE, NOW, UNLIMITED)
        assert allowed
    weekly = ReplyLimits(window_hours=0, max_per_sender_per_week=2)
    assert not take(slot, ONE, NOW, weekly)[0]
    assert take(ReplySlot(slot.answers[:1]), ONE, NOW, weekly)[0]
    assert not take(slot, ONE, NOW, ReplyLimits(window_hours=1, max_per_sender_per_week=0))[0]


def test_a_window_longer_than_a_week_is_kept():
    month = ReplyLimits(window_hours=24 * 30, max_per_sender_per_week=3)
    _, slot = take(None, ONE, NOW, month)
    assert not take(slot, ONE, NOW + 29 * DAY, month)[0]
    assert take(slot, ONE, NOW + 30 * DAY, month)[0]


def test_a_window_longer_than_a_week_does_not_lengthen_the_week():
    month = ReplyLimits(window_hours=24 * 30, max_per_sender_per_week=1)
    _, slot = take(None, ONE, NOW, month)
    assert not take(slot, TWO, NOW + 7 * DAY - timedelta(seconds=1), month)[0]
    assert take(slot, TWO, NOW + 7 * DAY, month)[0]


def test_a_slot_does_not_grow_without_bound():
    slot = None
    for _ in range(REMEMBERED_ANSWERS + 50):
        _, slot = take(slot, ONE, NOW, UNLIMITED)
    assert slot.used == REMEMBERED_ANSWERS


def test_answers_that_no_longer_count_are_forgotten():
    _, slot = take(None, ONE, NOW)
    _, slot = take(slot, TWO, NOW + 8 * DAY)
    assert [answer.address for answer in slot.answers] == ["192.0.2.2"]


def test_a_clock_set_back_silences_for_one_window_only():
    _, slot = take(None, ONE, NOW + 365 * DAY)
    allowed, slot = take(slot, ONE, NOW)
    assert not allowed
    assert slot.answers == (Answer("192.0.2.1", NOW),)
    assert take(slot, ONE, NOW + DAY)[0]


def test_a_cancelled_answer_gives_its_place_back():
    _, before = take(None, ONE, NOW)
    _, slot = take(before, TWO, NOW + HOUR)
    assert give_back(slot, TWO) == before
    assert take(give_back(slot, TWO), TWO, NOW + HOUR)[0]


def test_the_newest_answer_about_an_address_is_given_back():
    _, first = take(None, ONE, NOW)
    _, second = take(first, ONE, NOW + 2 * DAY)
    assert give_back(second, ONE) == first


def test_giving_back_what_was_not_taken_changes_nothing():
    _, slot = take(None, ONE, NOW)
    assert give_back(slot, TWO) == slot
    assert give_back(ReplySlot(), None) == ReplySlot()


@pytest.mark.parametrize(
    ("client", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), (None, None)],
)
def test_answers_are_counted_by_network_and_domain(client, network):
    keys = count_keys(parse_ip(client) if client else None, sender_key("a@Sender.Example"))
    assert keys[Scope.DOMAIN] == "sender.example"
    assert keys.get(Scope.NETWORK) == network


@pytest.mark.parametrize(
    ("counts", "maxima", "within"),
    [
        ({}, {Scope.DOMAIN: 1, Scope.NETWORK: 1}, True),
        ({Scope.DOMAIN: 1}, {Scope.DOMAIN: 1, Scope.NETWORK: 1}, False),
        ({Scope.NETWORK: 5}, {Scope.DOMAIN: 1, Scope.NETWORK: 5}, False),
        ({Scope.NETWORK: 4}, {Scope.DOMAIN: 1, Scope.NETWORK: 5}, True),
        ({Scope.NETWORK: 999}, {Scope.DOMAIN: 1, Scope.NETWORK: 0}, True),
        ({Scope.DOMAIN: 999}, {}, True),
    ],
)
def test_counts_are_held_against_their_maxima(counts, maxima, within):
    assert is_within(counts, maxima) is within


def test_counts_belong_to_a_full_hour():
    assert hour_of(NOW) == datetime(2024, 5, 6, 7, tzinfo=UTC)
    assert hour_of(NOW + timedelta(minutes=51)) == hour_of(NOW)
    assert hour_of(NOW + timedelta(minutes=52)) == hour_of(NOW) + HOUR
