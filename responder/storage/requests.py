"""The queue of requests, as people look at it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, exists, func, or_, select

from responder.domain.address import IPNetwork, canonical_address, canonical_domain, network_keys
from responder.domain.request import RequestState
from responder.storage.paging import page
from responder.storage.schema import messages, requests

OPEN_STATES = (RequestState.WAITING, RequestState.ASKED)


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests to list; what is None does not matter.

    Attributes:
        states: states to show; empty is all of them.
        address: the refused address lies in it.
        domain: the sender's domain, or one above it.
        contact: the sender's address.
        software: the product that the sender runs.
        assignee_id: who has it in hand.
        advice: what the evidence speaks for.
        quoted: whether a message of it quotes a refusal.
        since: changed then or later.
        text: words; each begins a word of the subject, the sender's address or the reference.
    """

    states: Collection[RequestState] = OPEN_STATES
    address: IPNetwork | None = None
    domain: str | None = None
    contact: str | None = None
    software: str | None = None
    assignee_id: int | None = None
    advice: str | None = None
    quoted: bool | None = None
    since: datetime | None = None
    text: str | None = None


def list_requests(
    connection: Connection, wanted: RequestFilter, *, limit: int, after: int | None = None
) -> Sequence[RowMapping]:
    """Give the requests that `wanted` describes, newest first.

    Args:
        connection: where to read.
        wanted: which ones.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before (`find_request` gives it for a reference).
    """
    query = select(requests).where(*_conditions(wanted))
    return connection.execute(page(query, requests.c.id, limit=limit, after=after)).mappings().all()


def find_request(connection: Connection, reference: str) -> RowMapping | None:
    """Give the request that `reference`, as it is stored, names: its own, or that of one of its messages."""
    own = select(requests).where(requests.c.reference == reference)
    row = connection.execute(own).mappings().one_or_none()
    if row is not None:
        return row
    of_message = select(messages.c.request_id).where(messages.c.reference == reference).scalar_subquery()
    return connection.execute(select(requests).where(requests.c.id == of_message)).mappings().one_or_none()


def _conditions(wanted: RequestFilter) -> list[ColumnElement[bool]]:
    equal = {
        requests.c.contact: wanted.contact and canonical_address(wanted.contact),
        requests.c.software_product: wanted.software,
        requests.c.assignee_id: wanted.assignee_id,
        requests.c.advice: wanted.advice,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if wanted.states:
        conditions.append(requests.c.state.in_(wanted.states))
    if wanted.address is not None:
        first, last, _ = network_keys(wanted.address)
        conditions.append(requests.c.address_key.between(first, last))
    if wanted.domain is not None:
        conditions.append(_in_domain(canonical_domain(wanted.domain)))
    if wanted.quoted is not None:
        conditions.append(_quotes_refusal() if wanted.quoted else ~_quotes_refusal())
    if wanted.since is not None:
        conditions.append(requests.c.updated_at >= wanted.since)
    return conditions + [_has_word(word) for word in (wanted.text or "").lower().split()]


def _in_domain(domain: str) -> ColumnElement[bool]:
    return or_(requests.c.domain == domain, requests.c.domain.endswith(f".{domain}", autoescape=True))


def _quotes_refusal() -> ColumnElement[bool]:
    return exists().where(messages.c.request_id == requests.c.id, messages.c.rejection.is_not(None))


def _has_word(word: str) -> ColumnElement[bool]:
    text = func.lower(requests.c.subject + " " + requests.c.contact + " " + requests.c.reference)
    return or_(text.startswith(word, autoescape=True), text.contains(f" {word}", autoescape=True))
