"""What happened to a request, a message or an exemption, and who did it; only ever added to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from responder.domain.actor import Actor
from responder.storage.ids import new_id
from responder.storage.paging import page
from responder.storage.schema import audit


def timeline(connection: Connection, subject_kind: str, subject_id: int) -> Sequence[RowMapping]:
    """Give the events of one subject, oldest first."""
    query = select(audit).where(audit.c.subject_kind == subject_kind, audit.c.subject_id == subject_id)
    return connection.execute(query.order_by(audit.c.id)).mappings().all()


def find_newest(
    connection: Connection, subject_kind: str, subject_id: int, *, events: Sequence[str], limit: int
) -> Sequence[RowMapping]:
    """Give the newest of these events of one subject, newest first."""
    query = select(audit).where(
        audit.c.subject_kind == subject_kind, audit.c.subject_id == subject_id, audit.c.event.in_(events)
    )
    return connection.execute(query.order_by(audit.c.id.desc()).limit(limit)).mappings().all()


def list_events(
    connection: Connection, *, actor_id: str | None = None, limit: int, after: int | None = None
) -> Sequence[RowMapping]:
    """Give events, newest first; those of one actor where `actor_id` is given.

    Args:
        connection: where to read.
        actor_id: a login.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before.
    """
    query = select(audit)
    if actor_id is not None:
        query = query.where(audit.c.actor_id == actor_id)
    return connection.execute(page(query, audit.c.id, limit=limit, after=after)).mappings().all()


def note_event(
    connection: Connection,
    subject: tuple[str, int],
    event: str,
    actor: Actor,
    at: datetime,
    *,
    states: tuple[str | None, str | None] = (None, None),
    data: dict[str, Any] | None = None,
) -> None:
    """Write down what happened.

    Args:
        connection: where to write.
        subject: to what: its kind and id.
        event: in a word.
        actor: who did it.
        at: when.
        states: from which state and to which, where there are any.
        data: what else there is to know, as JSON takes it.
    """
    row = {
        "id": new_id(),
        "at": at,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "event": event,
        "from_state": states[0],
        "to_state": states[1],
        "data": data or {},
    }
    connection.execute(insert(audit).values(row))
