"""What is forgotten: octets past their time, and everything about people whose request is long over."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, text

from responder.domain.outbound import OutboundState
from responder.domain.request import OPEN_STATES, RequestState
from responder.storage.ids import first_id_at
from responder.storage.schema import audit, exemptions, messages, outbound, outbound_contents, raw_messages, requests
from responder.storage.schema_desk import findings, outbound_data

# Pages that SQLite gives back to the disk after each piece of work, so that no single one takes long.
_PAGES_GIVEN_BACK = 500
_TEXT_KEY = {"sqlite": "rowid", "postgresql": "request_id"}


def forget_octets(connection: Connection, before: datetime, limit: int) -> int:
    """Delete the octets of up to `limit` messages that came, and as many that left, before the aware time `before`.

    What they said of themselves stays. An outbound message that still waits keeps its octets. Gives how many went.
    """
    oldest = first_id_at(before)
    raw = select(raw_messages.c.message_id).where(raw_messages.c.message_id < oldest).limit(limit)
    content = (
        select(outbound_contents.c.outbound_id)
        .join(outbound, outbound.c.id == outbound_contents.c.outbound_id, isouter=True)
        .where(outbound_contents.c.outbound_id < oldest)
        .where(or_(outbound.c.state.is_(None), outbound.c.state != OutboundState.QUEUED))
        .limit(limit)
    )
    came = connection.execute(delete(raw_messages).where(raw_messages.c.message_id.in_(raw))).rowcount
    left = connection.execute(delete(outbound_contents).where(outbound_contents.c.outbound_id.in_(content))).rowcount
    _give_back(connection)
    return came + left


def count_forgettable(connection: Connection, before: datetime, now: datetime) -> tuple[int, int]:
    """Give how many messages and how many requests `forget_messages` and `forget_requests` would delete in all."""
    of_messages = select(func.count()).select_from(messages.outerjoin(requests, requests.c.id == messages.c.request_id))
    came = connection.execute(of_messages.where(_is_over_message(before, now))).scalar_one()
    asked = connection.execute(select(func.count()).select_from(requests).where(_is_over(before, now))).scalar_one()
    return came, asked


def forget_messages(
    connection: Connection, before: datetime, now: datetime, *, after: int, limit: int
) -> tuple[int, int]:
    """Delete up to `limit` messages that are over, with the answers to them; give how many and the last one's id.

    Over is a message from before the aware time `before` that is shelved, or of a request that is over.
    """
    query = select(messages.c.id).outerjoin(requests, requests.c.id == messages.c.request_id)
    query = query.where(messages.c.id > after, _is_over_message(before, now)).order_by(messages.c.id).limit(limit)
    ids = connection.execute(query).scalars().all()
    if ids:
        _delete_outbound(connection, outbound.c.message_id.in_(ids))
        connection.execute(delete(raw_messages).where(raw_messages.c.message_id.in_(ids)))
        connection.execute(delete(messages).where(messages.c.id.in_(ids)))
        _give_back(connection)
    return len(ids), ids[-1] if ids else after


def forget_requests(connection: Connection, before: datetime, now: datetime, limit: int) -> int:
    """Delete up to `limit` requests that are over, with all that hangs on them; give how many.

    Over is a request that is closed, has not changed since the aware time `before`, and holds no exemption that is
    active at `now`.
    """
    query = select(requests.c.id).where(_is_over(before, now)).order_by(requests.c.id).limit(limit)
    ids = connection.execute(query).scalars().all()
    if ids:
        _delete_requests(connection, ids)
        _give_back(connection)
    return len(ids)


def _delete_requests(connection: Connection, ids: Sequence[int]) -> None:
    granted = connection.execute(select(exemptions.c.id).where(exemptions.c.request_id.in_(ids))).scalars().all()
    for kind, subjects in (("request", ids), ("exemption", granted)):
        condition = and_(audit.c.subject_kind == kind, audit.c.subject_id.in_(subjects))
        connection.execute(delete(audit).where(condition))
    connection.execute(delete(exemptions).where(exemptions.c.id.in_(granted)))
    connection.execute(delete(findings).where(findings.c.request_id.in_(ids)))
    key = _TEXT_KEY[connection.dialect.name]
    statement = text(f"DELETE FROM request_texts WHERE {key} = :id")  # noqa: S608 - the key is one of two of ours
    connection.execute(statement, [{"id": number} for number in ids])
    _delete_outbound(connection, outbound.c.request_id.in_(ids))
    came = select(messages.c.id).where(messages.c.request_id.in_(ids))
    connection.execute(delete(raw_messages).where(raw_messages.c.message_id.in_(came)))
    connection.execute(delete(messages).where(messages.c.request_id.in_(ids)))
    connection.execute(delete(requests).where(requests.c.id.in_(ids)))


def _delete_outbound(connection: Connection, condition: ColumnElement[bool]) -> None:
    ids = connection.execute(select(outbound.c.id).where(condition)).scalars().all()
    connection.execute(delete(outbound_data).where(outbound_data.c.outbound_id.in_(ids)))
    connection.execute(delete(outbound_contents).where(outbound_contents.c.outbound_id.in_(ids)))
    connection.execute(delete(outbound).where(outbound.c.id.in_(ids)))


def _is_over(before: datetime, now: datetime) -> ColumnElement[bool]:
    """Give the condition that a request is closed for long and holds no active exemption."""
    active = exists().where(
        exemptions.c.request_id == requests.c.id, exemptions.c.revoked_at.is_(None), exemptions.c.expires_at > now
    )
    return and_(requests.c.state.not_in(OPEN_STATES), requests.c.updated_at < before, ~active)


def _is_over_message(before: datetime, now: datetime) -> ColumnElement[bool]:
    is_shelved = or_(requests.c.id.is_(None), requests.c.state == RequestState.SHELVED)
    return and_(messages.c.id < first_id_at(before), or_(is_shelved, _is_over(before, now)))


def _give_back(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        free: int = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        # Python's driver takes one step of this statement, and each step gives back one page.
        for _ in range(min(free, _PAGES_GIVEN_BACK)):
            connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
