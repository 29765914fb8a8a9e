"""The queue as people look at it: pages of requests, one request with all that belongs to it, exemptions, blocked.

What is given are the objects that programs get (`responder.services.shapes`): fields named as in `--json`, and values
that are text, numbers, booleans, lists, objects, aware times, or None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from responder.domain.reference import NoReferenceError, parse_reference
from responder.services.clock import Clock
from responder.services.review_actions import UnknownRequest
from responder.services.shapes import (
    blocked_object,
    event_object,
    exemption_object,
    finding_object,
    message_object,
    outbound_object,
    request_details,
    request_object,
)
from responder.storage.audit import timeline
from responder.storage.blocked import list_blocked
from responder.storage.exemptions import ExemptionFilter, exemptions_of_request, list_exemptions, reverse_names
from responder.storage.findings import newest_findings
from responder.storage.messages import messages_of_request
from responder.storage.outbound import outbound_of_request
from responder.storage.outbox import time_of
from responder.storage.request_lists import count_requests, list_requests
from responder.storage.requests import RequestFilter, find_of_domain, find_related, find_request
from responder.storage.staff import logins

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: what is on it.
        after: what to name as `after` for the next page; None on the last one. For requests it is the reference of
            the last row, for exemptions its id, for blocked senders the pattern.
    """

    rows: list[Object]
    after: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are: `number`, or at least so many where counting stopped (`is_exact` is false)."""

    number: int
    is_exact: bool

    def __str__(self) -> str:
        return f"{self.number:,}" if self.is_exact else f"{self.number:,}+"


class Queue:
    """Reads what is there; the errors of `responder.storage.errors` and SQLAlchemy's own pass through it."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        """Take the database and the time."""
        self._engine = engine
        self._clock = clock

    def list(self, wanted: RequestFilter, *, limit: int = 50, after: str | None = None) -> Page:
        """Give requests, the one changed last first; with `wanted.text` the one opened last first.

        Raises:
            UnknownRequest: `after` is no reference of a request.
        """
        with self._engine.connect() as connection:
            return page_of_requests(connection, wanted, limit=limit, after=after)

    def count(self, wanted: RequestFilter) -> Count:
        """Count requests, up to 10,000, or until so many had to be looked at."""
        with self._engine.connect() as connection:
            return Count(*count_requests(connection, wanted))

    def show(self, reference: str) -> Object:
        """Give one request with all that belongs to it.

        It is what `request_details` says, with `timeline`, `findings`, `message_list`, `replies`, `exemptions`.

        Raises:
            UnknownRequest: there is none.
        """
        with self._engine.connect() as connection:
            return whole_request(connection, reference, time_of(connection, self._clock.now()))

    def related(self, reference: str, *, limit: int = 50) -> Sequence[Object]:
        """Give the other open requests whose refused address is the same, or lies in a network that this one asks for.

        Raises:
            UnknownRequest: there is no such request.
        """
        with self._engine.connect() as connection:
            request = get_request(connection, reference)
            return _objects(connection, find_related(connection, request, limit=limit))

    def of_domain(self, reference: str, *, limit: int = 10) -> Sequence[Object]:
        """Give the other requests of the same domain, newest first.

        Raises:
            UnknownRequest: there is no such request.
        """
        with self._engine.connect() as connection:
            request = get_request(connection, reference)
            return _objects(connection, find_of_domain(connection, request, limit=limit))

    def exemptions(self, wanted: ExemptionFilter, *, limit: int = 50, after: int | None = None) -> Page:
        """Give exemptions; see `responder.storage.exemptions.list_exemptions`."""
        with self._engine.connect() as connection:
            at = time_of(connection, self._clock.now())
            return page_of_exemptions(connection, wanted, at, limit=limit, after=after)

    def blocked(self, *, limit: int = 50, after: str | None = None) -> Page:
        """Give blocked senders and domains in their order."""
        with self._engine.connect() as connection:
            rows = list_blocked(connection, limit=_one_more(limit), after=after)
            return _page(rows, limit, [blocked_object(row) for row in rows], lambda row: row["pattern"])


def get_request(connection: Connection, reference: str) -> RowMapping:
    """Give the request that `reference` names, its own or that of one of its messages.

    Raises:
        UnknownRequest: there is none.
    """
    try:
        known = parse_reference(reference)
    except NoReferenceError:
        raise UnknownRequest(f"{reference[:40]!r} is no reference") from None
    row = find_request(connection, known)
    if row is None:
        raise UnknownRequest(f"there is no request {known}")
    return row


def page_of_requests(connection: Connection, wanted: RequestFilter, *, limit: int, after: str | None) -> Page:
    """Give one page of requests; see `Queue.list`."""
    last = None if after is None else get_request(connection, after)["id"]
    rows = list_requests(connection, wanted, limit=_one_more(limit), after=last)
    return _page(rows, limit, _objects(connection, rows), lambda row: row["reference"])


def page_of_exemptions(
    connection: Connection, wanted: ExemptionFilter, at: datetime, *, limit: int, after: int | None
) -> Page:
    """Give one page of exemptions as they are `at` that time."""
    rows = list_exemptions(connection, wanted, at, limit=_one_more(limit), after=after)
    return _page(rows, limit, _exemptions(connection, rows, at), lambda row: str(row["id"]))


def whole_request(connection: Connection, reference: str, at: datetime) -> Object:
    """Give one request with all that belongs to it; see `Queue.show`."""
    row = get_request(connection, reference)
    number, people = row["id"], _people(connection, [row])
    return {
        **request_details(row, people),
        "timeline": [event_object(each) for each in timeline(connection, "request", number)],
        "findings": [finding_object(each, at) for each in newest_findings(connection, number)],
        "message_list": [message_object(each) for each in messages_of_request(connection, number)],
        "replies": [outbound_object(each) for each in outbound_of_request(connection, number)],
        "exemptions": _exemptions(connection, exemptions_of_request(connection, number), at),
    }


def _exemptions(connection: Connection, rows: Sequence[RowMapping], at: datetime) -> Sequence[Object]:
    names = reverse_names(connection, [row["request_id"] for row in rows if row["request_id"]])
    return [exemption_object(row, at, names.get(row["request_id"], ())) for row in rows]


def _objects(connection: Connection, rows: Sequence[RowMapping]) -> Sequence[Object]:
    people = _people(connection, rows)
    return [request_object(row, people) for row in rows]


def _people(connection: Connection, rows: Sequence[RowMapping]) -> dict[int, str]:
    ids = sorted({row["assignee_id"] for row in rows if row["assignee_id"]})
    return logins(connection, ids) if ids else {}


def _one_more(limit: int) -> int:
    """Give the limit by which it shows whether there is a next page."""
    return limit + 1 if limit else 0


def _page(rows: Sequence[RowMapping], limit: int, objects: Sequence[Object], key: Callable[[RowMapping], str]) -> Page:
    has_more = bool(limit) and len(rows) > limit
    return Page([*objects[:limit]] if limit else [*objects], key(rows[limit - 1]) if has_more else None)
