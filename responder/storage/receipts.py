"""What was received lately, by the key that a repeat of it has as well."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from responder.storage.rows import read_rows
from responder.storage.schema import messages, receipts


def find_receipts(connection: Connection, keys: Collection[bytes]) -> dict[bytes, dict[str, Any]]:
    """Give what is known of those `keys` that were received: message_id, reference, disposition, reason."""
    return {bytes(row["key"]): row for row in read_rows(connection, _KNOWN, {"keys": keys})}


_KNOWN = (
    select(receipts, messages.c.disposition, messages.c.reason)
    .outerjoin(messages, messages.c.id == receipts.c.message_id)
    .where(receipts.c.key.in_(bindparam("keys", expanding=True)))
)


def count_repeats(connection: Connection, repeats: Mapping[int, int]) -> None:
    """Add to the repeats of messages, given by id."""
    statement = (
        update(messages)
        .where(messages.c.id == bindparam("message"))
        .values(repeats=messages.c.repeats + bindparam("more"))
    )
    rows = [{"message": message, "more": more} for message, more in sorted(repeats.items())]
    connection.execute(statement, rows)


def forget_receipts(connection: Connection, before: datetime) -> None:
    """Forget what was received before `before`: who repeats that is taken for new."""
    connection.execute(delete(receipts).where(receipts.c.received_at < before))
