"""Which request a message belongs to, and what it changes there."""

from base64 import b32hexencode
from collections.abc import Mapping, Sequence
from datetime import datetime
from secrets import token_bytes

from sqlalchemy import Connection

from responder.domain.address import IPAddress, key_to_ip
from responder.domain.disposition import Decision
from responder.domain.plea import Proof
from responder.domain.request import (
    OPEN_STATES,
    Effect,
    RequestEvent,
    RequestState,
    open_key,
    shelf_key,
    transition,
)
from responder.services.arrival import Arrival
from responder.storage.ids import new_id
from responder.storage.intake import (
    Row,
    find_by_message_ids,
    find_by_references,
    find_by_tokens,
    lock_requests,
    update_requests,
)
from responder.storage.pending import want_evidence

_ID_BYTES = 8
_TIME_BYTES = 5
_TOKEN_BYTES = 10
_NETWORKS = 16
_PROOFS = (Proof.NONE, Proof.REFERENCE, Proof.CLIENT)


class Case:
    """One request while messages are added to it."""

    def __init__(self, row: Row, *, is_new: bool) -> None:
        self.row = row
        self.is_new = is_new
        self.is_changed = False
        self.wants_evidence = False

    @property
    def address(self) -> IPAddress | None:
        """The refused address that it is about."""
        key: bytes | None = self.row["address_key"]
        return key_to_ip(bytes(key)) if key else None

    def note_decision(self, decision: Decision) -> None:
        """Note whether its sender heard from us."""
        if decision.reason is None:
            self.row["unanswered"] = None
        elif self.is_new and self.row["message_count"] == 1:
            self.row["unanswered"] = decision.reason


