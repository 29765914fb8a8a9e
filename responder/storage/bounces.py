"""Messages of ours that came back."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from responder.domain.outbound import OutboundState
from responder.storage.schema import outbound, requests


def mark_bounced(connection: Connection, message_ids: Collection[str], at: datetime) -> Sequence[RowMapping]:
    """Mark messages that had left as bounced and their requests as unread; gives `id`, `kind` and `request_id`.

    A report may be quicker than the relay's word reaches the database, so a message that some process has in hand
    counts as one that left.
    """
    left = (outbound.c.state == OutboundState.SENT) | (
        (outbound.c.state == OutboundState.QUEUED) & outbound.c.claimed_by.is_not(None)
    )
    query = select(outbound.c.id, outbound.c.kind, outbound.c.request_id).where(
        outbound.c.message_id_header.in_(message_ids), left
    )
    found = connection.execute(query.order_by(outbound.c.id).with_for_update()).mappings().all()
    ids = [row["id"] for row in found]
    connection.execute(update(outbound).where(outbound.c.id.in_(ids)).values(state=OutboundState.BOUNCED))
    cases = {row["request_id"] for row in found if row["request_id"]}
    connection.execute(update(requests).where(requests.c.id.in_(cases)).values(unread=True, updated_at=at))
    return found
