"""Every table, with its keys and indexes; the migrations build the same (a test compares them).

Ids are 64-bit, time-ordered and given by the application. `_at` columns are instants, `_key` columns 16 bytes
(`responder.domain.address.ip_key`) or a digest, enumerations are text with a check.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
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
from responder.domain.request import RequestState
from responder.storage.instants import UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id") -> Column[int]:
    # SQLite keeps a table in the order of an INTEGER key without an index beside it; that type is 64 bits wide there.
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def _enum(name: str, values: type[StrEnum] | Iterable[str], *, nullable: bool = False) -> Column[str]:
    """Give a text column that takes only `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Column(name, Text, CheckConstraint(f"{name} IN ({listed})", name=name), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _partial_index(condition: str, *columns: str) -> Index:
    """Give an index over the rows where `condition` holds: most rows of a flood have none of it, and pay nothing."""
    return Index(None, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


messages = Table(
    "messages",
    metadata,
    _id(),
    _at("received_at"),
    _text("node"),
    _big("request_id", nullable=True),
    _text("reference"),
    _enum("rcpt_kind", RecipientKind),
    Column("recipients", JSON, nullable=False),
    _text("reverse_path"),
    _text("sender_key"),
    _text("header_from"),
    _bytes("client_key", nullable=True),
    _enum("client_source", ClientSource),
    _text("helo_name"),
    Column("tls", Boolean, nullable=False),
    _text("message_id_header", nullable=True),
    Column("message_references", JSON, nullable=False),
    _text("subject"),
    _int("size"),
    _enum("disposition", Disposition),
    _enum("reason", Reason, nullable=True),
    _bytes("refused_key", nullable=True),
    _enum("address_source", AddressSource, nullable=True),
    Column("rejection", JSON(none_as_null=True), nullable=True),
    _text("software_product", nullable=True),
    _text("software_version", nullable=True),
    _text("software_name", nullable=True),
    _enum("software_certainty", Certainty, nullable=True),
    _text("software_evidence", nullable=True),
    _text("locale"),
    _int("repeats"),
    Index("uq_messages_reference", "reference", unique=True),
    Index(None, "request_id", "id"),
    Index(None, "sender_key", "id"),
    Index(None, "disposition", "reason", "id"),
    Index(None, "client_key", "id"),
    Index(None, "refused_key", "id"),
)

# Partitioned by id on PostgreSQL, so it has no foreign key and its only unique key is the partition column.
raw_messages = Table(
    "raw_messages",
    metadata,
    _id("message_id"),
    _bytes("raw"),
    postgresql_partition_by="RANGE (message_id)",
)

receipts = Table(
    "receipts",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    _big("message_id"),
    _text("reference"),
    _at("received_at"),
    Index(None, "received_at"),
    sqlite_with_rowid=False,
)

requests = Table(
    "requests",
    metadata,
    _id(),
    _text("reference"),
    _text("reply_token"),
    _enum("state", RequestState),
    _int("version"),
    _bytes("open_key", nullable=True),
    _enum("unanswered", Reason, nullable=True),
    Column("unread", Boolean, nullable=False),
    _at("opened_at"),
    _at("updated_at"),
    _text("sender_key"),
    _text("contact"),
    _text("domain"),
    _bytes("address_key", nullable=True),
    Column("networks", JSON, nullable=False),
    _enum("address_source", AddressSource, nullable=True),
    _bytes("client_key", nullable=True),
    _enum("proof", Proof),
    _text("software_product", nullable=True),
    _text("software_version", nullable=True),
    _text("locale"),
    _text("subject"),
    _enum("advice", ("static", "dynamic", "unclear", "not-ours", "not-refused-now"), nullable=True),
    Column("advice_reasons", JSON, nullable=False),
    _big("assignee_id", nullable=True),
    _int("message_count"),
    _at("lapse_at", nullable=True),
    _at("decided_at", nullable=True),
    _text("decided_by", nullable=True),
    Index("uq_requests_reference", "reference", unique=True),
    Index("uq_requests_reply_token", "reply_token", unique=True),
    Index("uq_requests_open_key", "open_key", unique=True),
    Index(None, "state", "updated_at", "id"),
    Index(None, "address_key", "id"),
    Index(None, "domain", "id"),
    Index(None, "contact", "id"),
    _partial_index("assignee_id IS NOT NULL", "assignee_id", "state", "updated_at", "id"),
    Index(None, "software_product", "id"),
    _partial_index("advice IS NOT NULL", "advice", "state", "id"),
)

outbound = Table(
    "outbound",
    metadata,
    _id(),
    _enum("kind", Kind),
    _big("request_id", nullable=True),
    _big("message_id", nullable=True),
    _text("recipient"),
    _text("envelope_sender"),
    _text("message_id_header"),
    _text("template"),
    _big("template_version_id", nullable=True),
    _text("locale"),
    _enum("state", OutboundState),
    _text("reason", nullable=True),
    _int("attempts"),
    _at("created_at"),
    _at("due_at"),
    _at("give_up_at"),
    _text("claimed_by", nullable=True),
    _at("settled_at", nullable=True),
    _int("last_code", nullable=True),
    _text("last_text", nullable=True),
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
    _id("outbound_id"),
    _bytes("content"),
    postgresql_partition_by="RANGE (outbound_id)",
)

reply_slots = Table(
    "reply_slots",
    metadata,
    Column("sender_key", Text, primary_key=True),
    Column("answers", JSON, nullable=False),
    _at("answered_at"),
    Index(None, "answered_at"),
    sqlite_with_rowid=False,
)

rate_counts = Table(
    "rate_counts",
    metadata,
    _text("scope"),
    _text("key"),
    _at("hour_at"),
    _int("count"),
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
    _id(),
    Column("request_id", BigInteger, ForeignKey("requests.id"), nullable=True),
    _int("family"),
    _bytes("first_key"),
    _bytes("last_key"),
    _int("prefix_length"),
    _text("reason"),
    _at("created_at"),
    _text("created_by"),
    _at("expires_at"),
    _at("revoked_at", nullable=True),
    _text("revoked_by", nullable=True),
    _at("warned_at", nullable=True),
    _at("last_used_at", nullable=True),
    _int("uses"),
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
    _text("reason"),
    _at("created_at"),
    _text("created_by"),
)

serials = Table("serials", metadata, Column("name", Text, primary_key=True), _big("value"))

audit = Table(
    "audit",
    metadata,
    _id(),
    _at("at"),
    _enum("actor_kind", ("service", "staff", "token", "operator")),
    _text("actor_id", nullable=True),
    _text("subject_kind"),
    _big("subject_id"),
    _text("event"),
    _text("from_state", nullable=True),
    _text("to_state", nullable=True),
    Column("data", JSON, nullable=False),
    Index(None, "subject_kind", "subject_id", "id"),
    Index(None, "actor_id", "id"),
)

nodes = Table(
    "nodes",
    metadata,
    Column("instance", Text, primary_key=True),
    _text("name"),
    _text("faces"),
    _text("version"),
    _at("started_at"),
    _at("seen_at"),
    _big("exemptions_serial"),
)

secrets = Table("secrets", metadata, Column("name", Text, primary_key=True), _bytes("value"))
