"""What can go wrong with the database, in our own words, and how a driver's error is read."""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError


class StorageError(Exception):
    """The database cannot be used as asked."""


class StorageUnavailable(StorageError):
    """Nothing was stored, or it cannot be told; the same work may succeed later."""


class StorageUnsuitable(StorageError):
    """The database is not one on which the service can keep its promise; a person must change it."""


_SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
# Classes of SQLSTATE: connection, resources (disk full), operator intervention (statement time-out, shutdown),
# system error, internal error; and two single codes, lock time-out and a server that became a standby.
_POSTGRESQL_PASSING = ("08", "53", "57", "58", "XX", "55P03", "25006")
# Serialization failure, deadlock; and a unique key that another node took between our look and our insert.
_POSTGRESQL_COLLISIONS = frozenset({"40001", "40P01", "23505"})


def is_passing(error: BaseException) -> bool:
    """Tell whether `error` lies with the database (full, locked, gone), not with the work that met it."""
    if isinstance(error, StorageError | PoolTimeoutError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _SQLITE_PASSING
    state = _sqlstate(error)
    return error.connection_invalidated or (state or "08").startswith(_POSTGRESQL_PASSING)


def is_collision(error: BaseException) -> bool:
    """Tell whether `error` comes from another node's transaction, so that doing the same again may succeed."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _POSTGRESQL_COLLISIONS


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state
