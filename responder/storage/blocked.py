"""Senders that are never answered."""

from collections.abc import Collection

from sqlalchemy import Connection, select

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
