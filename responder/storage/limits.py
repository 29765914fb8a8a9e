"""Reply slots and hourly counts."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, UpdateBase, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from responder.domain.limits import Answer, ReplySlot, Scope
from responder.storage.rows import read_rows, write_rows
from responder.storage.schema import rate_counts, reply_slots

Count = tuple[Scope, str]


def lock_slots(connection: Connection, sender_keys: Collection[str]) -> dict[str, ReplySlot]:
    """Give the slots of those senders that have one, locked until the transaction ends."""
    found = read_rows(connection, _SLOTS, {"senders": sender_keys})
    return {row["sender_key"]: _slot(row["answers"]) for row in found}


_SLOTS = (
    select(reply_slots.c.sender_key, reply_slots.c.answers)
    .where(reply_slots.c.sender_key.in_(bindparam("senders", expanding=True)))
    .order_by(reply_slots.c.sender_key)
    .with_for_update()
)


def store_slots(connection: Connection, slots: Mapping[str, ReplySlot], known: Collection[str]) -> None:
    """Store slots by sender; `known` holds the senders that `lock_slots` found.

    A slot that another node makes meanwhile is a collision, after which the whole transaction is to be done again.
    """
    rows = [
        {"sender": sender, "said": _answers(slot), "last": slot.answers[-1].at}
        for sender, slot in sorted(slots.items())
        if slot.answers
    ]
    emptied = [sender for sender, slot in slots.items() if not slot.answers and sender in known]
    if emptied:
        connection.execute(delete(reply_slots).where(reply_slots.c.sender_key.in_(emptied)))
    old = [row for row in rows if row["sender"] in known]
    new = [row for row in rows if row["sender"] not in known]
    if old:
        write_rows(connection, _CHANGE_SLOT, old)
    if new:
        write_rows(connection, _NEW_SLOT, new)


_SLOT: dict[str, Any] = {"answers": bindparam("said"), "answered_at": bindparam("last")}
_CHANGE_SLOT = update(reply_slots).where(reply_slots.c.sender_key == bindparam("sender")).values(**_SLOT)
_NEW_SLOT = insert(reply_slots).values(sender_key=bindparam("sender"), **_SLOT)


def _slot(answers: Iterable[tuple[str, float]]) -> ReplySlot:
    return ReplySlot(tuple(Answer(address, datetime.fromtimestamp(at, UTC)) for address, at in answers))


def _answers(slot: ReplySlot) -> list[tuple[str, float]]:
    return [(answer.address, answer.at.timestamp()) for answer in slot.answers]


def read_counts(connection: Connection, hour: datetime, wanted: Collection[Count]) -> dict[Count, int]:
    """Give the counts of one hour; those that are zero are left out."""
    keys = {scope.value: [key for one, key in wanted if one is scope] for scope in Scope}
    found = read_rows(connection, _COUNTS, keys, hour=hour)
    return {(Scope(row["scope"]), row["key"]): row["count"] for row in found}


def _has_key(scope: Scope) -> ColumnElement[bool]:
    return and_(rate_counts.c.scope == scope, rate_counts.c.key.in_(bindparam(scope.value, expanding=True)))


# Not one IN over pairs, for which SQLite walks the whole table.
_COUNTS = select(rate_counts.c.scope, rate_counts.c.key, rate_counts.c.count).where(
    rate_counts.c.hour_at == bindparam("hour"), or_(*map(_has_key, Scope))
)


def add_counts(connection: Connection, hour: datetime, added: Mapping[Count, int]) -> None:
    """Add to the counts of one hour, in an order that is the same on every node."""
    rows = [
        {"scope": scope, "key": key, "hour_at": hour, "count": more} for (scope, key), more in sorted(added.items())
    ]
    write_rows(connection, ADD_COUNT[connection.dialect.name], rows)


def _addition(new: postgresql.Insert | sqlite.Insert) -> UpdateBase:
    return new.on_conflict_do_update(
        index_elements=["scope", "key", "hour_at"], set_={"count": rate_counts.c.count + new.excluded.count}
    )


ADD_COUNT = {
    "postgresql": _addition(postgresql.insert(rate_counts)),
    "sqlite": _addition(sqlite.insert(rate_counts)),
}


def forget_limits(connection: Connection, *, counts_before: datetime, slots_before: datetime) -> None:
    """Forget counts of hours before one time, and senders whose last answer lies before the other."""
    connection.execute(delete(rate_counts).where(rate_counts.c.hour_at < counts_before))
    connection.execute(delete(reply_slots).where(reply_slots.c.answered_at < slots_before))
