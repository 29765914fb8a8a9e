"""Rows written through one compiled statement are what SQLAlchemy itself would have stored."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from responder.storage.instants import UtcDateTime
from responder.storage.rows import read_rows, write_rows

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("at", UtcDateTime),
    Column("data", JSON),
    Column("maybe", JSON(none_as_null=True)),
    Column("octets", LargeBinary),
    Column("flag", Boolean),
)
FIRST = {
    "id": 1,
    "name": "100%s of :that",
    "at": datetime(2026, 3, 3, 10, 11, 12, 345678, UTC),
    "data": {"key": ["value", None]},
    "maybe": None,
    "octets": b"\0\xff",
    "flag": True,
}
SECOND = FIRST | {"id": 2, "at": None, "data": None, "flag": False}


@pytest.fixture
def connection(open_engine):
    with open_engine().begin() as connection:
        THINGS.create(connection)
        yield connection


def stored(connection):
    rows = connection.execute(select(THINGS).order_by(THINGS.c.id)).mappings()
    return [dict(row) | {"octets": bytes(row["octets"])} for row in rows]


def test_every_type_comes_back_as_it_was(connection):
    write_rows(connection, insert(THINGS), [FIRST, SECOND])
    assert stored(connection) == [FIRST, SECOND]


def test_it_stores_what_sqlalchemy_stores(connection):
    query = select(THINGS.c.id).where(THINGS.c.maybe.is_(None), THINGS.c.data.is_not(None))
    write_rows(connection, insert(THINGS), [FIRST])
    connection.execute(insert(THINGS), [SECOND])
    assert connection.execute(query).scalars().all() == [1, 2]


def test_rows_may_name_some_of_the_columns_in_any_order(connection):
    statement = insert(THINGS)
    write_rows(connection, statement, [{"octets": b"a", "id": 1}])
    write_rows(connection, statement, [{"id": 2, "name": "b", "octets": b"b"}, {"octets": b"c", "name": "c", "id": 3}])
    assert [(row["id"], row["name"], row["octets"]) for row in stored(connection)] == [
        (1, None, b"a"),
        (2, "b", b"b"),
        (3, "c", b"c"),
    ]


def test_an_update_takes_its_parameters_by_name(connection):
    write_rows(connection, insert(THINGS), [FIRST, SECOND])
    statement = update(THINGS).where(THINGS.c.id == bindparam("which")).values(data=bindparam("new_data"))
    write_rows(connection, statement, [{"which": 2, "new_data": [2]}, {"which": 1, "new_data": [1]}])
    assert [row["data"] for row in stored(connection)] == [[1], [2]]


def test_a_parameter_that_no_row_names_is_an_error(connection):
    statement = update(THINGS).where(THINGS.c.id == bindparam("which")).values(data=bindparam("new_data"))
    with pytest.raises(ValueError, match="new_data"):
        write_rows(connection, statement, [{"which": 1}])


FOUND = select(THINGS).where(THINGS.c.id.in_(bindparam("ids", expanding=True)), THINGS.c.at <= bindparam("last"))
FOUND = FOUND.where(THINGS.c.name != "none of them").order_by(THINGS.c.id)


@pytest.mark.parametrize(("ids", "found"), [([], []), ([1], [1]), ([3, 1, 7], [1, 3]), (range(9), [1, 3, 4, 5])])
def test_rows_are_read_as_sqlalchemy_reads_them(connection, ids, found):
    rows = [FIRST | {"id": number} for number in (1, 3, 4, 5)] + [SECOND]
    write_rows(connection, insert(THINGS), rows)
    read = read_rows(connection, FOUND, {"ids": ids}, last=FIRST["at"])
    assert [row | {"octets": bytes(row["octets"])} for row in read] == [FIRST | {"id": number} for number in found]


def test_the_drivers_errors_come_as_sqlalchemys(open_engine):
    with open_engine().begin() as connection:
        THINGS.create(connection)
        with pytest.raises(IntegrityError):
            write_rows(connection, insert(THINGS), [FIRST, FIRST])
        connection.rollback()
    with open_engine().connect() as connection, pytest.raises(DBAPIError):
        read_rows(connection, select(Table("nowhere", MetaData(), Column("id", Integer))), {})


def test_reading_begins_a_transaction(open_engine):
    with open_engine().connect() as connection:
        read_rows(connection, select(literal_column("1").label("one")), {})
        assert connection.in_transaction()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_broke_is_not_used_again(open_engine):
    engine = open_engine()
    query = select(func.pg_backend_pid().label("pid"))
    with engine.connect() as connection:
        (row,) = read_rows(connection, query, {})
        with engine.connect() as other:
            other.execute(select(func.pg_terminate_backend(row["pid"])))
        with pytest.raises(DBAPIError) as caught:
            read_rows(connection, query, {})
        assert caught.value.connection_invalidated
        assert connection.invalidated
