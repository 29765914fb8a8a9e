"""What decisions read and write: the request itself, and the messages to its sender."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, or_, select, update

from responder.domain.disposition import Disposition
from responder.domain.outbound import Kind, OutboundState
from responder.domain.request import RequestState
from responder.storage.requests import find_request
from responder.storage.schema import messages, outbound, requests
from responder.storage.schema_desk import decision_keys, outbound_data


def lock_request(connection: Connection, reference: str) -> RowMapping | None:
    """Give the request that `reference` names, locked until the transaction ends."""
    found = find_request(connection, reference)
    return None if found is None else lock_request_by_id(connection, found["id"])


def lock_request_by_id(connection: Connection, request_id: int) -> RowMapping | None:
    """Give a request, locked until the transaction ends."""
    query = select(requests).where(requests.c.id == request_id).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def change_request(connection: Connection, request_id: int, **values: Any) -> None:
    """Set columns of a request."""
    connection.execute(update(requests).where(requests.c.id == request_id).values(**values))


def has_open_key(connection: Connection, key: bytes) -> bool:
    """Tell whether some request has the open key `key`."""
    return connection.execute(select(requests.c.id).where(requests.c.open_key == key)).first() is not None


def find_due_to_lapse(connection: Connection, at: datetime, limit: int) -> list[int]:
    """Give the ids of requests whose question should have been answered by `at`."""
    query = select(requests.c.id).where(requests.c.state == RequestState.ASKED, requests.c.lapse_at <= at)
    return list(connection.execute(query.order_by(requests.c.updated_at).limit(limit)).scalars())


def find_correspondence(connection: Connection, request_id: int, sender_key: str) -> RowMapping | None:
    """Give `id`, `reverse_path` and `locale` of the newest message that a request's sender can be answered for."""
    query = (
        select(messages.c.id, messages.c.reverse_path, messages.c.locale)
        .where(messages.c.request_id == request_id, messages.c.sender_key == sender_key, messages.c.reverse_path != "")
        .order_by(messages.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()


def add_outbound(connection: Connection, data: dict[str, Any] | None, **values: Any) -> None:
    """Queue a message to a sender; `data` is what it says of a decision, `values` are its columns."""
    row = {"state": OutboundState.QUEUED, "attempts": 0, "template_version_id": None} | values
    connection.execute(insert(outbound).values(row))
    if data is not None:
        connection.execute(insert(outbound_data).values(outbound_id=values["id"], data=data))


def find_waiting(connection: Connection, request_id: int) -> list[int]:
    """Give the ids of everything that waits to leave for a request."""
    waits = (outbound.c.request_id == request_id, outbound.c.state == OutboundState.QUEUED)
    return list(connection.execute(select(outbound.c.id).where(*waits).order_by(outbound.c.id)).scalars())


def withdraw_untried(
    connection: Connection, request_id: int, kinds: Collection[Kind], reason: str, at: datetime
) -> None:
    """Cancel what is queued for a request and was never tried."""
    waits = (outbound.c.state == OutboundState.QUEUED, outbound.c.attempts == 0)
    connection.execute(
        update(outbound)
        .where(outbound.c.request_id == request_id, outbound.c.kind.in_(kinds), *waits)
        .values(state=OutboundState.CANCELLED, reason=reason, settled_at=at)
    )


def withdraw_notice(connection: Connection, outbound_id: int, reason: str, at: datetime) -> bool:
    """Cancel a message that was never tried; tell whether it has not left and will not."""
    idle = (outbound.c.state == OutboundState.QUEUED) & (outbound.c.attempts == 0)
    done = outbound.c.state == OutboundState.CANCELLED
    changed = update(outbound).where(outbound.c.id == outbound_id, or_(idle, done))
    values = {"state": OutboundState.CANCELLED, "reason": reason, "settled_at": at}
    return connection.execute(changed.values(values)).rowcount > 0


def find_reply(connection: Connection, message_id: int) -> RowMapping | None:
    """Give the automatic answer to a message, None when there never was one."""
    query = select(outbound).where(outbound.c.message_id == message_id, outbound.c.kind == Kind.REPLY)
    return connection.execute(query.with_for_update()).mappings().one_or_none()


def requeue_reply(connection: Connection, outbound_id: int, at: datetime, give_up_at: datetime) -> None:
    """Let an automatic answer that was cancelled leave after all."""
    values = {
        "state": OutboundState.QUEUED,
        "reason": None,
        "attempts": 0,
        "due_at": at,
        "give_up_at": give_up_at,
        "settled_at": None,
        "claimed_by": None,
    }
    connection.execute(update(outbound).where(outbound.c.id == outbound_id).values(values))


def mark_answered(connection: Connection, message_id: int) -> None:
    """Say of a message that it is answered after all."""
    values = {"disposition": Disposition.ANSWER, "reason": None}
    connection.execute(update(messages).where(messages.c.id == message_id).values(values))


def find_outcome(connection: Connection, actor: str, key: str) -> RowMapping | None:
    """Give what was answered under an idempotency key of `actor`, None when it is new."""
    query = select(decision_keys).where(decision_keys.c.actor == actor, decision_keys.c.key == key)
    return connection.execute(query).mappings().one_or_none()


def keep_outcome(
    connection: Connection, *, actor: str, key: str, body_sha256: bytes, response: dict[str, Any], at: datetime
) -> None:
    """Keep what was answered under an idempotency key."""
    row = {"actor": actor, "key": key, "body_sha256": body_sha256, "response": response, "created_at": at}
    connection.execute(insert(decision_keys).values(row))


def forget_outcomes(connection: Connection, before: datetime) -> None:
    """Forget idempotency keys that were used before then."""
    connection.execute(decision_keys.delete().where(decision_keys.c.created_at < before))
