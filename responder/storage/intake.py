"""What intake asks and writes: one statement for each table, however many messages came together."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, bindparam, insert, select, update

from responder.storage.rows import read_rows, write_rows
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
    return _find(connection, _BY_TOKEN, tokens)


def find_by_message_ids(connection: Connection, message_ids: Collection[str]) -> dict[str, int]:
    """Give the ids of requests by the Message-ID of something that we sent about them."""
    return _find(connection, _BY_MESSAGE_ID, message_ids)


def find_by_references(connection: Connection, references: Collection[str]) -> dict[str, int]:
    """Give the ids of requests by their own reference, or that of one of their messages."""
    return _find(connection, _BY_MESSAGE, references) | _find(connection, _BY_REFERENCE, references)


def _find(connection: Connection, query: Select[Any], wanted: Collection[Any]) -> dict[Any, int]:
    if not wanted:
        return {}
    return {row["name"]: row["request_id"] for row in read_rows(connection, query, {"wanted": wanted})}


_WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)


def _finding(key: ColumnElement[Any], request_id: ColumnElement[Any]) -> Select[Any]:
    columns = (key.label("name"), request_id.label("request_id"))
    return select(*columns).where(key.in_(_WANTED), request_id.is_not(None))


_BY_TOKEN = _finding(requests.c.reply_token, requests.c.id)
_BY_MESSAGE_ID = _finding(outbound.c.message_id_header, outbound.c.request_id)
_BY_MESSAGE = _finding(messages.c.reference, messages.c.request_id)
_BY_REFERENCE = _finding(requests.c.reference, requests.c.id)


def lock_requests(connection: Connection, ids: Collection[int], open_keys: Collection[bytes]) -> list[Row]:
    """Give the requests with those ids and those open keys, locked until the transaction ends."""
    found: dict[int, Row] = {}
    for query, wanted in ((_LOCK_BY_ID, ids), (_LOCK_BY_KEY, open_keys)):
        if wanted:
            found |= {row["id"]: row for row in read_rows(connection, query, {"wanted": wanted})}
    return list(found.values())


def _locking(column: ColumnElement[Any]) -> Select[Any]:
    columns = [requests.c[name] for name in _READ]
    return select(*columns).where(column.in_(_WANTED)).order_by(requests.c.id).with_for_update()


_LOCK_BY_ID = _locking(requests.c.id)
_LOCK_BY_KEY = _locking(requests.c.open_key)


def update_requests(connection: Connection, rows: Sequence[Row]) -> None:
    """Write what messages changed in requests."""
    changes = [{"which": row["id"]} | {f"new_{name}": row[name] for name in _CHANGING} for row in rows]
    write_rows(connection, _UPDATE, changes)


_UPDATE = (
    update(requests)
    .where(requests.c.id == bindparam("which"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_INSERTS = {table.name: insert(table) for table in (requests, messages, raw_messages, receipts, outbound, audit)}


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
        for name, statement in _INSERTS.items():
            rows: list[Row] = getattr(self, name)
            if rows:
                write_rows(connection, statement, rows)
