"""Requests as people look at them: which ones a filter means, one by its reference, and those that belong together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, and_, exists, func, or_, select

from responder.domain.address import IPNetwork, canonical_address, canonical_domain, network_keys, parse_network
from responder.domain.request import OPEN_STATES as _OPEN
from responder.domain.request import RequestState
from responder.storage.schema import messages, requests

OPEN_STATES = tuple(state for state in RequestState if state in _OPEN)


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
        unread: whether its sender wrote, or something came back, since somebody decided.
        since: changed then or later.
        text: words; each begins a word of what was written, the sender's address or the reference.
    """

    states: Collection[RequestState] = OPEN_STATES
    address: IPNetwork | None = None
    domain: str | None = None
    contact: str | None = None
    software: str | None = None
    assignee_id: int | None = None
    advice: str | None = None
    quoted: bool | None = None
    unread: bool | None = None
    since: datetime | None = None
    text: str | None = None


def find_request(connection: Connection, reference: str) -> RowMapping | None:
    """Give the request that `reference`, as it is stored, names: its own, or that of one of its messages."""
    own = select(requests).where(requests.c.reference == reference)
    row = connection.execute(own).mappings().one_or_none()
    if row is not None:
        return row
    of_message = select(messages.c.request_id).where(messages.c.reference == reference).scalar_subquery()
    return connection.execute(select(requests).where(requests.c.id == of_message)).mappings().one_or_none()


def find_related(
    connection: Connection, request: RowMapping, *, network: IPNetwork | None = None, limit: int = 50
) -> Sequence[RowMapping]:
    """Give the other open requests whose refused address lies in `network`, newest first.

    Without one it is any network that `request` asks for, or its own address.
    """
    networks = [parse_network(text) for text in request["networks"]] if network is None else [network]
    ranges = [network_keys(each)[:2] for each in networks]
    if request["address_key"]:
        ranges.append((bytes(request["address_key"]), bytes(request["address_key"])))
    if not ranges:
        return []
    lies_in = or_(*(requests.c.address_key.between(first, last) for first, last in ranges))
    query = select(requests).where(
        lies_in, unindexed(requests.c.state).in_(OPEN_STATES), requests.c.id != request["id"]
    )
    return connection.execute(query.order_by(requests.c.id.desc()).limit(limit)).mappings().all()


def find_of_domain(connection: Connection, request: RowMapping, *, limit: int = 10) -> Sequence[RowMapping]:
    """Give the other requests of exactly the same domain, newest first."""
    query = select(requests).where(requests.c.domain == request["domain"], requests.c.id != request["id"])
    return connection.execute(query.order_by(requests.c.id.desc()).limit(limit)).mappings().all()


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give `column` so that no index of it is used, where the planner, which knows no numbers, would choose badly."""
    return func.coalesce(column, column)


def narrow_conditions(wanted: RequestFilter) -> list[ColumnElement[bool]]:
    """Give those conditions that an index can answer, those that leave the fewest rows first."""
    found: list[ColumnElement[bool]] = []
    if wanted.contact is not None:
        found.append(requests.c.contact == canonical_address(wanted.contact))
    if wanted.address is not None:
        first, last, _ = network_keys(wanted.address)
        found.append(requests.c.address_key.between(first, last))
    if wanted.advice is not None:
        states = (requests.c.state.in_(wanted.states),) if wanted.states else ()
        found.append(and_(requests.c.advice == wanted.advice, *states))
    if wanted.software is not None:
        found.append(requests.c.software_product == wanted.software)
    return found


def row_conditions(wanted: RequestFilter, source: FromClause = requests) -> list[ColumnElement[bool]]:
    """Give every condition but state, assignee, time and text, for rows that are at hand: none leads to an index.

    Args:
        wanted: which requests.
        source: the table, or a query that has what is asked about.
    """
    equal = {"contact": wanted.contact and canonical_address(wanted.contact)}
    equal |= {"software_product": wanted.software, "advice": wanted.advice}
    conditions = [unindexed(source.c[name]) == value for name, value in equal.items() if value is not None]
    if wanted.address is not None:
        first, last, _ = network_keys(wanted.address)
        conditions.append(unindexed(source.c.address_key).between(first, last))
    if wanted.domain is not None:
        conditions.append(in_domain(canonical_domain(wanted.domain), source))
    if wanted.quoted is not None:
        quotes = exists().where(messages.c.request_id == source.c.id, messages.c.rejection.is_not(None))
        conditions.append(quotes if wanted.quoted else ~quotes)
    if wanted.unread is not None:
        conditions.append(source.c.unread.is_(wanted.unread))
    return conditions


def in_domain(domain: str, source: FromClause = requests) -> ColumnElement[bool]:
    """Tell of a row whether its sender's domain is `domain`, or lies under it."""
    name = unindexed(source.c.domain)
    return or_(name == domain, name.endswith(f".{domain}", autoescape=True))


def row_text(row: RowMapping) -> str:
    """Give what the row of a request says by itself in words."""
    names = ("reference", "contact", "domain", "subject", "software_product", "software_version")
    return " ".join(row[name] for name in names if row[name])


def find_beginning(connection: Connection, beginning: str, limit: int) -> Sequence[RowMapping]:
    """Give requests whose reference begins so, in the order of references."""
    begins = requests.c.reference.between(beginning, f"{beginning}\N{DEL}")
    return (
        connection.execute(select(requests).where(begins).order_by(requests.c.reference).limit(limit)).mappings().all()
    )
