"""An engine gives only connections on which a commit is on disk when it returns."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from responder.storage import engine as engines
from responder.storage.engine import make_engine
from responder.storage.errors import StorageUnavailable, StorageUnsuitable

only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def pragma(connection, name):
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


@only_sqlite
def test_every_sqlite_connection_is_durable_and_waits(open_engine):
    engine = open_engine(busy_timeout_seconds=7)
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            assert pragma(connection, "journal_mode") == "wal"
            assert pragma(connection, "synchronous") == 2
            assert pragma(connection, "foreign_keys") == 1
            assert pragma(connection, "busy_timeout") == 7_000
            assert pragma(connection, "auto_vacuum") == 2


@only_sqlite
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_was_removed_or_replaced_is_not_written_to(open_engine, is_replaced):
    engine = open_engine()
    file = Path(engine.url.database)
    with engine.connect() as open_still:
        file.rename(file.with_suffix(".old"))
        if is_replaced:
            file.touch()
        with pytest.raises(StorageUnavailable, match="removed or replaced"):
            engine.connect()
        assert file.exists() == is_replaced
        open_still.close()
        with pytest.raises(StorageUnavailable, match="removed or replaced"):
            engine.connect()
    file.with_suffix(".old").rename(file)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0


@only_sqlite
def test_a_reader_that_connects_while_another_writes_does_not_wait(open_engine):
    writing, reading = open_engine(), open_engine(busy_timeout_seconds=0)
    with writing.execution_options(write=True).connect() as writer:
        writer.exec_driver_sql("CREATE TABLE notes (note TEXT)")
        with reading.connect() as reader:
            assert reader.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one() == 0


@only_sqlite
def test_a_transaction_that_reads_first_may_write_later(open_engine):
    engine = open_engine(busy_timeout_seconds=0)
    writing = engine.execution_options(write=True)
    with writing.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (note TEXT)")
    with writing.connect() as first:
        assert first.exec_driver_sql("SELECT count(*) FROM notes").scalar_one() == 0
        with pytest.raises(OperationalError, match="locked"), writing.begin():
            pass
        first.exec_driver_sql("INSERT INTO notes VALUES ('a')")
        first.commit()


def test_a_rolled_back_transaction_leaves_nothing_not_even_a_table(open_engine):
    engine = open_engine()
    with engine.execution_options(write=True).connect() as connection:
        connection.execute(text("CREATE TABLE notes (note TEXT)"))
        connection.rollback()
    with engine.connect() as connection, pytest.raises(Exception, match="notes"):
        connection.execute(text("SELECT * FROM notes"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://host/name", "mysql is no database"),
        ("no url at all", "cannot be read"),
    ],
)
def test_other_databases_are_refused(url, why):
    with pytest.raises(StorageUnsuitable, match=why):
        make_engine(url)


def test_an_old_sqlite_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(engines.sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StorageUnsuitable, match="too old"):
        make_engine(f"sqlite:///{tmp_path}/a.db")


@only_sqlite
def test_a_network_file_system_is_refused(open_engine, monkeypatch):
    monkeypatch.setattr(engines, "_file_system", lambda _: "nfs4")
    with pytest.raises(StorageUnsuitable, match="network file system"):
        open_engine().connect()


def test_the_innermost_mount_gives_the_file_system(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/a / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n/dev/b /srv/my\\040mail xfs rw 0 0\nbroken\n")
    kinds = [
        engines._file_system(tmp_path.__class__(path), mounts)
        for path in ("/var/a.db", "/srv/a.db", "/srv/my mail/deep/a.db")
    ]
    assert kinds == ["ext4", "nfs4", "xfs"]
    assert engines._file_system(tmp_path, tmp_path / "absent") is None


@only_sqlite
def test_a_journal_other_than_wal_is_refused(open_engine, monkeypatch):
    engine = open_engine()
    connect = engine.dialect.connect

    class WithoutSharedMemory(sqlite3.Connection):
        def execute(self, statement, *rest):
            return super().execute(statement.replace("journal_mode = wal", "journal_mode = delete"), *rest)

    monkeypatch.setattr(
        engine.dialect, "connect", lambda *args, **options: connect(*args, factory=WithoutSharedMemory, **options)
    )
    with pytest.raises(StorageUnsuitable, match="journal_mode at delete"):
        engine.connect()


@only_sqlite
def test_an_existing_database_keeps_what_it_holds(open_engine, tmp_path):
    with closing(sqlite3.connect(tmp_path / "responder.db")) as plain:
        plain.execute("CREATE TABLE notes (note TEXT)")
        plain.commit()
    with open_engine().connect() as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert connection.exec_driver_sql("SELECT count(*) FROM notes").scalar_one() == 0


def show(connection, name):
    return connection.execute(text(f"SHOW {name}")).scalar_one()


@only_postgresql
def test_a_postgresql_connection_has_time_outs_that_outlive_a_rollback(open_engine):
    with open_engine(busy_timeout_seconds=3).connect() as connection:
        for _ in range(2):
            assert show(connection, "lock_timeout") == "3s"
            assert show(connection, "statement_timeout") == "30s"
            assert show(connection, "idle_in_transaction_session_timeout") == "1min"
            connection.rollback()


@only_postgresql
def test_a_postgresql_that_does_not_wait_for_its_disk_is_refused(open_engine, postgres):
    engine = open_engine()
    postgres.execute(f"ALTER DATABASE {engine.url.database} SET synchronous_commit = off")
    with pytest.raises(StorageUnsuitable, match="synchronous_commit"):
        engine.connect()


@only_postgresql
def test_a_postgresql_database_that_cannot_hold_all_text_is_refused(open_engine, postgres):
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StorageUnsuitable, match="UTF8"):
        open_engine(postgres.url("latin")).connect()
    postgres.execute("DROP DATABASE latin WITH (FORCE)")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nobody_else_can_read_the_files(open_engine, tmp_path):
    engine = open_engine()
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(text("CREATE TABLE t (id INTEGER)"))
        files = list(tmp_path.glob("responder.db*"))
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert len(files) >= 3
