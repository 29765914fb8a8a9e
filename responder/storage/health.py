"""Counts by which a person sees whether the service does its work."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, select

from responder.domain.disposition import Disposition, Reason
from responder.domain.outbound import OutboundState
from responder.storage.ids import first_id_at
from responder.storage.schema import messages, nodes, outbound, requests


@dataclass(frozen=True, slots=True)
class Health:
    """What happened since a moment, and what waits.

    Attributes:
        received: messages that came.
        limited: those of them whose senders never heard from us because of a limit; a conversation goes on without
            automatic answers, and is none of these.
        failed: outbound messages that were given up.
        overdue: outbound messages that should have been tried and were not.
        newest_at: when the newest message came, None before the first.
        nodes: processes seen lately.
    """

    received: int
    limited: int
    failed: int
    overdue: int
    newest_at: datetime | None
    nodes: int


def read_health(connection: Connection, *, since: datetime, now: datetime, patience: timedelta) -> Health:
    """Count what happened since `since`, and what waits or was seen for longer than `patience` before `now`."""
    new = messages.c.id >= first_id_at(since)
    is_limited = (messages.c.disposition == Disposition.SILENT, messages.c.reason == Reason.REPLY_LIMIT)
    never_answered = exists().where(requests.c.id == messages.c.request_id, requests.c.unanswered == Reason.REPLY_LIMIT)
    failed = (outbound.c.state == OutboundState.FAILED, outbound.c.settled_at >= since)
    overdue = (outbound.c.state == OutboundState.QUEUED, outbound.c.due_at < now - patience)

    def count(*conditions: object) -> int:
        return connection.execute(select(func.count()).where(*conditions)).scalar_one()  # type: ignore[arg-type]

    newest = select(messages.c.received_at).order_by(messages.c.id.desc()).limit(1)
    return Health(
        received=count(new),
        limited=count(new, *is_limited, never_answered),
        failed=count(*failed),
        overdue=count(*overdue),
        newest_at=connection.execute(newest).scalar_one_or_none(),
        nodes=count(nodes.c.seen_at >= now - patience),
    )
