"""What the service decides by the clock: questions that nobody answered lapse, exemptions are warned of and renewed.

Each runs now and then in every worker; a row is locked before it is judged again, so that each thing is done once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine, RowMapping

from responder.domain.actor import SERVICE
from responder.domain.identity import Identity
from responder.domain.outbound import Kind
from responder.domain.request import RequestEvent, RequestState
from responder.services.clock import ClockWatch
from responder.services.desk import Desk, ReviewTerms
from responder.services.grants import grant, network_of
from responder.services.notices import Words, queue_notice
from responder.storage.decisions import find_due_to_lapse, forget_outcomes, lock_request_by_id
from responder.storage.exemptions import change_exemption, find_answered, find_expiring, lock_exemption
from responder.storage.outbox import time_of
from responder.storage.writer import Writer

_AT_ONCE = 100
_KEYS_KEPT_FOR = timedelta(days=2)


class ReviewChores:
    """Finds what is due by reading, and does it one by one; `terms` may be replaced at any time."""

    def __init__(
        self, engine: Engine, writer: Writer, identity: Identity, terms: ReviewTerms, watch: ClockWatch
    ) -> None:
        """Take where to read and write, who we are, how decisions are made, and what knows of clocks that were set."""
        self.terms = terms
        self._engine = engine
        self._writer = writer
        self._identity = identity
        self._watch = watch

    def run_due(self, now: datetime) -> bool:
        """Do what is due at `now`; tell whether there may be more. After the clock was set nothing is, for a while.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        if not self._watch.is_steady():
            return False
        with self._engine.connect() as connection:
            at = time_of(connection, now)
            due: list[Callable[[Connection], None]] = [
                *(partial(self._lapse, key, at) for key in find_due_to_lapse(connection, at, _AT_ONCE)),
                *(partial(self._renew, row["id"], at) for row in find_answered(connection, at, _AT_ONCE)),
                *(partial(self._warn, row["id"], at) for row in find_expiring(connection, at, _AT_ONCE)),
            ]
        futures = [self._writer.run(partial(_in_part, work=work)) for work in due]
        self._writer.run(lambda connection: forget_outcomes(connection, at - _KEYS_KEPT_FOR)).result()
        for future in futures:
            future.result()
        return len(due) >= _AT_ONCE

    def _lapse(self, request_id: int, at: datetime, connection: Connection) -> None:
        request = lock_request_by_id(connection, request_id)
        if request is None or request["state"] != RequestState.ASKED or not request["lapse_at"]:
            return
        if request["lapse_at"] > at:
            return
        desk = self._desk(connection, at)
        queued = queue_notice(desk, request, Kind.NOTICE, "lapsed", Words(), due_at=at)
        data = {"outbound": None if queued is None else str(queued.outbound_id)}
        desk.move(request, RequestEvent.LAPSE, data, lapse_at=None, decided_at=at, decided_by=SERVICE.name)

    def _warn(self, exemption_id: int, at: datetime, connection: Connection) -> None:
        exemption = lock_exemption(connection, exemption_id)
        if exemption is None or exemption["warned_at"] or exemption["revoked_at"]:
            return
        change_exemption(connection, exemption_id, warned_at=at)
        words = Words(network_of(exemption), exemption["expires_at"])
        _tell(self._desk(connection, at), exemption, Kind.WARNING, "expiring", words)

    def _renew(self, exemption_id: int, at: datetime, connection: Connection) -> None:
        exemption = lock_exemption(connection, exemption_id)
        if exemption is None or not exemption["warned_at"] or exemption["revoked_at"]:
            return
        desk = self._desk(connection, at)
        made = grant(desk, network_of(exemption), expires_at=at + self.terms.exemption_for, reason="")
        _tell(desk, exemption, Kind.NOTICE, "renewed", Words(made.network, made.expires_at))

    def _desk(self, connection: Connection, at: datetime) -> Desk:
        return Desk(connection, self.terms, self._identity, SERVICE, at)


_EVENTS = {"expiring": "warned", "renewed": "renewed"}


def _tell(desk: Desk, exemption: RowMapping, kind: Kind, template: str, words: Words) -> None:
    """Tell the sender of an exemption's request, and write that down there."""
    request = lock_request_by_id(desk.connection, exemption["request_id"])
    if request is None:
        return
    queued = queue_notice(desk, request, kind, template, words, due_at=desk.at)
    outbound_id = None if queued is None else str(queued.outbound_id)
    desk.note(request, _EVENTS[template], words.facts() | {"exemption": str(exemption["id"]), "outbound": outbound_id})


def _in_part(connection: Connection, work: Callable[[Connection], None]) -> None:
    """Do `work` in a part of the transaction that can be undone by itself."""
    with connection.begin_nested():
        work(connection)
