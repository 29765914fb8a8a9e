"""Engines: SQLite and PostgreSQL set up so that a commit is on disk when it returns.

SQLite: the driver is kept in autocommit and our own hook begins each transaction, since the driver begins late (not
before a SAVEPOINT) and a transaction that reads first and writes later fails when another one wrote in between.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from types import NoneType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from responder.storage.errors import StorageUnavailable, StorageUnsuitable
from responder.storage.rows import begin

BUSY_TIMEOUT_SECONDS = 5.0
_STATEMENT_TIMEOUT_SECONDS = 30
_IDLE_TRANSACTION_TIMEOUT_SECONDS = 60
_OLDEST_SQLITE = (3, 35, 0)  # RETURNING
_CACHE_KIB = 32 * 1024
_LARGEST_WAL_BYTES = 64 * 1024 * 1024
# WAL keeps its index in memory that all processes share, which these cannot give.
_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"}
)

# What has no adapter SQLite's driver asks itself to be adapted, which takes longer than to store it.
for _kind in (NoneType, memoryview):
    sqlite3.register_adapter(_kind, lambda value: value)


def make_engine(url: str, *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS, pool_size: int = 10) -> Engine:
    """Give the engine for `url`, `sqlite:///FILE` or `postgresql+psycopg://...`; nothing is opened yet.

    Args:
        url: the database.
        busy_timeout_seconds: how long to wait for a lock, a free connection, or an answer to connecting.
        pool_size: connections kept open.

    Raises:
        StorageUnsuitable: the URL is none of these, or SQLite here is too old. Later, on connecting: the database
            cannot promise durability (no WAL, a network file system, `synchronous_commit` or `fsync` off).
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageUnsuitable("the database URL cannot be read") from None
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": busy_timeout_seconds}
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _make_sqlite_engine(parsed, busy_timeout_seconds, options)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _make_postgresql_engine(parsed, busy_timeout_seconds, options)
    raise StorageUnsuitable(
        f"{parsed.drivername} is no database that the service can use: sqlite or postgresql+psycopg"
    )


def _make_sqlite_engine(url: URL, busy_timeout_seconds: float, options: dict[str, Any]) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageUnsuitable(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is the oldest that works")
    if not url.database or url.database == ":memory:":
        raise StorageUnsuitable("a database in memory loses everything: name a file")
    engine = create_engine(url, connect_args={"timeout": busy_timeout_seconds}, **options)
    path = Path(url.database)
    file = _SameFile(path)

    @event.listens_for(engine, "do_connect")
    def _look_before(*_: object) -> None:
        file.require()
        _make_private(path)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        _refuse_network(path)
        _set_pragmas(connection, round(busy_timeout_seconds * 1000))
        file.note()

    @event.listens_for(engine, "checkout")
    def _look_again(*_: object) -> None:
        file.require()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        begin(connection, "BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _make_private(path: Path) -> None:
    """Make the file where there is none, for nobody else to read; SQLite gives its other files the same rights."""
    with suppress(OSError):  # it is there, or SQLite says what is wrong with its place
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


class _SameFile:
    """The file of a database, as long as it is the one that was opened first.

    Whoever goes on with a file that was removed or replaced writes what nobody will find again, and a connection that
    is made then would create an empty database in its place.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    def note(self) -> None:
        """Remember the file, which exists now."""
        self._known = self._known or self._look()

    def require(self) -> None:
        """Make sure that it is still there.

        Raises:
            StorageUnavailable: it is not.
        """
        if self._known is not None and self._look() != self._known:
            raise StorageUnavailable(f"{self._path} was removed or replaced while it was in use; start again")

    def _look(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _set_pragmas(connection: sqlite3.Connection, busy_timeout_milliseconds: int) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {busy_timeout_milliseconds}")
    if not connection.execute("PRAGMA page_count").fetchone()[0]:
        # It has effect only before the first table, and later would make every new reader wait for the writer.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    wanted: dict[str, Any] = {
        "busy_timeout": busy_timeout_milliseconds,
        "journal_mode": "wal",
        "synchronous": 2,  # full: NORMAL may undo commits that were acknowledged before a power loss
        "foreign_keys": 1,
        "cache_size": -_CACHE_KIB,
        "temp_store": 2,  # memory
        "journal_size_limit": _LARGEST_WAL_BYTES,
    }
    for name, value in wanted.items():
        connection.execute(f"PRAGMA {name} = {value}")
    _check_pragmas(connection, wanted)


def _check_pragmas(connection: sqlite3.Connection, wanted: dict[str, Any]) -> None:
    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
        got = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if got != wanted[name]:
            raise StorageUnsuitable(
                f"SQLite keeps {name} at {got} where {wanted[name]} is needed; is the file system local?"
            )


def _refuse_network(database: Path) -> None:
    kind = _file_system(database.resolve())
    if kind in _NETWORK_FILE_SYSTEMS:
        raise StorageUnsuitable(f"the database lies on a network file system ({kind}), where SQLite is not safe")


def _file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Give the type of the file system that holds `path`, None where the system does not tell."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    points = {fields[1].replace("\\040", " "): fields[2] for fields in map(str.split, lines) if len(fields) > 2}  # noqa: PLR2004
    return next((points[str(place)] for place in (path, *path.parents) if str(place) in points), None)


def _make_postgresql_engine(url: URL, busy_timeout_seconds: float, options: dict[str, Any]) -> Engine:
    waiting = max(1, round(busy_timeout_seconds))
    arguments = {
        "connect_timeout": max(2, waiting),
        "keepalives_idle": 2 * waiting,
        "keepalives_interval": waiting,
        "keepalives_count": 2,
        "tcp_user_timeout": (_STATEMENT_TIMEOUT_SECONDS + waiting) * 1000,
        "application_name": "responder",
    }
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=arguments, **options
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        _set_timeouts(connection, round(busy_timeout_seconds * 1000))

    return engine


def _set_timeouts(connection: Any, lock_timeout_milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false),"
            " set_config('idle_in_transaction_session_timeout', %s, false),"
            " current_setting('synchronous_commit'), current_setting('fsync'), current_setting('server_encoding')",
            (
                f"{lock_timeout_milliseconds}ms",
                f"{_STATEMENT_TIMEOUT_SECONDS}s",
                f"{_IDLE_TRANSACTION_TIMEOUT_SECONDS}s",
            ),
        )
        *_, synchronous_commit, fsync, encoding = cursor.fetchone()
    connection.commit()
    if "off" in {synchronous_commit, fsync}:
        raise StorageUnsuitable("PostgreSQL has synchronous_commit or fsync off: it would lose what it acknowledged")
    if encoding != "UTF8":
        raise StorageUnsuitable(f"the PostgreSQL database has the encoding {encoding}: UTF8 is needed")
