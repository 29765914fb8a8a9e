"""Decisions about requests: state, exemption, notice and audit in one transaction.

Whoever decides may name the version of the request that they saw. Two who decide at once are put in order by the
database; the second one sees that the first was quicker, and nothing is sent twice.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_network

from sqlalchemy import Connection, RowMapping

from responder import maillog
from responder.domain.actor import SERVICE, Actor
from responder.domain.address import key_to_ip
from responder.domain.identity import Identity
from responder.domain.plea import Proof
from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.request import RequestState
from responder.domain.roles import Permission
from responder.services.clock import Clock
from responder.services.desk import Desk, ReviewTerms, last_change
from responder.services.review_actions import (
    Action,
    Approve,
    Assign,
    KeyReused,
    MarkRead,
    Note,
    Once,
    Outcome,
    Recheck,
    ReviewError,
    StaleDecision,
    UnknownRequest,
)
from responder.services.review_outcomes import read_outcome, write_outcome
from responder.services.review_steps import STEPS
from responder.storage.decisions import find_outcome, keep_outcome, lock_request, lock_request_by_id
from responder.storage.outbox import time_of
from responder.storage.writer import Writer

MOST_AT_ONCE = 500
"""Requests that one `decide_all` may name."""

_LONGEST_KEY = 200
_ADVICE_STATIC = "static"
# What does not move a request is never stale.
_CONSTANT = (Note, Assign, Recheck, MarkRead)


@dataclass(frozen=True, slots=True)
class _Call:
    """One action that somebody asked for; see `Review.decide`."""

    reference: str
    action: Action
    actor: Actor
    seen: int | None = None
    once: Once | None = None
    is_dry: bool = False


class Review:
    """Takes decisions; every method waits until what it did is on disk. `terms` may be replaced at any time.

    Args:
        writer: stores them.
        identity: who we are.
        terms: how decisions are made.
        clock: gives the time; on PostgreSQL the database's own counts.
        want_evidence: marks the evidence of requests, given by their ids, as wanted again, in the transaction given.
        on_notice: called once a message to a sender is queued.
    """

    def __init__(
        self,
        writer: Writer,
        identity: Identity,
        terms: ReviewTerms,
        *,
        clock: Clock,
        want_evidence: Callable[[Connection, Collection[int]], None] | None = None,
        on_notice: Callable[[], None] = lambda: None,
    ) -> None:
        self.terms = terms
        self._writer = writer
        self._identity = identity
        self._clock = clock
        self._want_evidence = want_evidence
        self._on_notice = on_notice

    def decide(
        self, reference: str, action: Action, actor: Actor, *, seen: int | None = None, once: Once | None = None
    ) -> Outcome:
        """Do `action` to the request `reference`, its own or that of one of its messages.

        Args:
            reference: as people write it.
            action: what to do.
            actor: who does it.
            seen: the version of the request that they saw; None does not care.
            once: idempotency key; a call that was done under it before gives the outcome of then.

        Raises:
            ReviewError: it cannot be done, and nothing was changed; see its subclasses.
            StorageUnavailable: the database cannot be written.
        """
        return self._settle(self._submit(_Call(reference, action, actor, seen, once)), actor)

    def preview(self, reference: str, action: Action, actor: Actor, *, seen: int | None = None) -> Outcome:
        """Tell what `decide` would do, and change nothing; `doubts` says whether it would ask for a confirmation.

        Raises:
            ReviewError, StorageUnavailable: as `decide`, but never Unconfirmed.
        """
        return self._settle(self._submit(_Call(reference, action, actor, seen, is_dry=True)), actor)

    def decide_all(
        self, references: Sequence[str], action: Action, actor: Actor, *, dry_run: bool = False
    ) -> list[Outcome | ReviewError]:
        """Do `action` to each request; gives an outcome or an error for each, and no error keeps others from it.

        Args:
            references: as people write them.
            action: what to do.
            actor: who does it.
            dry_run: change nothing, as `preview`.

        Raises:
            ReviewError: these are more than `MOST_AT_ONCE`.
            StorageUnavailable: the database cannot be written; some may have been decided.
        """
        if len(references) > MOST_AT_ONCE:
            raise ReviewError(f"at most {MOST_AT_ONCE} requests can be decided at once, these are {len(references)}")
        calls = [_Call(each, action, actor, is_dry=dry_run) for each in dict.fromkeys(references)]
        submitted = [self._submit(call) for call in calls]
        settled: list[Outcome | ReviewError] = []
        for future in submitted:
            try:
                settled.append(self._settle(future, actor))
            except ReviewError as error:
                settled.append(error)
        return settled

    def approve_proven(self, connection: Connection, request_id: int) -> Outcome | None:
        """Approve a request where the settings want that done without a person, in the transaction that gave advice.

        That is its own address alone, advised as static, and proven to be the sender's. None where it is not so.
        """
        request = lock_request_by_id(connection, request_id)
        if request is None or not self.terms.auto_approves or not _is_beyond_doubt(request):
            return None
        network = ip_network(key_to_ip(bytes(request["address_key"])))
        action = Approve(network, reason="static and proven, approved by rule")
        done = self._attempt(connection, _Call(request["reference"], action, SERVICE))
        return done if isinstance(done, Outcome) else None

    def _submit(self, call: _Call) -> Future[Outcome | ReviewError]:
        return self._writer.run(partial(self._attempt, call=call))

    def _attempt(self, connection: Connection, call: _Call) -> Outcome | ReviewError:
        """Decide in a part of the transaction that can be undone by itself; an error is given, not raised.

        What is raised here would make others who are committed together try again.
        """
        part = connection.begin_nested()
        try:
            outcome = self._decide(connection, call)
        except ReviewError as error:
            part.rollback()
            return error
        if call.is_dry:
            part.rollback()
            return replace(outcome, is_dry=True, exemption_id=None, outbound_id=None)
        part.commit()
        return outcome

    def _decide(self, connection: Connection, call: _Call) -> Outcome:
        at = time_of(connection, self._clock.now())
        desk = Desk(connection, self.terms, self._identity, call.actor, at, self._want_evidence, call.is_dry)
        desk.require(Permission.DECIDE)
        request = _find(connection, call.reference)
        if call.once is not None and (before := _done_before(desk, call.once)):
            return before
        if call.seen not in {None, request["version"]} and not isinstance(call.action, _CONSTANT):
            raise _stale(connection, request)
        outcome = STEPS[type(call.action)](desk, request, call.action)
        if call.once is not None:
            _keep(desk, call.once, outcome)
        return outcome

    def _settle(self, future: Future[Outcome | ReviewError], actor: Actor) -> Outcome:
        outcome = future.result()
        if isinstance(outcome, ReviewError):
            raise outcome
        if not outcome.is_dry and not outcome.repeated:
            maillog.decided(
                reference=outcome.reference,
                action=outcome.action,
                by=actor.name,
                state=outcome.after,
                network=outcome.network,
                expires_at=outcome.expires_at,
            )
            if outcome.due_at is not None:
                self._on_notice()
        return outcome


def _find(connection: Connection, reference: str) -> RowMapping:
    try:
        known = parse_reference(reference)
    except NoReferenceError:
        raise UnknownRequest(f"{reference[:40]!r} is no reference") from None
    request = lock_request(connection, known)
    if request is None:
        raise UnknownRequest(f"there is no request {known}")
    return request


def _stale(connection: Connection, request: RowMapping) -> StaleDecision:
    change = last_change(connection, request)
    return StaleDecision(
        f"{request['reference']}: {change}; look again before you decide",
        by=change.by,
        event=change.event,
        at=change.at,
        version=request["version"],
    )


def _done_before(desk: Desk, once: Once) -> Outcome | None:
    if not 0 < len(once.key) <= _LONGEST_KEY:
        raise ReviewError(f"an idempotency key has 1 to {_LONGEST_KEY} characters")
    kept = find_outcome(desk.connection, _owner(desk.actor), once.key)
    if kept is None:
        return None
    if bytes(kept["body_sha256"]) != once.body_sha256:
        raise KeyReused("the idempotency key was used for something else")
    return replace(read_outcome(kept["response"]), repeated=True)


def _keep(desk: Desk, once: Once, outcome: Outcome) -> None:
    response = write_outcome(outcome)
    keep_outcome(
        desk.connection,
        actor=_owner(desk.actor),
        key=once.key,
        body_sha256=once.body_sha256,
        response=response,
        at=desk.at,
    )


def _owner(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id or ''}"


def _is_beyond_doubt(request: RowMapping) -> bool:
    return (
        request["state"] == RequestState.WAITING
        and request["advice"] == _ADVICE_STATIC
        and request["proof"] == Proof.CLIENT
        and request["address_key"] is not None
    )
