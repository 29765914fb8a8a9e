"""Requests that are none: what is written when evidence speaks against the only messages that they have."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, or_, select, update

from responder.domain.disposition import Disposition, Reason
from responder.domain.plea import AddressSource
from responder.domain.request import RequestState
from responder.storage.ids import new_id
from responder.storage.schema import audit, messages, outbound, requests
from responder.storage.schema_desk import findings


def without_pleas(connection: Connection, request_ids: Collection[int], against: Collection[Reason]) -> set[int]:
    """Give those of the requests all of whose messages are silent for one of the reasons `against`."""
    is_plea = or_(messages.c.disposition == Disposition.ANSWER, messages.c.reason.not_in(against))
    has_plea = exists().where(messages.c.request_id == requests.c.id, is_plea)
    query = select(requests.c.id).where(requests.c.id.in_(request_ids), ~has_plea)
    return set(connection.execute(query).scalars())


def move_messages(connection: Connection, old_id: int, new_request_id: int) -> None:
    """Let everything that belongs to one request belong to another, and remove the first."""
    for table in (messages, outbound, findings):
        connection.execute(update(table).where(table.c.request_id == old_id).values(request_id=new_request_id))
    connection.execute(delete(requests).where(requests.c.id == old_id))


def set_refused(connection: Connection, message_id: int, key: bytes, source: AddressSource) -> None:
    """Write down which address a message is about."""
    values = {"refused_key": key, "address_source": source}
    connection.execute(update(messages).where(messages.c.id == message_id).values(values))


def note_shelved(connection: Connection, request_id: int, reason: Reason | None, at: datetime) -> None:
    """Note in the audit that a request was put on the shelf."""
    _note(connection, request_id, at, event="shelved", came_from=RequestState.WAITING, data={"reason": reason})


def note_joined(connection: Connection, request_id: int, reference: str, reason: Reason | None, at: datetime) -> None:
    """Note in the audit that the messages of another request, which had `reference`, joined a shelved one."""
    data = {"reference": reference, "reason": reason}
    _note(connection, request_id, at, event="joined", came_from=RequestState.SHELVED, data=data)


def _note(
    connection: Connection,
    request_id: int,
    at: datetime,
    *,
    event: str,
    came_from: RequestState,
    data: dict[str, Any],
) -> None:
    row = {
        "id": new_id(),
        "at": at,
        "actor_kind": "service",
        "subject_kind": "request",
        "subject_id": request_id,
        "event": event,
        "from_state": came_from,
        "to_state": RequestState.SHELVED,
        "data": data,
    }
    connection.execute(insert(audit).values(row))
