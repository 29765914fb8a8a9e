"""What happened to a request, a message or an exemption; only ever added to."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from responder.storage.schema import audit


def timeline(connection: Connection, subject_kind: str, subject_id: int) -> Sequence[RowMapping]:
    """Give the events of one subject, oldest first."""
    query = select(audit).where(audit.c.subject_kind == subject_kind, audit.c.subject_id == subject_id)
    return connection.execute(query.order_by(audit.c.id)).mappings().all()
