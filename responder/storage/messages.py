"""Messages that came, and their octets."""

import zlib
from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, Select, select

from responder.storage.paging import page
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
    equal = {messages.c.disposition: disposition, messages.c.reason: reason, messages.c.sender_key: sender_key}
    query = _query().where(*(column == value for column, value in equal.items() if value is not None))
    return connection.execute(page(query, messages.c.id, limit=limit, after=after)).mappings().all()


def find_message(connection: Connection, message_id: int) -> RowMapping | None:
    """Give one message, with its request's reference as `request`."""
    return connection.execute(_query().where(messages.c.id == message_id)).mappings().one_or_none()


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
