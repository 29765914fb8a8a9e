"""Indexes by which the queue is walked: with what its filters look at, and of the messages that quote a refusal."""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_WALKED = ["state", "updated_at", "id", "software_product", "advice", "domain", "address_key", "unread"]
_QUOTES = text("rejection IS NOT NULL")


def upgrade() -> None:
    op.create_index("ix_requests_walk", "requests", _WALKED)
    op.drop_index("ix_requests_state_updated_at_id", "requests")
    op.create_index(
        "ix_messages_request_id_quoted", "messages", ["request_id"], sqlite_where=_QUOTES, postgresql_where=_QUOTES
    )
