"""Answers that will not leave after all: what the messages that asked for them, and their requests, say of it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, exists, insert, select, update

from responder.domain.disposition import Disposition, Reason
from responder.domain.outbound import Kind, OutboundState
from responder.storage.ids import new_id
from responder.storage.schema import audit, messages, outbound, requests


def read_askers(connection: Connection, message_ids: Collection[int]) -> Sequence[RowMapping]:
    """Give of each message what its reply slot and counts were taken by, and its request's address as `about_key`."""
    columns = ("id", "request_id", "reference", "received_at", "sender_key", "client_key", "refused_key")
    about = requests.c.address_key.label("about_key")
    query = select(*(messages.c[name] for name in columns), about)
    query = query.outerjoin(requests, requests.c.id == messages.c.request_id).where(messages.c.id.in_(message_ids))
    return connection.execute(query.order_by(messages.c.id)).mappings().all()


def note_silence(connection: Connection, askers: Sequence[RowMapping], reason: Reason, at: datetime) -> None:
    """Mark messages as silent for `reason`, and those of their requests that got no answer at all as unanswered."""
    ids = [asker["id"] for asker in askers]
    values = {"disposition": Disposition.SILENT, "reason": reason}
    connection.execute(update(messages).where(messages.c.id.in_(ids)).values(values))
    answered = exists().where(
        outbound.c.request_id == requests.c.id,
        outbound.c.kind == Kind.REPLY,
        outbound.c.state.in_((OutboundState.QUEUED, OutboundState.SENT)),
    )
    request_ids = sorted({asker["request_id"] for asker in askers if asker["request_id"]})
    connection.execute(
        update(requests)
        .where(requests.c.id.in_(request_ids), requests.c.unanswered.is_(None), ~answered)
        .values(unanswered=reason, updated_at=at)
    )
    if rows := [_event(asker, reason, at) for asker in askers if asker["request_id"]]:
        connection.execute(insert(audit), rows)


def _event(asker: RowMapping, reason: Reason, at: datetime) -> dict[str, object]:
    return {
        "id": new_id(),
        "at": at,
        "actor_kind": "service",
        "actor_id": None,
        "subject_kind": "request",
        "subject_id": asker["request_id"],
        "event": "silenced",
        "from_state": None,
        "to_state": None,
        "data": {"reference": asker["reference"], "disposition": Disposition.SILENT, "reason": reason},
    }
