"""The tables that a message passes through, with keys and indexes; the migrations build the same (a test compares).

Ids are 64-bit, time-ordered and given by the application. `_at` columns are instants, `_key` columns 16 bytes
(`responder.domain.address.ip_key`) or a digest, enumerations are text with a check.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.types import JSON

from responder.domain.disposition import Disposition, Reason
from responder.domain.envelope import ClientSource, RecipientKind
from responder.domain.outbound import Kind, OutboundState
from responder.domain.plea import AddressSource, Certainty, Proof
from responder.domain.request import DECIDED_STATES, RequestState
from responder.storage.columns import (
    at_column,
    big_column,
    bytes_column,
    enum_column,
    id_column,
    int_column,
    metadata,
    partial_index,
    text_column,
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    at_column("received_at"),
    text_column("node"),
    big_column("request_id", nullable=True),
    text_column("reference"),
    enum_column("rcpt_kind", RecipientKind),
    Column("recipients", JSON, nullable=False),
    text_column("reverse_path"),
    text_column("sender_key"),
    text_column("header_from"),
    bytes_column("client_key", nullable=True),
    enum_column("client_source", ClientSource),
    text_column("helo_name"),
    Column("tls", Boolean, nullable=False),
    text_column("message_id_header", nullable=True),
    Column("message_references", JSON, nullable=False),
    text_column("subject"),
    int_column("size"),
    enum_column("disposition", Disposition),
    enum_column("reason", Reason, nullable=True),
    bytes_column("refused_key", nullable=True),
    enum_column("address_source", AddressSource, nullable=True),
    Column("rejection", JSON(none_as_null=True), nullable=True),
    text_column("software_product", nullable=True),
    text_column("software_version", nullable=True),
    text_column("software_name", nullable=True),
    enum_column("software_certainty", Certainty, nullable=True),
    text_column("software_evidence", nullable=True),
    text_column("locale"),
    int_column("repeats"),
    Index("uq_messages_reference", "reference", unique=True),
    Index(None, "request_id", "id"),
    Index(None, "sender_key", "id"),
    Index(None, "disposition", "reason", "id"),
    Index(None, "client_key", "id"),
    Index(None, "refused_key", "id"),
    Index(
        "ix_messages_request_id_quoted",
        "request_id",
        sqlite_where=text("rejection IS NOT NULL"),
        postgresql_where=text("rejection IS NOT NULL"),
    ),
)

# Partitioned by id on PostgreSQL, so it has no foreign key and its only unique key is the partition column.
raw_messages = Table(
    "raw_messages",
    metadata,
    id_column("message_id"),
    bytes_column("raw"),
    postgresql_partition_by="RANGE (message_id)",
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    big_column("message_id"),
    text_column("reference"),
    at_column("received_at"),
    Index(None, "received_at"),
    sqlite_with_rowid=False,
)

WALKED = ("software_product", "advice", "domain", "address_key", "unread")
# What a query has to say in these words for SQLite to use the index of decided requests whose sender wrote again.
DECIDED_UNREAD = f"unread AND state IN ({', '.join(repr(state.value) for state in DECIDED_STATES)})"

requests = Table(
    "requests",
    metadata,
    id_column(),
    text_column("reference"),
    text_column("reply_token"),
    enum_column("state", RequestState),
    int_column("version"),
    bytes_column("open_key", nullable=True),
    enum_column("unanswered", Reason, nullable=True),
    Column("unread", Boolean, nullable=False),
    at_column("opened_at"),
    at_column("updated_at"),
    text_column("sender_key"),
    text_column("contact"),
    text_column("domain"),
    bytes_column("address_key", nullable=True),
    Column("networks", JSON, nullable=False),
    enum_column("address_source", AddressSource, nullable=True),
    bytes_column("client_key", nullable=True),
    enum_column("proof", Proof),
    text_column("software_product", nullable=True),
    text_column("software_version", nullable=True),
    text_column("locale"),
    text_column("subject"),
    enum_column("advice", ("static", "dynamic", "unclear", "not-ours", "not-refused-now"), nullable=True),
    Column("advice_reasons", JSON, nullable=False),
    big_column("assignee_id", nullable=True),
    int_column("message_count"),
    at_column("lapse_at", nullable=True),
    at_column("decided_at", nullable=True),
    text_column("decided_by", nullable=True),
    Index("uq_requests_reference", "reference", unique=True),
    Index("uq_requests_reply_token", "reply_token", unique=True),
    Index("uq_requests_open_key", "open_key", unique=True),
    # Lists walk each state in this order; what filters look at stands behind it, so that no row is fetched for that.
    Index("ix_requests_walk", "state", "updated_at", "id", *WALKED),
    # Few of very many, so that walking to them would take the longer the fewer they are.
    Index(
        "ix_requests_decided_unread",
        "state",
        "updated_at",
        "id",
        *WALKED,
        sqlite_where=text(DECIDED_UNREAD),
        postgresql_where=text(DECIDED_UNREAD),
    ),
    Index(None, "address_key", "id"),
    Index(None, "domain", "id"),
    Index(None, "contact", "id"),
    partial_index("assignee_id IS NOT NULL", "assignee_id", "state", "updated_at", "id"),
    Index(None, "software_product", "id"),
    partial_index("advice IS NOT NULL", "advice", "state", "id"),
)

outbound = Table(
    "outbound",
    metadata,
    id_column(),
    enum_column("kind", Kind),
    big_column("request_id", nullable=True),
    big_column("message_id", nullable=True),
    text_column("recipient"),
    text_column("envelope_sender"),
    text_column("message_id_header"),
    text_column("template"),
    big_column("template_version_id", nullable=True),
    text_column("locale"),
    enum_column("state", OutboundState),
    text_column("reason", nullable=True),
    int_column("attempts"),
    at_column("created_at"),
    at_column("due_at"),
    at_column("give_up_at"),
    text_column("claimed_by", nullable=True),
    at_column("settled_at", nullable=True),
    int_column("last_code", nullable=True),
    text_column("last_text", nullable=True),
    Index("uq_outbound_message_id_header", "message_id_header", unique=True),
    Index(
        "uq_outbound_message_id_reply",
        "message_id",
        unique=True,
        sqlite_where=text("kind = 'reply'"),
        postgresql_where=text("kind = 'reply'"),
    ),
    Index(
        "ix_outbound_due_at_id",
        "due_at",
        "id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(None, "request_id", "id"),
    # Without what waits: SQLite, which keeps no statistics unless told to, would look for that here.
    Index(
        "ix_outbound_state_settled_at_id",
        "state",
        "settled_at",
        "id",
        sqlite_where=text("settled_at IS NOT NULL"),
        postgresql_where=text("settled_at IS NOT NULL"),
    ),
)

outbound_contents = Table(
    "outbound_contents",
    metadata,
    id_column("outbound_id"),
    bytes_column("content"),
    postgresql_partition_by="RANGE (outbound_id)",
)

reply_slots = Table(
    "reply_slots",
    metadata,
    Column("sender_key", Text, primary_key=True),
    Column("answers", JSON, nullable=False),
    at_column("answered_at"),
    Index(None, "answered_at"),
    sqlite_with_rowid=False,
)

rate_counts = Table(
    "rate_counts",
    metadata,
    text_column("scope"),
    text_column("key"),
    at_column("hour_at"),
    int_column("count"),
    PrimaryKeyConstraint("scope", "key", "hour_at"),
    Index(None, "hour_at"),
    sqlite_with_rowid=False,
)

# Nothing wider than these prefixes can be stored, whatever the settings or the program say.
_HARD_MINIMUM_PREFIX = (
    "(family = 4 AND prefix_length BETWEEN 16 AND 32) OR (family = 6 AND prefix_length BETWEEN 32 AND 128)"
)

exemptions = Table(
    "exemptions",
    metadata,
    id_column(),
    Column("request_id", BigInteger, ForeignKey("requests.id"), nullable=True),
    int_column("family"),
    bytes_column("first_key"),
    bytes_column("last_key"),
    int_column("prefix_length"),
    text_column("reason"),
    at_column("created_at"),
    text_column("created_by"),
    at_column("expires_at"),
    at_column("revoked_at", nullable=True),
    text_column("revoked_by", nullable=True),
    at_column("warned_at", nullable=True),
    at_column("last_used_at", nullable=True),
    int_column("uses"),
    CheckConstraint(_HARD_MINIMUM_PREFIX, name="hard_minimum_prefix"),
    Index(
        "uq_exemptions_first_key_last_key",
        "first_key",
        "last_key",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
    Index(None, "expires_at"),
    Index(None, "request_id"),
)

blocked_senders = Table(
    "blocked_senders",
    metadata,
    Column("pattern", Text, primary_key=True),
    text_column("reason"),
    at_column("created_at"),
    text_column("created_by"),
)

serials = Table("serials", metadata, Column("name", Text, primary_key=True), big_column("value"))

audit = Table(
    "audit",
    metadata,
    id_column(),
    at_column("at"),
    enum_column("actor_kind", ("service", "staff", "token", "operator")),
    text_column("actor_id", nullable=True),
    text_column("subject_kind"),
    big_column("subject_id"),
    text_column("event"),
    text_column("from_state", nullable=True),
    text_column("to_state", nullable=True),
    Column("data", JSON, nullable=False),
    Index(None, "subject_kind", "subject_id", "id"),
    Index(None, "actor_id", "id"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("instance", Text, primary_key=True),
    text_column("name"),
    text_column("faces"),
    text_column("version"),
    at_column("started_at"),
    at_column("seen_at"),
    big_column("exemptions_serial"),
)

secrets = Table("secrets", metadata, Column("name", Text, primary_key=True), bytes_column("value"))
