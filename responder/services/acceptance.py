"""The one instant of acceptance: a batch of messages, their requests and the answers to them, in one transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import randbits
from typing import Any

from sqlalchemy import Connection

from responder.domain.disposition import Decision, Disposition, Reason
from responder.domain.identity import Identity
from responder.domain.limits import ReplyLimits, Scope
from responder.domain.outbound import Kind, OutboundState
from responder.domain.reference import REFERENCE_BITS, make_reference
from responder.domain.request import Effect, RequestState
from responder.services.arrival import Arrival
from responder.services.bounces import note_bounces
from responder.services.cases import Case, Cases
from responder.services.ration import Ration
from responder.storage.blocked import is_blocked
from responder.storage.ids import new_id
from responder.storage.intake import NewRows, Row
from responder.storage.receipts import count_repeats, find_receipts

ANSWER_TEMPLATE = "answer"
PROVIDER_TEMPLATE = "provider"
_ORDER = list(Reason)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known of a message that is stored.

    Attributes:
        reference: its own, `XXXXX-XXXXX`; a repeat has that of the first.
        repeated: it was stored before.
        disposition: whether it is answered.
        reason: why not.
    """

    reference: str
    repeated: bool
    disposition: Disposition
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class Terms:
    """How answers are given.

    Attributes:
        limits: how many answers a sender gets.
        per_hour: how many answers a network and a domain get within an hour; 0 is no limit.
        envelope_sender: reverse-path of an answer; empty is the null one.
        give_up_after: how long the relay is tried.
        evidence_for: how long an answer waits for evidence about its sender at most.
    """

    limits: ReplyLimits
    per_hour: Mapping[Scope, int]
    envelope_sender: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    evidence_for: timedelta = timedelta()


def accept(
    connection: Connection,
    arrivals: Sequence[Arrival],
    terms: Terms,
    identity: Identity,
    *,
    blocked: Collection[str],
    now: datetime,
) -> list[Receipt]:
    """Store messages that came together and queue the answers to them; gives a receipt for each.

    Args:
        connection: in a transaction that may write.
        arrivals: the messages, oldest first; repeats of what is stored, or of one another, among them.
        terms: how answers are given.
        identity: who we are.
        blocked: patterns of senders that are never answered.
        now: the time.
    """
    known = find_receipts(connection, {arrival.key for arrival in arrivals})
    times = Counter(arrival.key for arrival in arrivals)
    if known:
        count_repeats(connection, {row["message_id"]: times[key] for key, row in known.items()})
    receipts = {key: _receipt_of_repeat(row) for key, row in known.items()}
    first: dict[bytes, Arrival] = {}
    for arrival in arrivals:
        if arrival.key not in known:
            first.setdefault(arrival.key, arrival)
    if first:
        batch = _Batch(connection, list(first.values()), terms, identity, blocked=blocked, now=now)
        receipts |= batch.store(times)
    given = []
    for arrival in arrivals:
        receipt = receipts[arrival.key]
        given.append(receipt if first.pop(arrival.key, None) else replace(receipt, repeated=True))
    return given


def _receipt_of_repeat(row: Mapping[str, Any]) -> Receipt:
    disposition, reason = row["disposition"], row["reason"]
    return Receipt(
        row["reference"], True, Disposition(disposition or Disposition.SILENT), Reason(reason) if reason else None
    )


