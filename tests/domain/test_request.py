from itertools import product

import pytest

from responder.domain.address import parse_ip
from responder.domain.disposition import Decision, Disposition, Reason
from responder.domain.request import (
    OPEN_STATES,
    Effect,
    RequestEvent,
    RequestState,
    TransitionError,
    effect_of,
    open_key,
    shelf_key,
    transition,
)

TABLE = """
shelved    promote    waiting
shelved    dismiss    dismissed
waiting    ask        asked
waiting    approve    approved
waiting    deny       denied
waiting    dismiss    dismissed
asked      approve    approved
asked      deny       denied
asked      dismiss    dismissed
asked      lapse      lapsed
approved   reopen     waiting
denied     reopen     waiting
lapsed     reopen     waiting
dismissed  reopen     waiting
approved   undo       waiting
denied     undo       waiting
shelved    follow-up  shelved
waiting    follow-up  waiting
asked      follow-up  waiting
approved   follow-up  approved
denied     follow-up  waiting
dismissed  follow-up  dismissed
lapsed     follow-up  waiting
"""
ALLOWED = {(state, event): to for state, event, to in (line.split() for line in TABLE.split("\n") if line)}


@pytest.mark.parametrize(("state", "event"), [*product(RequestState, RequestEvent)])
def test_every_state_takes_the_events_of_the_table_and_no_other(state, event):
    if (state, event) in ALLOWED:
        assert transition(state, event) == ALLOWED[state, event]
        return
    with pytest.raises(TransitionError) as caught:
        transition(state, event)
    assert (caught.value.state, caught.value.event) == (state, event)
    assert str(caught.value) == f"a request that is {state} takes no {event}"


def test_a_follow_up_is_never_refused():
    assert all(transition(state, RequestEvent.FOLLOW_UP) for state in RequestState)


def test_only_requests_that_staff_can_decide_are_open():
    decidable = {state for state in RequestState if (state, RequestEvent.APPROVE) in ALLOWED}
    assert decidable == OPEN_STATES


FROM_PEOPLE = {"reply-limit", "unproven", "unanswerable-address", "to-staff", "suppressed"}


@pytest.mark.parametrize("reason", list(Reason))
def test_a_silent_message_waits_only_when_a_person_may_be_behind_it(reason):
    decision = Decision(Disposition.SILENT, reason)
    effect = effect_of(decision, quotes_refusal=False, from_postmaster=False)
    assert effect is (Effect.WAIT if reason in FROM_PEOPLE else Effect.SHELVE)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_postmaster_waits_where_only_the_name_speaks_against_it(reason):
    effect = effect_of(Decision(Disposition.SILENT, reason), quotes_refusal=False, from_postmaster=True)
    assert effect is (Effect.WAIT if reason in {*FROM_PEOPLE, "system-sender"} else Effect.SHELVE)


@pytest.mark.parametrize("reason", list(Reason))
def test_bulk_mail_waits_when_it_quotes_a_refusal(reason):
    effect = effect_of(Decision(Disposition.SILENT, reason), quotes_refusal=True, from_postmaster=False)
    assert effect is (Effect.WAIT if reason in {*FROM_PEOPLE, "bulk"} else Effect.SHELVE)


def test_an_answered_message_waits():
    assert effect_of(Decision(Disposition.ANSWER), quotes_refusal=False, from_postmaster=False) is Effect.WAIT


def test_keys_differ_by_sender_address_and_purpose():
    one, other = parse_ip("192.0.2.1"), parse_ip("192.0.2.2")
    keys = {
        open_key("a@sender.example", one),
        open_key("a@sender.example", other),
        open_key("a@sender.example", None),
        open_key("b@sender.example", one),
        open_key("", None),
        shelf_key("a@sender.example"),
        shelf_key("b@sender.example"),
        shelf_key(""),
    }
    assert len(keys) == 8
    assert {len(key) for key in keys} == {16}


def test_keys_are_the_same_on_every_node():
    assert open_key("a@sender.example", parse_ip("::ffff:192.0.2.1")) == open_key(
        "a@sender.example", parse_ip("192.0.2.1")
    )
    assert open_key("a@sender.example", parse_ip("192.0.2.1")).hex() == "a931c61c2e72268a756e27601e71a407"
