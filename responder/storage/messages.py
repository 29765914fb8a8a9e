"""Messages that came, and their octets."""

import zlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

from responder.domain.disposition import Disposition
from responder.storage.paging import page
from responder.storage.requests import unindexed
from responder.storage.schema import messages, raw_messages, requests

# Most text shrinks to a third at the first level; the higher ones take several times as long for a tenth more.
_COMPRESSION_LEVEL = 1


def compress(raw: bytes) -> bytes:
    """Give what the table keeps of `raw`."""
    return zlib.compress(raw, _COMPRESSION_LEVEL)


def list_messages(
    connection: Connection,
    *,
    limit: int,
    after: int | None = None,
    disposition: str | None = None,
    reason: str | None = None,
    sender_key: str | None = None,
) -> Sequence[RowMapping]:
    """Give messages, newest first, with their request's reference as `request`.

    Args:
        connection: where to read.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before.
        disposition: only those with it; None does not matter, nor below.
        reason: only those that are silent for it.
        sender_key: only those of this sender (`responder.domain.address.sender_key`).
    """
    conditions = _outcome(disposition, reason, is_indexed=sender_key is None)
    if sender_key is not None:
        conditions.append(messages.c.sender_key == sender_key)
    query = _query().where(*conditions)
    return connection.execute(page(query, messages.c.id, limit=limit, after=after)).mappings().all()


def _outcome(disposition: str | None, reason: str | None, *, is_indexed: bool) -> list[ColumnElement[bool]]:
    """Give the conditions of what became of messages; the index has the newest first only under one reason, or none."""
    disposed: ColumnElement[str] = messages.c.disposition
    reasoned: ColumnElement[str | None] = messages.c.reason
    if not is_indexed or (disposition == Disposition.SILENT and reason is None):
        disposed, reasoned = unindexed(disposed), unindexed(reasoned)
    found: list[ColumnElement[bool]] = []
    if disposition is not None:
        found.append(disposed == disposition)
    if reason is not None:
        found += [disposed == Disposition.SILENT, reasoned == reason]
    elif disposition == Disposition.ANSWER:
        found.append(reasoned.is_(None))
    return found


def find_message(connection: Connection, message_id: int) -> RowMapping | None:
    """Give one message, with its request's reference as `request`."""
    return connection.execute(_query().where(messages.c.id == message_id)).mappings().one_or_none()


def find_by_reference(connection: Connection, reference: str) -> RowMapping | None:
    """Give the message whose own `reference`, as it is stored, this is, with its request's as `request`."""
    return connection.execute(_query().where(messages.c.reference == reference)).mappings().one_or_none()


def find_raw(connection: Connection, message_id: int) -> bytes | None:
    """Give the octets that were kept of a message, None when there are none (any more)."""
    query = select(raw_messages.c.raw).where(raw_messages.c.message_id == message_id)
    kept = connection.execute(query).scalar_one_or_none()
    return None if kept is None else zlib.decompress(kept)


def messages_of_request(connection: Connection, request_id: int) -> Sequence[RowMapping]:
    """Give a request's messages in the order in which they came, with its reference as `request`."""
    query = _query().where(messages.c.request_id == request_id).order_by(messages.c.id)
    return connection.execute(query).mappings().all()


def _query() -> Select[tuple[object, ...]]:
    request = requests.c.reference.label("request")
    return select(*messages.c, request).outerjoin(requests, requests.c.id == messages.c.request_id)
