"""What leaves: claimed, worded once, handed over, settled; whoever dies between two steps loses nothing."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, RowMapping

from responder import maillog
from responder.domain.disposition import Reason
from responder.domain.outbound import Kind, OutboundState, next_attempt
from responder.services.backoff import Backoff
from responder.services.clock import Clock, ClockWatch
from responder.services.letter import Letter
from responder.services.letters import Letters
from responder.services.outbox import silence
from responder.services.rendering import Rendered
from responder.services.transports import Deferred, Refused, Transport, Unreachable
from responder.storage import outbox
from responder.storage.errors import is_passing
from responder.storage.outbox import Claim, Settlement
from responder.storage.packing import pack
from responder.storage.writer import Writer

# After the longest delivery a claim stands this much longer: time between claiming and beginning, and between the
# relay's last word and our commit.
_MARGIN = timedelta(seconds=60)
_START_WITHIN_SECONDS = 30.0
_TRIES = 3
# A process ends for many reasons that are not a message's fault, so more is needed before one is set aside for it.
_ENDS = 10
_MINUTE = timedelta(minutes=1)
_DROPPED_AT_ONCE = 100


class Words(Protocol):
    """What words letters (`responder.services.rendering.Renderer`)."""

    def render(self, letter: Letter) -> Rendered:
        """Give the message for `letter`."""


@dataclass(frozen=True, slots=True)
class DeliveryTerms:
    """How messages leave.

    Attributes:
        timeout_seconds: how long one delivery may last.
        retry_seconds: pauses between attempts; the last one stays.
        max_per_minute: automatic answers that leave within a minute at most; 0 is no limit.
        drop_waiting_after: how long an answer may wait for that; None is for ever.
    """

    timeout_seconds: float = 120
    retry_seconds: Sequence[int] = (300, 900, 1800, 3600, 7200, 14_400)
    max_per_minute: int = 120
    drop_waiting_after: timedelta | None = timedelta(hours=24)

    @property
    def hold_for(self) -> timedelta:
        """How long a claim stands."""
        return timedelta(seconds=self.timeout_seconds) + _MARGIN


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed message with its octets in pieces, ready to be handed over; `claimed` is on the monotonic clock."""

    claim: Claim
    pieces: Sequence[bytes]
    claimed: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What one claim brought.

    Attributes:
        claims: messages in hand.
        claimed: when, on the monotonic clock.
        is_limited: automatic answers wait because enough have left within this minute.
    """

    claims: Sequence[Claim]
    claimed: float
    is_limited: bool


class Delivery:
    """The steps of delivery; a face runs them in threads.

    Every step that needs the database raises StorageUnavailable, or what the driver raises, when it cannot be used.

    Attributes:
        relay: how long to leave the relay alone.
    """

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        *,
        letters: Letters,
        words: Words,
        transport: Transport,
        terms: DeliveryTerms,
        instance: str,
        clock: Clock,
        watch: ClockWatch,
    ) -> None:
        """Take the parts; `instance` is what this process is called in claims.

        `letters`, `words` and `terms` may be replaced at any time.
        """
        self.relay = Backoff(clock)
        self._engine = engine
        self._writer = writer
        self.letters = letters
        self.words = words
        self._transport = transport
        self.terms = terms
        self._instance = instance
        self._clock = clock
        self._watch = watch

    def is_any_due(self) -> bool:
        """Tell whether something waits to be claimed; cheap, and in nobody's way."""
        with self._engine.connect() as connection:
            return outbox.is_any_due(connection, outbox.time_of(connection, self._clock.now()))

    def claim(self, limit: int) -> Batch:
        """Claim up to `limit` messages that are due; answers that waited too long for that become silent."""
        return self._claimed(*self._writer.run(partial(self._claim, limit=limit)).result())

    def claim_along(self, limit: int) -> Callable[[], Batch]:
        """Claim as `claim` does, along with what is written next, and give what waits for that and raises what it does.

        It must be called, since the messages are claimed whether it is or not.
        """
        found = self._writer.run(partial(self._claim, limit=limit), can_wait=True)
        return lambda: self._claimed(*found.result())

    @staticmethod
    def _claimed(batch: Batch, dropped: Sequence[RowMapping]) -> Batch:
        for row in dropped:
            maillog.cancelled(
                outbound_id=row["id"], kind=row["kind"], recipient=row["recipient"], reason=Reason.REPLY_LIMIT
            )
        return batch

    def _claim(self, connection: Connection, limit: int) -> tuple[Batch, Sequence[RowMapping]]:
        claimed, at = self._clock.monotonic(), outbox.time_of(connection, self._clock.now())
        allowed = self._allowance(connection, at)
        is_limited = allowed is not None and allowed <= 0
        claims = outbox.claim_due(
            connection,
            instance=self._instance,
            limit=min(limit, allowed) if allowed and not is_limited else limit,
            hold_for=self.terms.hold_for,
            at=at,
            with_replies=not is_limited,
        )
        return Batch(claims, claimed, is_limited), self._drop_waiting(connection, at) if is_limited else ()

    def _allowance(self, connection: Connection, at: datetime) -> int | None:
        """Give how many automatic answers may leave now, None without a limit."""
        most = self.terms.max_per_minute
        if not most:
            return None
        hold_for = self.terms.hold_for
        return most - outbox.count_replies(connection, since=at - _MINUTE, at=at, hold_for=hold_for, most=most)

    def _drop_waiting(self, connection: Connection, at: datetime) -> Sequence[RowMapping]:
        longest = self.terms.drop_waiting_after
        if longest is None or not self._watch.is_steady():
            return ()
        ids = outbox.find_waiting_replies(connection, at - longest, _DROPPED_AT_ONCE)
        return silence(connection, ids, Reason.REPLY_LIMIT, at) if ids else ()

    def prepare(self, batch: Batch) -> list[Parcel]:
        """Give the messages of `batch` with their octets; a message is worded once and its octets stored before.

        What is too old, or could not be worded several times, is settled here.
        """
        try:
            return self._prepare(batch)
        except Exception as error:
            if is_passing(error):
                raise
            if len(batch.claims) > 1:
                return [parcel for claim in batch.claims for parcel in self.prepare(replace(batch, claims=[claim]))]
            self.settle([self._trouble(claim, error, claim.claimed_at) for claim in batch.claims])
            return []

    def _prepare(self, batch: Batch) -> list[Parcel]:
        usable, settled = self._sort_out(batch.claims)
        contents = self._read_contents(usable)
        bare = {claim.outbound_id: claim for claim in usable if claim.outbound_id not in contents}
        if bare:
            worded, troubled = self._word_all(bare)
            self._store(worded)
            contents |= {key: rendered.pieces for key, rendered in worded.items()}
            settled += troubled
        if settled:
            self.settle(settled)
        return [
            Parcel(claim, contents[claim.outbound_id], batch.claimed)
            for claim in usable
            if claim.outbound_id in contents
        ]

    def _read_contents(self, claims: Sequence[Claim]) -> dict[int, Sequence[bytes]]:
        ids = [claim.outbound_id for claim in claims if claim.has_content]
        if not ids:
            return {}
        with self._engine.connect() as connection:
            return {key: (content,) for key, content in outbox.read_contents(connection, ids).items()}

    def _word_all(self, claims: Mapping[int, Claim]) -> tuple[dict[int, Rendered], list[Settlement]]:
        """Word messages, given by id; one that cannot be worded does not keep the others from leaving."""
        with self._engine.connect() as connection:
            facts = outbox.read_facts(connection, claims)
        worded: dict[int, Rendered] = {}
        troubled: list[Settlement] = []
        for row in facts:
            claim = claims[row["id"]]
            try:
                worded[claim.outbound_id] = self._word(row)
            except Exception as error:  # noqa: BLE001 - whatever a template or a row can do
                troubled.append(self._trouble(claim, error, claim.claimed_at))
        return worded, troubled

    def _store(self, worded: Mapping[int, Rendered]) -> None:
        packed = {key: pack(rendered.pieces) for key, rendered in worded.items()}
        edited = {key: rendered.version_id for key, rendered in worded.items() if rendered.version_id is not None}

        def work(connection: Connection) -> None:
            outbox.store_contents(connection, packed)
            if edited:
                outbox.note_versions(connection, edited)

        self._writer.run(work).result()

    def _sort_out(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[Settlement]]:
        usable: list[Claim] = []
        settled: list[Settlement] = []
        for claim in claims:
            if claim.give_up_at <= claim.claimed_at and self._watch.is_steady():
                settled.append(_failed(claim, claim.claimed_at, None, "too old to leave, and never got to the relay"))
            elif claim.attempts > _ENDS and not claim.has_content:
                settled.append(_failed(claim, claim.claimed_at, None, f"set aside: wording it ended us {_ENDS} times"))
            else:
                usable.append(claim)
        return usable, settled

    def _word(self, facts: Mapping[str, Any]) -> Rendered:
        letter = self.letters.make(facts)
        rendered = self.words.render(letter)
        if rendered.problem:
            maillog.template_failed(template=letter.template, locale=letter.locale, problem=rendered.problem)
        return rendered

    def hand_over(self, parcel: Parcel) -> Settlement:
        """Hand one message to the relay and give what came of it; the database is not asked."""
        claim = parcel.claim
        reports = claim.kind is not Kind.REPLY and bool(claim.envelope_sender)
        try:
            reply = self._transport.deliver(
                claim.outbound_id, claim.envelope_sender, claim.recipient, parcel.pieces, reports=reports
            )
        except Unreachable as outcome:
            self.relay.fail()
            return self._later(claim, self._now(claim, parcel.claimed), None, outcome.text)
        except Deferred as outcome:
            settlement = self._later(claim, self._now(claim, parcel.claimed), outcome.code, outcome.text)
        except Refused as outcome:
            settlement = _failed(claim, self._now(claim, parcel.claimed), outcome.code, outcome.text)
        except Exception as error:  # noqa: BLE001 - as above
            return self._trouble(claim, error, self._now(claim, parcel.claimed))
        else:
            at = self._now(claim, parcel.claimed)
            settlement = Settlement(claim, OutboundState.SENT, reply.code, reply.text, at)
        self.relay.succeed()
        return settlement

    def may_start(self, parcel: Parcel) -> bool:
        """Tell whether `parcel` can be handed over before its claim ends, and the relay need not be left alone."""
        return not self.relay.left and self._clock.monotonic() - parcel.claimed < _START_WITHIN_SECONDS

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record and log what came of claims; along with what is written next, since each commit costs a sync."""
        work = partial(outbox.settle, instance=self._instance, settlements=settlements)
        self._writer.run(work, can_wait=True).result()
        for each in settlements:
            _log(each)

    def release(self, claims: Sequence[Claim]) -> None:
        """Give claims back for which nothing was tried; they are due at once."""

        def work(connection: Connection) -> None:
            outbox.release(connection, self._instance, claims, outbox.time_of(connection, self._clock.now()))

        self._writer.run(work).result()

    def close(self) -> None:
        """Close what the transport keeps open; it opens again when needed."""
        self._transport.close()

    def _now(self, claim: Claim, claimed: float) -> datetime:
        """Give the time: that of the claim, and what has passed since by the clock that nobody sets."""
        return claim.claimed_at + timedelta(seconds=self._clock.monotonic() - claimed)

    def _later(self, claim: Claim, at: datetime, code: int | None, text: str) -> Settlement:
        jitter = random.uniform(-1, 1)  # noqa: S311 - nothing rests on it
        due_at = next_attempt(claim.attempts, at, self.terms.retry_seconds, claim.give_up_at, jitter)
        if due_at is None:
            return _failed(claim, at, code, text)
        return Settlement(claim, OutboundState.QUEUED, code, text, at, due_at)

    def _trouble(self, claim: Claim, error: Exception, at: datetime) -> Settlement:
        """Settle a message that our own program stumbles over: tried a few times, then set aside."""
        incident = maillog.incident(where=f"delivery of {claim.outbound_id}", error=error)
        text = f"internal fault, incident {incident}"
        return _failed(claim, at, None, text) if claim.attempts >= _TRIES else self._later(claim, at, None, text)


def _failed(claim: Claim, at: datetime, code: int | None, text: str) -> Settlement:
    return Settlement(claim, OutboundState.FAILED, code, text, at)


def _log(settlement: Settlement) -> None:
    claim = settlement.claim
    reply = settlement.text if settlement.code is None else f"{settlement.code} {settlement.text}"
    fields: dict[str, Any] = {
        "outbound_id": claim.outbound_id,
        "kind": claim.kind,
        "recipient": claim.recipient,
        "attempts": claim.attempts,
        "reply": reply,
    }
    if settlement.due_at:
        maillog.deferred(**fields, due_at=settlement.due_at)
    elif settlement.state is OutboundState.SENT:
        maillog.handed_over(**fields)
    else:
        maillog.failed(**fields)
