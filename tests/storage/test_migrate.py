"""The revisions build what the program's tables say, on both databases, once, and never backwards."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, inspect, text

from responder.storage import migrate
from responder.storage.errors import StorageUnavailable
from responder.storage.ids import first_id_at, new_id
from responder.storage.partitions import PARTITIONED, make_partitions
from responder.storage.schema import raw_messages
from responder.storage.schema_desk import metadata


def is_of_the_common_kind(name, kind, parents):
    return kind != "table" or not name.startswith((*(f"{table}_" for table in PARTITIONED), "request_texts"))


def test_autogenerate_finds_no_difference(engine):
    options = {"compare_type": True, "include_name": is_of_the_common_kind}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_migrated_sqlite_file_is_what_the_tables_say_to_the_letter(open_engine, tmp_path):
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"
    migrate.upgrade(open_engine(f"sqlite:///{migrated}"))
    metadata.create_all(open_engine(f"sqlite:///{made}"))
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' ORDER BY name"
    with closing(sqlite3.connect(migrated)) as one, closing(sqlite3.connect(made)) as other:
        rows = one.execute(query).fetchall()
        assert rows == other.execute(query).fetchall()
    assert len(rows) > 40


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_migrated_postgresql_database_is_what_the_tables_say_to_the_letter(open_engine, postgres):
    def definition(url):
        lines = postgres.dump_schema(url, "--exclude-table=raw_messages_*", "--exclude-table=outbound_contents_*",
                                     "--exclude-table=alembic_version").splitlines()  # fmt: skip
        return [line for line in lines if not line.startswith(("--", r"\restrict", r"\unrestrict"))]

    with postgres.database() as migrated, postgres.database() as made:
        migrate.upgrade(open_engine(migrated))
        metadata.create_all(open_engine(made))
        assert definition(migrated) == definition(made)


def test_upgrade_goes_to_the_head_once(open_engine):
    engine = open_engine()
    assert migrate.current(engine) is None
    with pytest.raises(migrate.SchemaMismatch, match="db upgrade"):
        migrate.check(engine)
    assert migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    assert not migrate.upgrade(engine)
    migrate.check(engine)


def test_nodes_that_start_together_upgrade_once(open_engine):
    together = threading.Barrier(4)

    def start(_):
        together.wait()
        return migrate.upgrade(open_engine())

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(start, range(4))) == [False, False, False, True]


def test_a_schema_newer_than_the_program_is_left_alone(engine):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (migrate.upgrade, migrate.check):
        with pytest.raises(migrate.SchemaMismatch, match="newer than this program"):
            step(engine)
    assert migrate.current(engine) == "9999"


def test_a_database_of_another_program_is_left_alone(open_engine):
    engine = open_engine()
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
    with pytest.raises(migrate.SchemaMismatch, match="tables of another program"):
        migrate.upgrade(engine)
    assert inspect(engine).get_table_names() == ["theirs"]


def test_what_a_partial_restore_left_out_is_named(engine):
    with engine.execution_options(write=True).begin() as connection:
        assert migrate.find_missing(connection) == []
        connection.execute(text("DROP TABLE blocked_senders"))
        connection.execute(text("DROP INDEX uq_requests_reference"))
        assert migrate.find_missing(connection) == ["blocked_senders", "uq_requests_reference"]


def test_a_failed_upgrade_leaves_nothing_behind(open_engine, monkeypatch):
    engine = open_engine()
    monkeypatch.setattr(migrate, "make_partitions", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        migrate.upgrade(engine)
    assert inspect(engine).get_table_names() == []


def test_a_database_that_cannot_be_reached_is_unavailable(open_engine, tmp_path):
    engine = open_engine(f"postgresql+psycopg://nobody@/none?host={tmp_path}", busy_timeout_seconds=1)
    with pytest.raises(StorageUnavailable):
        migrate.upgrade(engine)
    with pytest.raises(StorageUnavailable):
        migrate.current(engine)
    with pytest.raises(StorageUnavailable):
        migrate.current(open_engine(f"sqlite:///{tmp_path}/no/such/folder/file.db"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_go_to_the_partition_of_their_month_and_else_to_the_default(engine):
    with engine.begin() as connection:
        connection.execute(insert(raw_messages), [{"message_id": number, "raw": b""} for number in (1, new_id())])
        query = "SELECT message_id, tableoid::regclass::text FROM raw_messages ORDER BY message_id"
        (_, oldest), (_, newest) = connection.execute(text(query))
    assert oldest == "raw_messages_default"
    assert newest.startswith("raw_messages_20")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_partitions_are_made_ahead_where_the_default_holds_no_rows_of_theirs(engine):
    later = datetime(2031, 12, 5, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(insert(raw_messages), [{"message_id": first_id_at(later), "raw": b""}])
        for _ in range(2):
            make_partitions(connection, later)
        names = [name for name in inspect(connection).get_table_names() if "_2031_" in name or "_2032_" in name]
    months = ["2032_01", "2032_02", "2032_03", "2032_04", "2032_05", "2032_06"]
    assert sorted(names) == sorted(
        [f"{table}_{month}" for table in PARTITIONED for month in months] + ["outbound_contents_2031_12"]
    )
