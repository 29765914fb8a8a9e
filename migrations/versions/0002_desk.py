"""Tables for those who decide: findings, staff, templates, refusals, the text search.

A copy of the tables as they were then, on purpose: a revision must not change when the program's own tables do.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROLES = ("reader", "reviewer", "editor", "admin")

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
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def _enum(name: str, values: Iterable[str], *, nullable: bool = False) -> Column[str]:
    listed = ", ".join(f"'{value}'" for value in values)
    return Column(name, Text, CheckConstraint(f"{name} IN ({listed})", name=name), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _at(name: str, *, nullable: bool = False) -> Column[int]:
    instant = BigInteger().with_variant(DateTime(timezone=True), "postgresql")
    return Column(name, instant, nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


Table(
    "findings",
    metadata,
    _id(),
    _big("request_id"),
    _big("message_id", nullable=True),
    _text("check"),
    _text("subject"),
    _text("result"),
    _text("value"),
    _text("source"),
    _at("observed_at"),
    _int("ttl_seconds", nullable=True),
    Index(None, "request_id", "check", "id"),
)

# Of the first revision; here for the reference to it.
Table("outbound", metadata, _id())

Table(
    "outbound_data",
    metadata,
    Column("outbound_id", BigInteger, ForeignKey("outbound.id"), primary_key=True, autoincrement=False),
    Column("data", JSON, nullable=False),
)

Table(
    "refusals",
    metadata,
    _id(),
    _bytes("client_key"),
    _text("sender_key"),
    _text("reference"),
    _at("at"),
    Index(None, "reference"),
    Index(None, "client_key", "at"),
    Index(None, "sender_key", "at"),
    Index(None, "at"),
)

Table(
    "template_versions",
    metadata,
    _id(),
    _text("name"),
    _text("locale"),
    _int("version"),
    _text("source"),
    _text("sha256"),
    _text("shipped_sha256", nullable=True),
    _at("created_at"),
    _text("created_by"),
    _text("why"),
    Index("uq_template_versions_name_locale_version", "name", "locale", "version", unique=True),
)

Table(
    "template_published",
    metadata,
    _text("name"),
    _text("locale"),
    Column("version_id", BigInteger, ForeignKey("template_versions.id"), nullable=False),
    _at("published_at"),
    _text("published_by"),
    PrimaryKeyConstraint("name", "locale"),
)

Table(
    "staff",
    metadata,
    _id(),
    _text("login"),
    _enum("role", _ROLES),
    _text("password_hash", nullable=True),
    _at("created_at"),
    _at("disabled_at", nullable=True),
    Index("uq_staff_login", "login", unique=True),
)

Table(
    "staff_sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    _at("created_at"),
    _at("seen_at"),
    _at("expires_at"),
    _at("revoked_at", nullable=True),
    Index(None, "staff_id"),
    Index(None, "expires_at"),
)

Table(
    "sign_in_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    _at("created_at"),
    _at("expires_at"),
    _at("used_at", nullable=True),
    Index(None, "expires_at"),
)

Table(
    "api_tokens",
    metadata,
    _id(),
    _bytes("token_hash"),
    Column("staff_id", BigInteger, ForeignKey("staff.id"), nullable=False),
    _text("name"),
    Column("scopes", JSON, nullable=False),
    _at("created_at"),
    _at("expires_at", nullable=True),
    _at("last_used_at", nullable=True),
    _at("revoked_at", nullable=True),
    Index("uq_api_tokens_token_hash", "token_hash", unique=True),
    Index(None, "staff_id"),
)

Table(
    "decision_keys",
    metadata,
    Column("actor", Text, nullable=False),
    Column("key", Text, nullable=False),
    _bytes("body_sha256"),
    Column("response", JSON, nullable=False),
    _at("created_at"),
    PrimaryKeyConstraint("actor", "key"),
    Index(None, "created_at"),
)

_TEXT_SEARCH = {
    "sqlite": (
        "CREATE VIRTUAL TABLE request_texts USING fts5(words, tokenize='unicode61 remove_diacritics 2', prefix='2 3')",
    ),
    "postgresql": (
        "CREATE TABLE request_texts (request_id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_request_texts_words ON request_texts USING gin (words)",
    ),
}


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    for statement in _TEXT_SEARCH[connection.dialect.name]:
        op.execute(sa.text(statement))
