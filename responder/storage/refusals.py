"""Refusals that the policy service gave, to be found again when a plea comes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from responder.domain.address import IPNetwork, network_keys
from responder.storage.paging import page
from responder.storage.rows import write_rows
from responder.storage.schema_desk import refusals

_INSERT = insert(refusals)


def store_refusals(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add refusals, of which there is at least one."""
    write_rows(connection, _INSERT, rows)


def find_by_reference(connection: Connection, references: Collection[str], since: datetime) -> Sequence[RowMapping]:
    """Give the refusals with one of `references` that were given at `since` or later, newest first."""
    query = select(refusals).where(refusals.c.reference.in_(references), refusals.c.at >= since)
    return connection.execute(query.order_by(refusals.c.at.desc())).mappings().all()


def find_by_sender(connection: Connection, sender_key: str, since: datetime) -> RowMapping | None:
    """Give the newest refusal of a sender that was given at `since` or later."""
    query = select(refusals).where(refusals.c.sender_key == sender_key, refusals.c.at >= since)
    return connection.execute(query.order_by(refusals.c.at.desc()).limit(1)).mappings().first()


@dataclass(frozen=True, slots=True)
class RefusalFilter:
    """Which refusals to list; what is None does not matter.

    Attributes:
        reference: it has this one.
        network: its client lies in it.
        sender_key: it is of this sender.
    """

    reference: str | None = None
    network: IPNetwork | None = None
    sender_key: str | None = None


def list_refusals(
    connection: Connection, wanted: RefusalFilter, *, limit: int, after: int | None = None
) -> Sequence[RowMapping]:
    """Give refusals, newest first; `limit` and `after` as in `page`."""
    query = select(refusals)
    if wanted.reference is not None:
        query = query.where(refusals.c.reference == wanted.reference)
    if wanted.network is not None:
        first, last, _ = network_keys(wanted.network)
        query = query.where(refusals.c.client_key.between(first, last))
    if wanted.sender_key is not None:
        query = query.where(refusals.c.sender_key == wanted.sender_key)
    return connection.execute(page(query, refusals.c.id, limit=limit, after=after)).mappings().all()


def forget_refusals(connection: Connection, before: datetime, limit: int) -> int:
    """Remove up to `limit` refusals that were given before `before`, oldest first; gives how many."""
    oldest = select(refusals.c.id).where(refusals.c.at < before).order_by(refusals.c.at).limit(limit)
    return connection.execute(delete(refusals).where(refusals.c.id.in_(oldest))).rowcount
