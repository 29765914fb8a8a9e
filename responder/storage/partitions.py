"""Monthly partitions of the large tables on PostgreSQL, made ahead; forgetting a month is dropping one table.

What has no month of its own goes to the default partition, so storing never depends on this.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, inspect, text

from responder.storage.ids import first_id_at

PARTITIONED = {"raw_messages": "message_id", "outbound_contents": "outbound_id"}
_MONTHS_AHEAD = 6


def make_partitions(connection: Connection, now: datetime) -> None:
    """Make the partitions of this month and the six after it, where they are missing; nothing on SQLite."""
    if connection.dialect.name != "postgresql":
        return
    there = set(inspect(connection).get_table_names())
    for table, column in PARTITIONED.items():
        for ahead in range(_MONTHS_AHEAD + 1):
            name = f"{table}_{_month(now, ahead):%Y_%m}"
            if name not in there:
                ids = first_id_at(_month(now, ahead)), first_id_at(_month(now, ahead + 1))
                _make(connection, table, column, name, ids)


def _month(now: datetime, ahead: int) -> datetime:
    months = now.year * 12 + now.month - 1 + ahead
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _make(connection: Connection, table: str, column: str, name: str, ids: tuple[int, int]) -> None:
    """Make one partition, unless rows of its range lie in the default partition already: there they stay."""
    low, end = ids
    taken = f"SELECT EXISTS (SELECT FROM {table}_default WHERE {column} >= {low} AND {column} < {end})"  # noqa: S608
    if not connection.execute(text(taken)).scalar_one():
        connection.execute(text(f"CREATE TABLE {name} PARTITION OF {table} FOR VALUES FROM ({low}) TO ({end})"))
