"""Senders that are never answered."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, insert, select

from responder.storage.schema import blocked_senders


def read_blocked(connection: Connection) -> frozenset[str]:
    """Give every pattern: a sender's key (`responder.domain.address.sender_key`), or a domain."""
    return frozenset(connection.execute(select(blocked_senders.c.pattern)).scalars())


def is_blocked(sender_key: str, patterns: Collection[str]) -> bool:
    """Tell whether `patterns` name the sender, its domain, or a domain above that."""
    if sender_key in patterns:
        return True
    labels = sender_key.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in patterns for start in range(len(labels)))


def list_blocked(connection: Connection, *, limit: int, after: str | None = None) -> Sequence[RowMapping]:
    """Give blocked senders and domains in their order.

    Args:
        connection: where to read.
        limit: rows at most; 0 is all.
        after: the last pattern of the page before.
    """
    query = select(blocked_senders).order_by(blocked_senders.c.pattern)
    if after is not None:
        query = query.where(blocked_senders.c.pattern > after)
    return connection.execute(query.limit(limit) if limit else query).mappings().all()


def block(connection: Connection, pattern: str, reason: str, by: str, at: datetime) -> bool:
    """Block a pattern; tell whether it was not blocked before."""
    known = select(blocked_senders.c.pattern).where(blocked_senders.c.pattern == pattern)
    if connection.execute(known).first():
        return False
    row = {"pattern": pattern, "reason": reason, "created_at": at, "created_by": by}
    connection.execute(insert(blocked_senders).values(row))
    return True


def unblock(connection: Connection, pattern: str) -> bool:
    """Unblock a pattern; tell whether it was blocked."""
    return connection.execute(delete(blocked_senders).where(blocked_senders.c.pattern == pattern)).rowcount > 0
