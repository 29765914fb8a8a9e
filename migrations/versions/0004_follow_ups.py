"""An index of the decided requests whose sender wrote again: the fewer there are, the longer they were looked for."""

from alembic import op
from sqlalchemy import text

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = ["state", "updated_at", "id", "software_product", "advice", "domain", "address_key", "unread"]
_DECIDED_UNREAD = text("unread AND state IN ('approved', 'denied', 'lapsed')")


def upgrade() -> None:
    op.create_index(
        "ix_requests_decided_unread",
        "requests",
        _COLUMNS,
        sqlite_where=_DECIDED_UNREAD,
        postgresql_where=_DECIDED_UNREAD,
    )
