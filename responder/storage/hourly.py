"""What is counted by the hour besides answers: attempts to sign in that failed, messages to staff."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from responder.storage.schema import rate_counts

Counted = Sequence[tuple[str, str]]


def read_hourly(connection: Connection, hour: datetime, counted: Counted) -> dict[tuple[str, str], int]:
    """Give the counts of an hour, by scope and key."""
    found: dict[tuple[str, str], int] = {}
    for scope, key in counted:
        one = (rate_counts.c.scope == scope, rate_counts.c.key == key, rate_counts.c.hour_at == hour)
        found[scope, key] = connection.execute(select(rate_counts.c.count).where(*one)).scalar_one_or_none() or 0
    return found


def count_hourly(connection: Connection, hour: datetime, counted: Counted) -> None:
    """Count one more under each scope and key."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    for scope, key in sorted(counted):
        new = insert(rate_counts).values(scope=scope, key=key, hour_at=hour, count=1)
        connection.execute(
            new.on_conflict_do_update(
                index_elements=["scope", "key", "hour_at"], set_={"count": rate_counts.c.count + 1}
            )
        )
