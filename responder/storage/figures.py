"""Figures by which staff see how the service and they themselves are doing.

Each is one statement that an index answers over the time that is asked for; none looks at everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, case, func, literal_column, select

from responder.domain.disposition import Disposition
from responder.domain.outbound import Kind, OutboundState
from responder.domain.products import PRODUCTS
from responder.domain.request import RequestState
from responder.storage.ids import first_id_at
from responder.storage.requests import unindexed
from responder.storage.schema import messages, outbound, requests

_SOME_HOUR = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR_IDS = first_id_at(_SOME_HOUR + timedelta(hours=1)) - first_id_at(_SOME_HOUR)
_MOST_TIMES = 500


def count_by_hour(connection: Connection, since: datetime, hours: int) -> list[tuple[int, int]]:
    """Give for each of `hours` from `since` how many messages came, and how many of them are answered."""
    first = first_id_at(since)
    hour = (messages.c.id - first) // _HOUR_IDS
    answered = func.sum(case((messages.c.disposition == Disposition.ANSWER, 1), else_=0))
    query = select(hour, func.count(), answered).where(messages.c.id >= first).group_by(hour)
    found = {int(number): (came, said or 0) for number, came, said in connection.execute(query)}
    return [found.get(number, (0, 0)) for number in range(hours)]


def count_silent(connection: Connection, since: datetime) -> Sequence[tuple[str, int]]:
    """Give how many messages since then are silent, by reason, the most frequent first."""
    # By id, which bounds the time: the index of dispositions would lead through every silent message there ever was.
    new = (messages.c.id >= first_id_at(since), unindexed(messages.c.disposition) == Disposition.SILENT)
    return _top(connection, messages.c.reason, new, 30)


def count_software(connection: Connection, since: datetime) -> Sequence[tuple[str, int]]:
    """Give which software was seen how often in requests opened since then."""
    # The index has each product by itself, which is quick for those that are named.
    known = [product.key for product in PRODUCTS]
    new = (requests.c.id >= first_id_at(since), requests.c.software_product.in_(known))
    return _top(connection, requests.c.software_product, new, 12)


def count_networks(connection: Connection, since: datetime) -> Sequence[tuple[bytes, int]]:
    """Give from which networks (/24, /48) most messages came since then, by the first bytes of their keys."""
    network = case(
        (func.substr(messages.c.client_key, 1, 12) == _MAPPED, func.substr(messages.c.client_key, 1, 15)),
        else_=func.substr(messages.c.client_key, 1, 6),
    )
    new = (messages.c.id >= first_id_at(since), messages.c.client_key.is_not(None))
    query = select(network, func.count()).where(*new).group_by(network).order_by(func.count().desc()).limit(10)
    return [(bytes(key), number) for key, number in connection.execute(query)]


_MAPPED = bytes(10) + b"\xff\xff"


def _top(connection: Connection, column: Column[Any], conditions: Sequence[Any], limit: int) -> list[tuple[Any, int]]:
    query = select(column, func.count()).where(*conditions, column.is_not(None)).group_by(column)
    rows = connection.execute(query.order_by(func.count().desc(), column).limit(limit))
    return [(value, number) for value, number in rows]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many requests are in hand: `waiting`, of them `overdue`, since when the oldest waits, and `asked`."""

    waiting: int
    overdue: int
    oldest_at: datetime | None
    asked: int


def read_waiting(connection: Connection, overdue_before: datetime | None) -> Waiting:
    """Give how many requests are in hand; without `overdue_before` none is overdue."""
    is_waiting, is_asked = requests.c.state == RequestState.WAITING, requests.c.state == RequestState.ASKED

    # One plain question each: the index of state and time answers it alone, which one statement for all would not use.
    def count(*conditions: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).select_from(requests).where(*conditions)).scalar_one()

    oldest = select(func.min(requests.c.updated_at)).where(is_waiting)
    return Waiting(
        waiting=count(is_waiting),
        overdue=count(is_waiting, requests.c.updated_at < overdue_before) if overdue_before else 0,
        oldest_at=connection.execute(oldest).scalar_one_or_none(),
        asked=count(is_asked),
    )


def count_queued(connection: Connection, now: datetime) -> tuple[int, int]:
    """Give how many outbound messages wait, and how many of them should leave now."""
    due = func.count().filter(outbound.c.due_at <= now)
    query = select(func.count(), due).where(outbound.c.state == literal_column(f"'{OutboundState.QUEUED}'"))
    queued, due_now = connection.execute(query).one()
    return queued, due_now


def count_undelivered(connection: Connection, since: datetime) -> dict[str, int]:
    """Give how many outbound messages `failed` or `bounced` since then."""
    states = (OutboundState.FAILED, OutboundState.BOUNCED)
    wanted = (outbound.c.state.in_(states), outbound.c.settled_at >= since)
    query = select(outbound.c.state, func.count()).where(*wanted).group_by(outbound.c.state)
    return dict.fromkeys(states, 0) | {OutboundState(state): number for state, number in connection.execute(query)}


def answer_seconds(connection: Connection, since: datetime) -> list[float]:
    """Give how long it took from a message to its automatic answer at the relay, for the latest since then."""
    query = (
        select(outbound.c.created_at, outbound.c.settled_at)
        .where(outbound.c.state == OutboundState.SENT, outbound.c.settled_at >= since, outbound.c.kind == Kind.REPLY)
        .order_by(outbound.c.settled_at.desc())
    )
    return _lengths(connection, query)


def decision_seconds(connection: Connection, since: datetime) -> list[float]:
    """Give how long requests waited for their decision, for the latest of each kind that were decided since then."""
    lengths: list[float] = []
    for state in (RequestState.APPROVED, RequestState.DENIED):
        query = (
            select(requests.c.opened_at, requests.c.decided_at)
            .where(requests.c.state == state, requests.c.updated_at >= since, requests.c.decided_at.is_not(None))
            .order_by(requests.c.updated_at.desc())
        )
        lengths += _lengths(connection, query)
    return lengths


def _lengths(connection: Connection, query: Select[Any]) -> list[float]:
    rows = connection.execute(query.limit(_MOST_TIMES))
    return [(end - start).total_seconds() for start, end in rows if end >= start]
