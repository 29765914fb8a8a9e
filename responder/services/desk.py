"""Where decisions are taken: the transaction, the terms, who decides and when; and how a request moves by them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from responder.domain.actor import Actor
from responder.domain.address import key_to_ip
from responder.domain.disposition import Disposition
from responder.domain.exemption import ExemptionRules
from responder.domain.identity import Identity
from responder.domain.request import OPEN_STATES, RequestEvent, RequestState, TransitionError, open_key, transition
from responder.domain.roles import Permission
from responder.services.review_actions import LONGEST_TEXT, NotAllowed, NotPossible, ReviewError
from responder.storage.audit import find_newest, note_event
from responder.storage.decisions import change_request, has_open_key

# What the audit calls a change of state by each event.
EVENT_NAMES = {
    RequestEvent.PROMOTE: "promoted",
    RequestEvent.ASK: "asked",
    RequestEvent.APPROVE: "approved",
    RequestEvent.DENY: "denied",
    RequestEvent.DISMISS: "dismissed",
    RequestEvent.LAPSE: "lapsed",
    RequestEvent.REOPEN: "reopened",
    RequestEvent.UNDO: "undone",
}
_CHANGES = (*EVENT_NAMES.values(), "joined")
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class ReviewTerms:
    """How decisions are made.

    Attributes:
        rules: which networks may be exempted, by whom.
        exemption_for: how long an exemption holds unless a decision says otherwise.
        undo_for: how much later the notice of an approval or denial leaves.
        lapse_after: how long a question may stay unanswered; None is for ever.
        give_up_after: how long the relay is tried.
        envelope_sender: reverse-path of notices that can have no bounce address of their own; empty is the null one.
        bounce_address: where bounces of notices go; empty is an own address for each, where plus-addressing works.
        auto_approves: a static and proven address is exempted without a person.
    """

    rules: ExemptionRules
    exemption_for: timedelta
    undo_for: timedelta
    lapse_after: timedelta | None
    give_up_after: timedelta
    envelope_sender: str = ""
    bounce_address: str = ""
    auto_approves: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """One decision while it is taken.

    Attributes:
        connection: in a transaction that may write.
        terms: how decisions are made.
        identity: who we are.
        actor: who decides.
        at: when.
        want_evidence: marks the evidence of requests, given by their ids, as wanted again; None where none is gathered.
        is_dry: what is done here will be rolled back.
    """

    connection: Connection
    terms: ReviewTerms
    identity: Identity
    actor: Actor
    at: datetime
    want_evidence: Callable[[Connection, Collection[int]], None] | None = None
    is_dry: bool = False

    def require(self, permission: Permission) -> None:
        """Make sure that whoever decides may do so.

        Raises:
            NotAllowed: they may not.
        """
        if not self.actor.may(permission):
            raise NotAllowed(f"{self.actor.name} has the role {self.actor.role}, which decides nothing")

    def note(self, request: RowMapping, event: str, data: dict[str, Any] | None = None) -> None:
        """Write down what happened to a request that stays in its state."""
        note_event(self.connection, ("request", request["id"]), event, self.actor, self.at, data=data)

    def move(
        self, request: RowMapping, event: RequestEvent, data: dict[str, Any] | None = None, **values: Any
    ) -> RequestState:
        """Bring a request to where `event` brings it, write that down, and give its new state.

        Args:
            request: its row.
            event: what happens to it.
            data: what the audit is to know besides.
            **values: other columns to set.
        """
        before = RequestState(request["state"])
        after = transition(before, event)
        change_request(
            self.connection,
            request["id"],
            state=after,
            version=request["version"] + 1,
            open_key=self._open_key(request, after),
            unread=False,
            updated_at=self.at,
            **values,
        )
        subject, name = ("request", request["id"]), EVENT_NAMES[event]
        note_event(self.connection, subject, name, self.actor, self.at, states=(before, after), data=data)
        return after

    def _open_key(self, request: RowMapping, after: RequestState) -> bytes | None:
        """Give the key under which further pleas join a request, None where it is closed or another one has it."""
        if after not in OPEN_STATES:
            return None
        address = key_to_ip(bytes(request["address_key"])) if request["address_key"] else None
        key = open_key(request["sender_key"], address)
        if request["open_key"] and bytes(request["open_key"]) == key:
            return key
        return None if has_open_key(self.connection, key) else key

    def require_possible(self, request: RowMapping, event: RequestEvent) -> None:
        """Make sure that `event` can happen to a request now.

        Raises:
            NotPossible: it cannot; says who brought the request to where it is.
        """
        try:
            transition(RequestState(request["state"]), event)
        except TransitionError as error:
            change = last_change(self.connection, request)
            raise NotPossible(f"{request['reference']}: {error}; {change}") from None


@dataclass(frozen=True, slots=True)
class Change:
    """What last changed a request.

    Attributes:
        event: as the audit has it.
        by: a login, `service`, `operator`, or `sender` where its sender wrote again.
        at: when.
    """

    event: str
    by: str
    at: datetime

    def __str__(self) -> str:
        told = "wrote again" if self.by == "sender" else f"{self.event} it"
        return f"{self.by} {told} at {time_text(self.at)}"


def last_change(connection: Connection, request: RowMapping) -> Change:
    """Give what last changed a request: a decision, or a person who wrote again; that it was opened, where nothing did.

    Mail of machines joins a request, too, and changes nothing.
    """
    for row in find_newest(connection, "request", request["id"], events=_CHANGES, limit=_LOOKED_AT):
        if row["event"] != "joined":
            return Change(row["event"], row["actor_id"] or row["actor_kind"], row["at"])
        if row["from_state"] != row["to_state"] or row["data"].get("disposition") == Disposition.ANSWER:
            return Change("joined", "sender", row["at"])
    return Change("joined", "sender", request["opened_at"])


def time_text(at: datetime) -> str:
    """Give a time as errors name it."""
    return at.isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")


def clean_text(text: str, what: str, *, is_needed: bool = False) -> str:
    """Give what somebody typed, without blanks around it, NUL and CR.

    Raises:
        ReviewError: it is too long, or empty where it is needed.
    """
    cleaned = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    cleaned = cleaned.encode("utf-8", "replace").decode()
    if is_needed and not cleaned:
        raise ReviewError(f"the {what} is missing")
    if len(cleaned) > LONGEST_TEXT:
        raise ReviewError(f"the {what} is longer than {LONGEST_TEXT} characters")
    return cleaned
