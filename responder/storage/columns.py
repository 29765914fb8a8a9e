"""What the tables are made of: their metadata with the names of constraints, and one function per kind of column."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, MetaData, Text, text

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


def id_column(name: str = "id") -> Column[int]:
    """Give the primary key of a table whose ids the application gives."""
    # SQLite keeps a table in the order of an INTEGER key without an index beside it; that type is 64 bits wide there.
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def enum_column(name: str, values: type[StrEnum] | Iterable[str], *, nullable: bool = False) -> Column[str]:
    """Give a text column that takes only `values`."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Column(name, Text, CheckConstraint(f"{name} IN ({listed})", name=name), nullable=nullable)


def text_column(name: str, *, nullable: bool = False) -> Column[str]:
    """Give a column of text."""
    return Column(name, Text, nullable=nullable)


def at_column(name: str, *, nullable: bool = False) -> Column[datetime]:
    """Give a column of instants."""
    return Column(name, UtcDateTime, nullable=nullable)


def bytes_column(name: str, *, nullable: bool = False) -> Column[bytes]:
    """Give a column of octets."""
    return Column(name, LargeBinary, nullable=nullable)


def int_column(name: str, *, nullable: bool = False) -> Column[int]:
    """Give a column of numbers that fit in 32 bits."""
    return Column(name, Integer, nullable=nullable)


def big_column(name: str, *, nullable: bool = False) -> Column[int]:
    """Give a column of numbers that need 64 bits, such as the id of another row."""
    return Column(name, BigInteger, nullable=nullable)


def partial_index(condition: str, *columns: str) -> Index:
    """Give an index over the rows where `condition` holds: most rows of a flood have none of it, and pay nothing."""
    return Index(None, *columns, sqlite_where=text(condition), postgresql_where=text(condition))
