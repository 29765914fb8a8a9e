"""Answers that wait for evidence, and requests that lack it.

An answer is queued for the time at which its evidence must be there at the latest. Whoever gathers the evidence makes
it due; if nobody does, it comes due by itself, so a process that dies here delays nothing and loses nothing. What a
limit holds up after that, as in a flood, is looked at while it waits.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, exists, func, literal_column, select, update

from responder.domain.outbound import Kind, OutboundState
from responder.domain.request import RequestState
from responder.storage.schema import messages, outbound, outbound_contents, requests
from responder.storage.schema_desk import findings

# Written out, not as a parameter: else the index of what waits cannot be used.
_IS_QUEUED = outbound.c.state == literal_column(f"'{OutboundState.QUEUED}'")
_LOOKED_AT = (RequestState.WAITING, RequestState.ASKED)


def claim_pending(
    connection: Connection, *, instance: str, limit: int, at: datetime, longest: timedelta
) -> Sequence[int]:
    """Claim up to `limit` answers that wait for evidence, those first that come due first; give their ids.

    `longest` is how long an answer waits for evidence at most: what is due later waits for something else.
    """
    query = _pending(at, longest).order_by(outbound.c.due_at, outbound.c.id).limit(limit)
    ids = connection.execute(query.with_for_update(skip_locked=True)).scalars().all()
    if ids:
        connection.execute(update(outbound).where(outbound.c.id.in_(ids)).values(claimed_by=instance))
    return ids


def is_any_pending(connection: Connection, at: datetime, longest: timedelta) -> bool:
    """Tell whether `claim_pending` would find something; it is asked often, and nothing is written for it."""
    return connection.execute(_pending(at, longest).limit(1)).first() is not None


def _pending(at: datetime, longest: timedelta) -> Select[Any]:
    return select(outbound.c.id).where(
        _IS_QUEUED,
        outbound.c.due_at > at,
        outbound.c.due_at <= at + longest,
        outbound.c.kind == Kind.REPLY,
        outbound.c.attempts == 0,
        outbound.c.claimed_by.is_(None),
    )


def make_due(connection: Connection, ids: Collection[int], instance: str, at: datetime) -> None:
    """Make answers due that `instance` claimed and that nobody has handed over yet."""
    mine = (outbound.c.id.in_(ids), _IS_QUEUED, outbound.c.claimed_by == instance, outbound.c.attempts == 0)
    connection.execute(update(outbound).where(*mine).values(claimed_by=None, due_at=at))


def find_late(connection: Connection, at: datetime, limit: int) -> Sequence[int]:
    """Give the ids of up to `limit` answers that came due without evidence and have not left: a limit holds them up.

    Those that come next come first. What staff queued is due when it is made, and is left alone, as is what was worded.
    """
    is_known = exists().where(
        findings.c.request_id == outbound.c.request_id, findings.c.message_id == outbound.c.message_id
    )
    query = (
        select(outbound.c.id)
        .where(
            _IS_QUEUED,
            outbound.c.due_at <= at,
            outbound.c.due_at > outbound.c.created_at,
            outbound.c.kind == Kind.REPLY,
            outbound.c.attempts == 0,
            ~exists().where(outbound_contents.c.outbound_id == outbound.c.id),
            ~is_known,
        )
        .order_by(outbound.c.due_at, outbound.c.id)
        .limit(limit)
    )
    return connection.execute(query).scalars().all()


def read_pending(connection: Connection, ids: Collection[int]) -> Sequence[RowMapping]:
    """Give what evidence is wanted about: message and request of each answer, its id as `outbound_id`, its `due_at`."""
    query = select(*_COLUMNS, outbound.c.id.label("outbound_id"), outbound.c.due_at).select_from(outbound)
    query = query.join(messages, messages.c.id == outbound.c.message_id)
    query = query.join(requests, requests.c.id == outbound.c.request_id).where(outbound.c.id.in_(ids))
    return connection.execute(query).mappings().all()


def find_unadvised(connection: Connection, since: datetime, before: datetime, limit: int) -> Sequence[RowMapping]:
    """Give open requests that have no advice, changed between two times, each with its newest message."""
    query = (
        select(requests.c.id)
        .where(
            requests.c.state.in_(_LOOKED_AT),
            requests.c.updated_at.between(since, before),
            requests.c.advice.is_(None),
        )
        .order_by(requests.c.updated_at)
        .limit(limit)
    )
    return read_requests(connection, connection.execute(query).scalars().all())


def read_requests(connection: Connection, request_ids: Collection[int]) -> Sequence[RowMapping]:
    """Give, as `read_pending` does, requests with their newest message; they have no `outbound_id` and `due_at`."""
    any_message = messages.alias()
    newest = select(func.max(any_message.c.id)).where(any_message.c.request_id == requests.c.id).scalar_subquery()
    query = select(*_COLUMNS, literal_column("NULL").label("outbound_id"), literal_column("NULL").label("due_at"))
    query = query.select_from(requests).join(messages, messages.c.id == newest)
    query = query.where(requests.c.id.in_(request_ids))
    return connection.execute(query).mappings().all()


def want_evidence(connection: Connection, request_ids: Collection[int]) -> None:
    """Mark that evidence about requests is wanted anew; what was found before stays."""
    wanted = update(requests).where(requests.c.id.in_(request_ids))
    connection.execute(wanted.values(advice=None, advice_reasons=[]))


_COLUMNS = (
    *(
        messages.c[name].label(f"message_{name}")
        for name in (
            "id",
            "received_at",
            "reverse_path",
            "header_from",
            "client_key",
            "client_source",
            "helo_name",
            "subject",
            "size",
            "refused_key",
            "address_source",
            "rejection",
        )
    ),
    *(
        requests.c[name].label(f"request_{name}")
        for name in ("id", "reference", "version", "sender_key", "address_key", "proof", "domain", "contact")
    ),
)
