"""Exemptions apart from a decision about a request: added, renewed and revoked by hand."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, RowMapping

from responder import maillog
from responder.domain.actor import Actor
from responder.domain.address import IPNetwork
from responder.domain.exemption import ExemptionError, expiry
from responder.domain.identity import Identity
from responder.domain.outbound import Kind
from responder.domain.roles import Permission
from responder.services.clock import Clock
from responder.services.desk import Desk, ReviewTerms, clean_text
from responder.services.grants import grant, network_of, revoke
from responder.services.notices import Words, queue_notice
from responder.services.review_actions import NotPossible, ReviewError, TooWide, UnknownRequest
from responder.storage.decisions import lock_request_by_id
from responder.storage.exemptions import find_overlapping, lock_exemption
from responder.storage.outbox import time_of
from responder.storage.writer import Writer


@dataclass(frozen=True, slots=True)
class ExemptionOutcome:
    """What was done to an exemption.

    Attributes:
        exemption_id: its id.
        network: what it covers.
        expires_at: when it ends, or would have ended.
        renews: it was active already.
        overlaps: other active exemptions that hold the network, or lie in it; after a revocation the addresses in
            both are still exempt.
        outbound_id: the notice to the sender, None where none leaves.
    """

    exemption_id: int
    network: IPNetwork
    expires_at: datetime
    renews: bool = False
    overlaps: tuple[IPNetwork, ...] = ()
    outbound_id: int | None = None


class Exemptions:
    """Adds and revokes exemptions; each method waits until what it did is on disk. `terms` may be replaced."""

    def __init__(
        self,
        writer: Writer,
        identity: Identity,
        terms: ReviewTerms,
        *,
        clock: Clock,
        on_notice: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what `responder.services.review.Review` takes."""
        self.terms = terms
        self._writer = writer
        self._identity = identity
        self._clock = clock
        self._on_notice = on_notice

    def add(self, network: IPNetwork, actor: Actor, *, days: int | None = None, reason: str) -> ExemptionOutcome:
        """Exempt `network` without a request, or renew what is active; nobody is told.

        Raises:
            NotAllowed, TooWide, ReviewError: see `responder.services.review_actions`.
            StorageUnavailable: the database cannot be written.
        """
        outcome = self._settle(self._writer.run(partial(self._add, network, actor, days, reason)))
        event = "renewed" if outcome.renews else "added"
        maillog.exempted(event=event, by=actor.name, network=network, expires_at=outcome.expires_at)
        return outcome

    def revoke(
        self, exemption_id: int, actor: Actor, *, reason: str = "", text: str = "", notify: bool = True
    ) -> ExemptionOutcome:
        """Take an active exemption back.

        Args:
            exemption_id: which one.
            actor: who does it.
            reason: why, in words that the sender reads too where they are told.
            text: what else to tell them.
            notify: tell the sender of its request, where it has one.

        Raises:
            NotAllowed, UnknownRequest, NotPossible: see `responder.services.review_actions`.
            StorageUnavailable: the database cannot be written.
        """
        words = Words(reason=reason, text=text)
        outcome = self._settle(self._writer.run(partial(self._revoke, exemption_id, actor, words, notify=notify)))
        maillog.exempted(event="revoked", by=actor.name, network=outcome.network, expires_at=None)
        if outcome.outbound_id is not None:
            self._on_notice()
        return outcome

    def _add(
        self, network: IPNetwork, actor: Actor, days: int | None, reason: str, connection: Connection
    ) -> ExemptionOutcome | ReviewError:
        desk = self._desk(connection, actor)
        try:
            desk.require(Permission.DECIDE)
            why = clean_text(reason, "reason", is_needed=True)
            desk.terms.rules.check(network, actor.role)
            expires_at = expiry(desk.at, days, desk.terms.exemption_for)
        except ReviewError as error:
            return error
        except ExemptionError as error:
            return TooWide(str(error))
        made = grant(desk, network, expires_at=expires_at, reason=why)
        return ExemptionOutcome(made.exemption_id, network, made.expires_at, made.renews, made.overlaps)

    def _revoke(
        self, exemption_id: int, actor: Actor, words: Words, connection: Connection, *, notify: bool
    ) -> ExemptionOutcome | ReviewError:
        desk = self._desk(connection, actor)
        try:
            desk.require(Permission.DECIDE)
            reason, text = clean_text(words.reason, "reason"), clean_text(words.text, "text")
            exemption = _find_active(connection, exemption_id, desk.at)
        except ReviewError as error:
            return error
        network = network_of(exemption)
        revoke(desk, exemption, reason=reason)
        told = Words(network, reason=reason, text=text)
        outbound_id = self._tell(desk, exemption, told) if notify else None
        overlaps = tuple(network_of(row) for row in find_overlapping(connection, network, desk.at))
        return ExemptionOutcome(
            exemption_id, network, exemption["expires_at"], overlaps=overlaps, outbound_id=outbound_id
        )

    @staticmethod
    def _tell(desk: Desk, exemption: RowMapping, words: Words) -> int | None:
        number = exemption["request_id"]
        request = None if number is None else lock_request_by_id(desk.connection, number)
        if request is None:
            return None
        due_at = desk.at + desk.terms.undo_for
        queued = queue_notice(desk, request, Kind.NOTICE, "revoked", words, due_at=due_at)
        data = {
            "exemption": str(exemption["id"]),
            "network": str(words.network),
            "reason": words.reason,
            "outbound": None if queued is None else str(queued.outbound_id),
        }
        desk.note(request, "revoked", data)
        return None if queued is None else queued.outbound_id

    def _desk(self, connection: Connection, actor: Actor) -> Desk:
        return Desk(connection, self.terms, self._identity, actor, time_of(connection, self._clock.now()))

    @staticmethod
    def _settle(future: Future[ExemptionOutcome | ReviewError]) -> ExemptionOutcome:
        outcome = future.result()
        if isinstance(outcome, ReviewError):
            raise outcome
        return outcome


def _find_active(connection: Connection, exemption_id: int, at: datetime) -> RowMapping:
    exemption = lock_exemption(connection, exemption_id)
    if exemption is None:
        raise UnknownRequest(f"there is no exemption {exemption_id}")
    if exemption["revoked_at"] is not None:
        raise NotPossible(f"{network_of(exemption)} was revoked by {exemption['revoked_by']} already")
    if exemption["expires_at"] <= at:
        raise NotPossible(f"the exemption of {network_of(exemption)} has ended by itself")
    return exemption
