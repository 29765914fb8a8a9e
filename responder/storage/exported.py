"""Exemptions as exports need them: those in force, in a stable order, never all in memory at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from responder.domain.address import IPNetwork
from responder.storage.schema import exemptions, requests

_BATCH = 2000
_IPV4 = 4


@dataclass(frozen=True, slots=True)
class Exempt:
    """One exemption in force.

    Attributes:
        id: its id.
        network: what is exempt.
        request: the reference of the request that it was asked for in, None where nobody asked.
        reason: why, in words of staff.
        created_at: since when, UTC.
        created_by: who decided.
        expires_at: until when, UTC.
    """

    id: int
    network: IPNetwork
    request: str | None
    reason: str
    created_at: datetime
    created_by: str
    expires_at: datetime


def read_exempt(connection: Connection, at: datetime, *, batch: int = _BATCH) -> Iterator[Exempt]:
    """Give what is exempt at `at`: IPv4 first, by address, a network before what lies in it.

    Reads `batch` rows at a time, so that memory does not grow with the list.
    """
    columns = exemptions.c
    query = (
        select(
            columns.first_key,
            columns.last_key,
            columns.family,
            columns.prefix_length,
            columns.id,
            requests.c.reference,
            columns.reason,
            columns.created_at,
            columns.created_by,
            columns.expires_at,
        )
        .join(requests, requests.c.id == columns.request_id, isouter=True)
        .where(columns.revoked_at.is_(None), columns.expires_at > at)
        .order_by(columns.first_key, columns.last_key.desc())
        .limit(batch)
    )
    rows = connection.execute(query).all()
    while rows:
        yield from map(_exempt, rows)
        first, last = rows[-1][:2]
        after = or_(columns.first_key > first, and_(columns.first_key == first, columns.last_key < last))
        rows = connection.execute(query.where(columns.first_key >= first, after)).all()


def _exempt(row: Sequence[Any]) -> Exempt:
    first, _, family, prefix_length, *others = row
    return Exempt(others[0], _network(bytes(first), family, prefix_length), *others[1:])


def _network(first: bytes, family: int, prefix_length: int) -> IPNetwork:
    """Give a network; of numbers, since of an address the library would first make text."""
    if family == _IPV4:
        return IPv4Network((int.from_bytes(first[12:]), prefix_length))
    return IPv6Network((int.from_bytes(first), prefix_length))


def next_expiry(connection: Connection, at: datetime) -> datetime | None:
    """Give the moment at which the first of the exemptions in force at `at` ends, None when there are none."""
    columns = exemptions.c
    ends: datetime | None = connection.execute(
        select(func.min(columns.expires_at)).where(columns.revoked_at.is_(None), columns.expires_at > at)
    ).scalar_one()
    return ends
