"""Exemption requests: states, events, the transitions between them, and what a message does to requests."""

import hashlib
from enum import StrEnum

from responder.domain.address import IPAddress, ip_key
from responder.domain.disposition import Decision, Disposition, Reason


class RequestState(StrEnum):
    """Where a request stands."""

    SHELVED = "shelved"
    WAITING = "waiting"
    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"


# The states in which a request has an `open_key`, so that further pleas for the same address join it.
OPEN_STATES = frozenset({RequestState.WAITING, RequestState.ASKED})
# Those in which the sender was told how it ended, or that it lapsed; who writes again then has something to say.
DECIDED_STATES = (RequestState.APPROVED, RequestState.DENIED, RequestState.LAPSED)


class RequestEvent(StrEnum):
    """What can happen to a request."""

    PROMOTE = "promote"
    ASK = "ask"
    APPROVE = "approve"
    DENY = "deny"
    DISMISS = "dismiss"
    LAPSE = "lapse"
    REOPEN = "reopen"
    UNDO = "undo"
    FOLLOW_UP = "follow-up"  # a person wrote again


class TransitionError(ValueError):
    """An event that cannot happen to a request in its state; its message is fit for staff."""

    def __init__(self, state: RequestState, event: RequestEvent) -> None:
        super().__init__(f"a request that is {state} takes no {event}")
        self.state = state
        self.event = event


_S = RequestState
_E = RequestEvent
_TRANSITIONS: dict[tuple[RequestState, RequestEvent], RequestState] = {
    (_S.SHELVED, _E.PROMOTE): _S.WAITING,
    (_S.SHELVED, _E.DISMISS): _S.DISMISSED,
    (_S.WAITING, _E.ASK): _S.ASKED,
    (_S.WAITING, _E.APPROVE): _S.APPROVED,
    (_S.WAITING, _E.DENY): _S.DENIED,
    (_S.WAITING, _E.DISMISS): _S.DISMISSED,
    (_S.ASKED, _E.APPROVE): _S.APPROVED,
    (_S.ASKED, _E.DENY): _S.DENIED,
    (_S.ASKED, _E.DISMISS): _S.DISMISSED,
    (_S.ASKED, _E.LAPSE): _S.LAPSED,
    (_S.APPROVED, _E.REOPEN): _S.WAITING,
    (_S.DENIED, _E.REOPEN): _S.WAITING,
    (_S.LAPSED, _E.REOPEN): _S.WAITING,
    (_S.DISMISSED, _E.REOPEN): _S.WAITING,
    (_S.APPROVED, _E.UNDO): _S.WAITING,
    (_S.DENIED, _E.UNDO): _S.WAITING,
    # A person's answer brings back what was out of our hands; elsewhere it only joins.
    (_S.SHELVED, _E.FOLLOW_UP): _S.SHELVED,
    (_S.WAITING, _E.FOLLOW_UP): _S.WAITING,
    (_S.ASKED, _E.FOLLOW_UP): _S.WAITING,
    (_S.APPROVED, _E.FOLLOW_UP): _S.APPROVED,
    (_S.DENIED, _E.FOLLOW_UP): _S.WAITING,
    (_S.DISMISSED, _E.FOLLOW_UP): _S.DISMISSED,
    (_S.LAPSED, _E.FOLLOW_UP): _S.WAITING,
}


def transition(state: RequestState, event: RequestEvent) -> RequestState:
    """Give the state to which `event` brings a request that is in `state`.

    Raises:
        TransitionError: `event` cannot happen there.
    """
    try:
        return _TRANSITIONS[state, event]
    except KeyError:
        raise TransitionError(state, event) from None


class Effect(StrEnum):
    """What a message that belongs to no thread does to requests.

    Attributes:
        WAIT: joins the open request of the same sender and address, else opens one in `waiting`; a new one is marked
            unanswered with the decision's reason where that is silent.
        SHELVE: joins the one shelved request of its sender, else opens that.
    """

    WAIT = "wait"
    SHELVE = "shelve"


# Silence for these reasons says nothing against a person behind the message.
_FROM_PEOPLE = frozenset(
    {Reason.REPLY_LIMIT, Reason.UNPROVEN, Reason.UNANSWERABLE_ADDRESS, Reason.TO_STAFF, Reason.SUPPRESSED}
)


def effect_of(decision: Decision, *, quotes_refusal: bool, from_postmaster: bool) -> Effect:
    """Say what a message does to requests, from its decision and two facts.

    `quotes_refusal`: a refusal was found in it, which is what a plea marked `bulk` has and bulk mail has not.
    `from_postmaster`: a postmaster sent it (`disposition.is_from_postmaster`), behind whom people read.

    In a thread `WAIT` means that a person wrote (`RequestEvent.FOLLOW_UP`), `SHELVE` that the message joins and
    changes nothing.
    """
    if decision.disposition is Disposition.ANSWER or decision.reason in _FROM_PEOPLE:
        return Effect.WAIT
    if decision.reason is Reason.SYSTEM_SENDER and from_postmaster:
        return Effect.WAIT
    if decision.reason is Reason.BULK and quotes_refusal:
        return Effect.WAIT
    return Effect.SHELVE


def open_key(sender_key: str, address: IPAddress | None) -> bytes:
    """Give the 16 bytes by which all nodes agree on the one open request of a sender and a refused address.

    `sender_key` is that of `address.sender_key`; None stands for pleas that name no address.
    """
    return _digest(b"open", sender_key, b"" if address is None else ip_key(address))


def shelf_key(sender_key: str) -> bytes:
    """Give the 16 bytes by which all nodes agree on the one shelved request of a sender."""
    return _digest(b"shelf", sender_key, b"")


def _digest(purpose: bytes, sender_key: str, key: bytes) -> bytes:
    sender = sender_key.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(key + sender, digest_size=16, person=purpose).digest()
