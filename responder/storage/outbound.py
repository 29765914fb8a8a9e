"""Messages that leave, left or failed, as people look at them."""

import zlib
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, literal_column, select

from responder.domain.outbound import OutboundState
from responder.storage.paging import page
from responder.storage.schema import outbound, outbound_contents, requests
from responder.storage.schema_desk import template_versions


def list_outbound(
    connection: Connection, *, limit: int, after: int | None = None, state: str | None = None
) -> Sequence[RowMapping]:
    """Give outbound messages, newest first, with their request's reference as `request`.

    Args:
        connection: where to read.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before.
        state: only those that are in it; None does not matter.
    """
    query = _query() if state is None else _query().where(_is_in(state))
    return connection.execute(page(query, outbound.c.id, limit=limit, after=after)).mappings().all()


def find_outbound(connection: Connection, outbound_id: int) -> RowMapping | None:
    """Give one outbound message, with its request as `request`, and `template_version` where staff wrote its words."""
    return connection.execute(_query().where(outbound.c.id == outbound_id)).mappings().one_or_none()


def find_content(connection: Connection, outbound_id: int) -> bytes | None:
    """Give the octets of an outbound message, None while it is not rendered."""
    query = select(outbound_contents.c.content).where(outbound_contents.c.outbound_id == outbound_id)
    kept = connection.execute(query).scalar_one_or_none()
    return None if kept is None else zlib.decompress(kept)


def outbound_of_request(connection: Connection, request_id: int) -> Sequence[RowMapping]:
    """Give what a request's sender was sent, in order, with its reference as `request`."""
    query = _query().where(outbound.c.request_id == request_id).order_by(outbound.c.id)
    return connection.execute(query).mappings().all()


def _is_in(state: str) -> ColumnElement[bool]:
    """Tell of a row whether it is in `state`.

    Most were sent: by id some of those are found soon. The few others are found by the partial indexes.
    """
    if state == OutboundState.SENT:
        return outbound.c.state == state
    some = outbound.alias()
    if state == OutboundState.QUEUED:
        found = select(some.c.id).where(some.c.state == literal_column(f"'{OutboundState.QUEUED}'"))
    else:
        found = select(some.c.id).where(some.c.state == state, some.c.settled_at.is_not(None))
    return outbound.c.id.in_(found)


def _query() -> Select[tuple[object, ...]]:
    request = requests.c.reference.label("request")
    edited = select(template_versions.c.version).where(template_versions.c.id == outbound.c.template_version_id)
    version = edited.scalar_subquery().label("template_version")
    return select(*outbound.c, request, version).outerjoin(requests, requests.c.id == outbound.c.request_id)
