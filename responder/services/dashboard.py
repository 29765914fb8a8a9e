"""How it goes: figures for the wall, for the digest and for monitors."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address
from statistics import median

from sqlalchemy import Connection

from responder.domain.outbound import OutboundState
from responder.storage import figures
from responder.storage.policy_counts import count_behind, read_answers

HOURS = 48
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_TWO_HOURS = timedelta(hours=2)
_ALIVE_FOR = timedelta(minutes=1)
_IPV4_OCTETS = 15
_KEY_OCTETS = 16

Counted = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: its begin, how many messages came, how many of them are answered."""

    at: datetime
    came: int
    answered: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How it goes.

    Attributes:
        hours: the last hours, the oldest first; the last one still runs.
        silent: messages of the last day that are not answered, by reason.
        software: which software was seen in the requests of the last week, by product.
        networks: whence most messages came in the last day.
        waiting, asked, overdue: requests.
        oldest_at: since when the oldest of those that wait does, None where none does.
        queued, due: outbound messages that wait, and those of them that should leave now.
        failed, bounced: outbound messages of the last day that did not arrive.
        answer_seconds: the median from a message to its answer in the last day, None without one.
        decision_seconds: the median from a request to its decision in the last week, None without one.
        policy_answers: what the policy services answered in this hour and the one before, by ground.
        policy_behind: policy services that do not answer from the newest exemptions.
    """

    hours: Sequence[Hour]
    silent: Counted
    software: Counted
    networks: Counted
    waiting: int
    asked: int
    overdue: int
    oldest_at: datetime | None
    queued: int
    due: int
    failed: int
    bounced: int
    answer_seconds: float | None
    decision_seconds: float | None
    policy_answers: Counted
    policy_behind: int

    @property
    def came_today(self) -> int:
        """How many messages came in the last 24 hours."""
        return sum(hour.came for hour in self.hours[-24:])

    @property
    def answered_today(self) -> int:
        """How many of them are answered."""
        return sum(hour.answered for hour in self.hours[-24:])


def read_figures(connection: Connection, now: datetime, overdue_after: timedelta | None) -> Figures:
    """Give the figures as they are `now`; without `overdue_after` nothing is overdue."""
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    waiting = figures.read_waiting(connection, now - overdue_after if overdue_after else None)
    queued, due = figures.count_queued(connection, now)
    lost = figures.count_undelivered(connection, now - _DAY)
    return Figures(
        hours=[
            Hour(since + timedelta(hours=number), came, answered)
            for number, (came, answered) in enumerate(figures.count_by_hour(connection, since, HOURS))
        ],
        silent=figures.count_silent(connection, now - _DAY),
        software=figures.count_software(connection, now - _WEEK),
        networks=[(_network(key), number) for key, number in figures.count_networks(connection, now - _DAY)],
        waiting=waiting.waiting,
        asked=waiting.asked,
        overdue=waiting.overdue,
        oldest_at=waiting.oldest_at,
        queued=queued,
        due=due,
        failed=lost[OutboundState.FAILED],
        bounced=lost[OutboundState.BOUNCED],
        answer_seconds=_median(figures.answer_seconds(connection, now - _DAY)),
        decision_seconds=_median(figures.decision_seconds(connection, now - _WEEK)),
        policy_answers=sorted(read_answers(connection, now - _TWO_HOURS).items()),
        policy_behind=count_behind(connection, now - _ALIVE_FOR),
    )


def _median(lengths: Sequence[float]) -> float | None:
    return median(lengths) if lengths else None


def _network(key: bytes) -> str:
    """Give the network of which `key` has the first octets."""
    address = IPv6Address(key.ljust(_KEY_OCTETS, b"\0"))
    return f"{address.ipv4_mapped}/24" if len(key) == _IPV4_OCTETS else f"{address}/48"