class _Batch:
    """Messages that are new, while they are stored."""

    def __init__(
        self,
        connection: Connection,
        arrivals: Sequence[Arrival],
        terms: Terms,
        identity: Identity,
        *,
        blocked: Collection[str],
        now: datetime,
    ) -> None:
        self._connection = connection
        self._arrivals = arrivals
        self._terms = terms
        self._identity = identity
        self._blocked = blocked
        self._now = now
        self._rows = NewRows()
        self._decisions = {arrival.key: self._unless_blocked(arrival) for arrival in arrivals}
        self._cases = Cases(connection, arrivals, {one.key: self._effect(one) for one in arrivals}, now)
        answers = [one for one in arrivals if one.reading.decision.disposition is Disposition.ANSWER]
        self._ration = Ration(connection, answers, terms.limits, terms.per_hour, now)

    def store(self, times: Mapping[bytes, int]) -> dict[bytes, Receipt]:
        """Store the messages, each of which came so many `times` at once; gives receipts by key."""
        receipts = {arrival.key: self._add(arrival, repeats=times[arrival.key] - 1) for arrival in self._arrivals}
        self._rows.requests = self._cases.new_rows()
        self._rows.insert(self._connection)
        self._cases.store_changes(self._connection)
        self._ration.store(self._connection)
        if bounced := {message_id for arrival in self._arrivals for message_id in arrival.bounced}:
            note_bounces(self._connection, bounced, self._now)
        return receipts

    def _add(self, arrival: Arrival, *, repeats: int) -> Receipt:
        message_id, reference = new_id(), make_reference(randbits(REFERENCE_BITS))
        decision = self._decisions[arrival.key]
        case, before = self._cases.take(arrival, reference)
        if decision.disposition is Disposition.ANSWER and not self._ration.take(arrival, case.address):
            decision = Decision(Disposition.SILENT, Reason.REPLY_LIMIT)
        case.note_decision(decision)
        row = arrival.row | {
            "id": message_id,
            "request_id": case.row["id"],
            "reference": reference,
            "disposition": decision.disposition,
            "reason": decision.reason,
            "repeats": repeats,
        }
        self._rows.messages.append(row)
        self._rows.raw_messages.append({"message_id": message_id, "raw": arrival.raw})
        self._rows.receipts.append(
            {"key": arrival.key, "message_id": message_id, "reference": reference, "received_at": self._now}
        )
        self._rows.audit.append(self._event(case, before, row))
        if decision.disposition is Disposition.ANSWER:
            template = PROVIDER_TEMPLATE if arrival.reading.plea.asks_for_range else ANSWER_TEMPLATE
            self._rows.outbound.append(self._answer(row, template))
        return Receipt(reference, False, decision.disposition, decision.reason)

    def _unless_blocked(self, arrival: Arrival) -> Decision:
        decision = arrival.reading.decision
        comes_first = decision.reason is None or _ORDER.index(decision.reason) > _ORDER.index(Reason.BLOCKED)
        if comes_first and self._blocked and is_blocked(arrival.sender_key, self._blocked):
            return Decision(Disposition.SILENT, Reason.BLOCKED)
        return decision

    def _effect(self, arrival: Arrival) -> Effect:
        is_as_read = self._decisions[arrival.key] is arrival.reading.decision
        return arrival.effect if is_as_read else Effect.SHELVE

    def _event(self, case: Case, before: RequestState | None, message: Row) -> Row:
        return {
            "id": new_id(),
            "at": self._now,
            "actor_kind": "service",
            "subject_kind": "request",
            "subject_id": case.row["id"],
            "event": "opened" if before is None else "joined",
            "from_state": before,
            "to_state": case.row["state"],
            "data": {name: message[name] for name in ("reference", "disposition", "reason")},
        }

    def _answer(self, message: Row, template: str) -> Row:
        outbound_id = new_id()
        return {
            "id": outbound_id,
            "kind": Kind.REPLY,
            "request_id": message["request_id"],
            "message_id": message["id"],
            "recipient": message["reverse_path"],
            "envelope_sender": self._terms.envelope_sender,
            "message_id_header": self._identity.make_message_id(outbound_id),
            "template": template,
            "locale": message["locale"],
            "state": OutboundState.QUEUED,
            "attempts": 0,
            "created_at": self._now,
            "due_at": self._now + self._terms.evidence_for,
            "give_up_at": self._now + self._terms.give_up_after,
        }
