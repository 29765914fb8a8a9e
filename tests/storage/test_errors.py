"""Which errors lie with the database, which come of another node, and which with the work itself."""

import sqlite3

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from responder.storage.errors import StorageUnavailable, StorageUnsuitable, is_collision, is_passing


def of_sqlite(code):
    error = sqlite3.OperationalError("message")
    error.sqlite_errorcode = code
    return OperationalError("statement", {}, error)


def of_postgresql(state, *, is_disconnect=False):
    error = psycopg.errors.lookup(state)("message") if state else psycopg.OperationalError("no route")
    return DBAPIError("statement", {}, error, connection_invalidated=is_disconnect)


SQLITE_IOERR_FSYNC = 1034

PASSING = [
    StorageUnavailable(),
    StorageUnsuitable(),
    PoolTimeoutError(),
    OSError(28, "No space left on device"),
    of_sqlite(sqlite3.SQLITE_BUSY),
    of_sqlite(sqlite3.SQLITE_FULL),
    of_sqlite(SQLITE_IOERR_FSYNC),
    of_sqlite(sqlite3.SQLITE_CANTOPEN),
    of_postgresql("53100"),
    of_postgresql("57014"),
    of_postgresql("57P01"),
    of_postgresql("55P03"),
    of_postgresql("25006"),
    of_postgresql("08006"),
    of_postgresql(None),
    of_postgresql("42601", is_disconnect=True),
]
COLLISIONS = [of_postgresql("40001"), of_postgresql("40P01"), of_postgresql("23505")]
FAULTS = [
    ValueError(),
    of_sqlite(sqlite3.SQLITE_CONSTRAINT),
    of_sqlite(sqlite3.SQLITE_ERROR),
    of_postgresql("22021"),
    of_postgresql("23514"),
    of_postgresql("42P01"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_the_database_is_in_trouble(error):
    assert is_passing(error)
    assert not is_collision(error)


@pytest.mark.parametrize("error", COLLISIONS, ids=repr)
def test_another_node_was_faster(error):
    assert is_collision(error)
    assert not is_passing(error)


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_the_work_is_at_fault(error):
    assert not is_passing(error)
    assert not is_collision(error)
