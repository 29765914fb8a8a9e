"""What intake asks and writes: one statement for each table, however many messages came together."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, insert, select, update

from responder.storage.schema import audit, messages, outbound, raw_messages, receipts, requests

Row = dict[str, Any]

# Columns of a request that a message may change.
_CHANGING = (
    "state",
    "version",
    "open_key",
    "unanswered",
    "unread",
    "updated_at",
    "address_key",
    "networks",
    "address_source",
    "proof",
    "software_product",
    "software_version",
    "message_count",
    "lapse_at",
    "decided_at",
    "decided_by",
)
_READ = (*_CHANGING, "id", "reference", "sender_key")


def find_by_tokens(connection: Connection, tokens: Collection[str]) -> dict[str, int]:
    """Give the ids of requests by their thread token."""
    return _find(connection, requests.c.reply_token, requests.c.id, tokens)


def find_by_message_ids(connection: Connection, message_ids: Collection[str]) -> dict[str, int]:
    """Give the ids of requests by the Message-ID of something that we sent about them."""
    return _find(connection, outbound.c.message_id_header, outbound.c.request_id, message_ids)


def find_by_references(connection: Connection, references: Collection[str]) -> dict[str, int]:
    """Give the ids of requests by their own reference, or that of one of their messages."""
    of_messages = _find(connection, messages.c.reference, messages.c.request_id, references)
    return of_messages | _find(connection, requests.c.reference, requests.c.id, references)


def _find(
    connection: Connection, key: ColumnElement[str], request_id: ColumnElement[Any], wanted: Collection[str]
) -> dict[str, int]:
    if not wanted:
        return {}
    query = select(key, request_id).where(key.in_(wanted), request_id.is_not(None))
    rows = connection.execute(query).all()
    return {row[0]: row[1] for row in rows}


def lock_requests(connection: Connection, ids: Collection[int], open_keys: Collection[bytes]) -> list[Row]:
    """Give the requests with those ids and those open keys, locked until the transaction ends."""
    columns = [requests.c[name] for name in _READ]
    found: dict[int, Row] = {}
    for column, wanted in ((requests.c.id, ids), (requests.c.open_key, open_keys)):
        if wanted:
            query = select(*columns).where(column.in_(wanted)).order_by(requests.c.id).with_for_update()
            found |= {row["id"]: dict(row) for row in connection.execute(query).mappings()}
    return list(found.values())


def update_requests(connection: Connection, rows: Sequence[Row]) -> None:
    """Write what messages changed in requests."""
    statement = update(requests).where(requests.c.id == bindparam("which"))
    statement = statement.values({name: bindparam(f"new_{name}") for name in _CHANGING})
    changes = [{"which": row["id"]} | {f"new_{name}": row[name] for name in _CHANGING} for row in rows]
    connection.execute(statement, changes)


_TABLES = (requests, messages, raw_messages, receipts, outbound, audit)


class NewRows:
    """Rows to be inserted together."""

    def __init__(self) -> None:
        self.requests: list[Row] = []
        self.messages: list[Row] = []
        self.raw_messages: list[Row] = []
        self.receipts: list[Row] = []
        self.outbound: list[Row] = []
        self.audit: list[Row] = []

    def insert(self, connection: Connection) -> None:
        """Insert them; receipts in the order of their keys, which is the same on every node."""
        self.receipts.sort(key=lambda row: bytes(row["key"]))
        for table in _TABLES:
            rows: list[Row] = getattr(self, table.name)
            if rows:
                connection.execute(insert(table), rows)