class Cases:
    """The requests that the messages of one batch belong to, each locked and at hand.

    Args:
        connection: in a transaction that may write.
        arrivals: the messages.
        effects: what each of them does to requests, by its key.
        now: the time.
    """

    def __init__(
        self, connection: Connection, arrivals: Sequence[Arrival], effects: Mapping[bytes, Effect], now: datetime
    ) -> None:
        self._now = now
        self._effects = effects
        self._open_keys = {one.key: _open_key(one, effects[one.key]) for one in arrivals}
        self._tokens = find_by_tokens(connection, {token for one in arrivals for token in one.tokens})
        self._message_ids = find_by_message_ids(connection, {sent for one in arrivals for sent in one.message_ids})
        self._references = find_by_references(connection, {name for one in arrivals for name in one.references})
        ids = {*self._tokens.values(), *self._message_ids.values(), *self._references.values()}
        self._by_id: dict[int, Case] = {}
        self._add(lock_requests(connection, ids, ()))
        keys = {*self._open_keys.values()}
        keys |= {key for case in self._by_id.values() for key in self._later_keys(case, arrivals)}
        self._add(lock_requests(connection, (), keys))
        # A request that was found by another key than its own claims that one as soon as it is joined.
        if strays := {key for case in self._by_id.values() if (key := self._own_key(case))} - keys:
            self._add(lock_requests(connection, (), strays))
        self._by_key = {bytes(case.row["open_key"]): case for case in self._by_id.values() if case.row["open_key"]}

    def _add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._by_id.setdefault(row["id"], Case(row, is_new=False))

    @staticmethod
    def _own_key(case: Case) -> bytes | None:
        """Give the open key that a request should have; it has another one while a second request has that."""
        is_open = case.row["state"] in OPEN_STATES
        return open_key(case.row["sender_key"], case.address) if is_open else None

    @staticmethod
    def _later_keys(case: Case, arrivals: Sequence[Arrival]) -> set[bytes]:
        """Give the open keys that a request may claim by what its thread says; another one may have them already."""
        addresses = {case.address, *(one.reading.plea.address for one in arrivals)}
        return {open_key(case.row["sender_key"], address) for address in addresses}

    def take(self, arrival: Arrival, reference: str) -> tuple[Case, RequestState | None]:
        """Give the request that a message belongs to, changed as it changes it, and the state from which it came.

        A new request takes the message's `reference`; it came from no state.
        """
        key, effect = self._open_keys[arrival.key], self._effects[arrival.key]
        case = self._thread_of(arrival) or self._by_key.get(key)
        if case is None:
            return self._open(arrival, effect, key, reference), None
        before = RequestState(case.row["state"])
        self._join(case, arrival, effect)
        return case, before

    def new_rows(self) -> list[Row]:
        """Give the rows of the requests that were opened."""
        return [case.row for case in self._by_id.values() if case.is_new]

    def store_changes(self, connection: Connection) -> None:
        """Write the requests that were joined; of those that now say something else evidence is wanted anew."""
        changed = sorted((case.row for case in self._by_id.values() if case.is_changed), key=lambda row: row["id"])
        if changed:
            update_requests(connection, changed)
        if outdated := sorted(case.row["id"] for case in self._by_id.values() if case.wants_evidence):
            want_evidence(connection, outdated)

    def _thread_of(self, arrival: Arrival) -> Case | None:
        """Find the request whose thread a message continues; a reference alone counts only from its own sender."""
        known = [self._tokens.get(token) for token in arrival.tokens]
        known += [self._message_ids.get(sent) for sent in arrival.message_ids]
        threads = [self._by_id[number] for number in known if number in self._by_id]
        named = [self._references.get(name) for name in arrival.references]
        cases = [self._by_id[number] for number in named if number in self._by_id]
        threads += [case for case in cases if case.row["sender_key"] == arrival.sender_key]
        return threads[0] if threads else None

    def _open(self, arrival: Arrival, effect: Effect, key: bytes, reference: str) -> Case:
        request_id = new_id()
        row = arrival.request | {
            "id": request_id,
            "reference": reference,
            "reply_token": _make_token(request_id),
            "state": RequestState.WAITING if effect is Effect.WAIT else RequestState.SHELVED,
            "version": 1,
            "open_key": key,
            "unanswered": None,
            "unread": effect is Effect.WAIT,
            "opened_at": self._now,
            "updated_at": self._now,
            "advice_reasons": [],
            "message_count": 1,
        }
        case = self._by_id[row["id"]] = self._by_key[key] = Case(row, is_new=True)
        return case

    def _join(self, case: Case, arrival: Arrival, effect: Effect) -> None:
        case.is_changed = not case.is_new
        case.row["message_count"] += 1
        case.row["updated_at"] = self._now
        if effect is Effect.WAIT:
            case.row["unread"] = True
            changed = self._follow_up(case.row)
            changed |= self._learn(case, arrival)
            case.row["version"] += changed
            case.wants_evidence |= changed and not case.is_new and case.row["state"] in OPEN_STATES

    def _follow_up(self, row: Row) -> bool:
        """Bring a request back that was out of our hands; tell whether it was."""
        before = RequestState(row["state"])
        after = transition(before, RequestEvent.FOLLOW_UP)
        if after is before:
            return False
        row |= {"state": after, "lapse_at": None, "decided_at": None, "decided_by": None}
        return True

    def _learn(self, case: Case, arrival: Arrival) -> bool:
        """Take over what the request did not know; tell whether what a decision rests on has changed."""
        row, asked = case.row, arrival.request
        before = (row["address_key"], row["networks"], row["proof"])
        if row["address_key"] is None:
            row["address_key"], row["address_source"] = asked["address_key"], asked["address_source"]
        if row["address_key"] == asked["address_key"]:
            row["proof"] = max(row["proof"], asked["proof"], key=_PROOFS.index)
        row["networks"] = list(dict.fromkeys((*row["networks"], *asked["networks"])))[:_NETWORKS]
        if row["software_product"] is None:
            row["software_product"], row["software_version"] = asked["software_product"], asked["software_version"]
        self._claim_key(case)
        return before != (row["address_key"], row["networks"], row["proof"])

    def _claim_key(self, case: Case) -> None:
        """Let an open request be the one that further pleas join, unless another one is that already."""
        row, key = case.row, self._own_key(case)
        if key and row["open_key"] != key and key not in self._by_key:
            self._by_key.pop(row["open_key"], None)
            self._by_key[key] = case
            row["open_key"] = key


def _make_token(request_id: int) -> str:
    """Give a token of 80 random bits; the time before them keeps the index of a million tokens cheap to add to."""
    time = request_id.to_bytes(_ID_BYTES, "big")[:_TIME_BYTES]
    return b32hexencode(time + token_bytes(_TOKEN_BYTES)).decode().lower()


def _open_key(arrival: Arrival, effect: Effect) -> bytes:
    if effect is Effect.WAIT:
        return open_key(arrival.sender_key, arrival.reading.plea.address)
    return shelf_key(arrival.sender_key)
