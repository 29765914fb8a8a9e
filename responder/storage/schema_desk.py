"""The tables of those who decide and of what they decide by: staff, templates, findings, refusals, the text search."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    event,
)
from sqlalchemy.types import JSON

from responder.storage.columns import (
    at_column,
    big_column,
    bytes_column,
    enum_column,
    id_column,
    int_column,
    metadata,
    text_column,
)
from responder.storage.schema import outbound

ROLES = ("reader", "reviewer", "editor", "admin")

findings = Table(
    "findings",
    metadata,
    id_column(),
    big_column("request_id"),
    big_column("message_id", nullable=True),
    text_column("check"),
    text_column("subject"),
    text_column("result"),
    text_column("value"),
    text_column("source"),
    at_column("observed_at"),
    int_column("ttl_seconds", nullable=True),
    Index(None, "request_id", "check", "id"),
)

# What a decision says in the message about it: the reason, the network, when it ends, the words that staff typed.
outbound_data = Table(
    "outbound_data",
    metadata,
    Column("outbound_id", BigInteger, ForeignKey(outbound.c.id), primary_key=True, autoincrement=False),
    Column("data", JSON, nullable=False),
)

refusals = Table(
    "refusals",
    metadata,
    id_column(),
    bytes_column("client_key"),
    text_column("sender_key"),
    text_column("reference"),
    at_column("at"),
    Index(None, "reference"),
    Index(None, "client_key", "at"),
    Index(None, "sender_key", "at"),
    Index(None, "at"),
)

template_versions = Table(
    "template_versions",
    metadata,
    id_column(),
    text_column("name"),
    text_column("locale"),
    int_column("version"),
    text_column("source"),
    text_column("sha256"),
    text_column("shipped_sha256", nullable=True),
    at_column("created_at"),
    text_column("created_by"),
    text_column("why"),
    Index("uq_template_versions_name_locale_version", "name", "locale", "version", unique=True),
)

template_published = Table(
    "template_published",
    metadata,
    text_column("name"),
    text_column("locale"),
    Column("version_id", BigInteger, ForeignKey("template_versions.id"), nullable=False),
    at_column("published_at"),
    text_column("published_by"),
    PrimaryKeyConstraint("name", "locale"),
)

staff = Table(
    "staff",
    metadata,
    id_column(),
    text_column("login"),
    enum_column("role", ROLES),
    text_column("password_hash", nullable=True),
    at_column("created_at"),
    at_column("disabled_at", nullable=True),
    Index("uq_staff_login", "login", unique=True),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    at_column("created_at"),
    at_column("seen_at"),
    at_column("expires_at"),
    at_column("revoked_at", nullable=True),
    Index(None, "staff_id"),
    Index(None, "expires_at"),
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    at_column("created_at"),
    at_column("expires_at"),
    at_column("used_at", nullable=True),
    Index(None, "expires_at"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    id_column(),
    bytes_column("token_hash"),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    text_column("name"),
    Column("scopes", JSON, nullable=False),
    at_column("created_at"),
    at_column("expires_at", nullable=True),
    at_column("last_used_at", nullable=True),
    at_column("revoked_at", nullable=True),
    Index("uq_api_tokens_token_hash", "token_hash", unique=True),
    Index(None, "staff_id"),
)

decision_keys = Table(
    "decision_keys",
    metadata,
    Column("actor", Text, nullable=False),
    Column("key", Text, nullable=False),
    bytes_column("body_sha256"),
    Column("response", JSON, nullable=False),
    at_column("created_at"),
    PrimaryKeyConstraint("actor", "key"),
    Index(None, "created_at"),
)

# The words of each request, for `--text`. Each database has an index of its own for that, which is no table of the
# common kind: the row of a request has its id as `rowid` on SQLite, as `request_id` on PostgreSQL.
TEXT_SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE request_texts USING fts5(words, tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
    ),
    "postgresql": (
        "CREATE TABLE request_texts (request_id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_request_texts_words ON request_texts USING gin (words)",
    ),
}
for _dialect, _statements in TEXT_SEARCH.items():
    for _statement in _statements:
        event.listen(metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
