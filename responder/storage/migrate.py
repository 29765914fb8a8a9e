"""The schema's revisions: which one the database has, which one the program needs, and the way there."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

import responder
from responder.storage.engine import BUSY_TIMEOUT_SECONDS
from responder.storage.errors import StorageError, StorageUnavailable, is_passing
from responder.storage.lockfile import write_lock
from responder.storage.partitions import make_partitions
from responder.storage.schema_desk import findings

_ADVISORY_LOCK = 0x52_45_53_50  # any number that all nodes agree on
_LOCK_TIMEOUT_SECONDS = 60


class SchemaMismatch(StorageError):
    """The database has another schema than the program needs."""


def head() -> str:
    """Give the revision that this program needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise SchemaMismatch("the program came without its migrations; install it again")
    return revision


def current(engine: Engine) -> str | None:
    """Give the database's revision, None before the first.

    Raises:
        StorageUnavailable: the database cannot be read.
    """
    try:
        with engine.connect() as connection:
            return _current(connection)
    except DBAPIError as error:
        raise _unavailable(error) from error


def check(engine: Engine) -> None:
    """Make sure that the database has the schema that the program needs.

    Raises:
        SchemaMismatch: it has not; the message says what to do.
        StorageUnavailable: the database cannot be read.
    """
    revision = current(engine)
    if revision != head():
        _refuse_newer(revision)
        raise SchemaMismatch("the database has an older schema: run `responder db upgrade`")


def upgrade(engine: Engine) -> bool:
    """Bring the database to the program's schema, one process at a time; tell whether there was anything to do.

    Raises:
        SchemaMismatch: the database is newer than the program, or another program's; it is left alone.
        StorageUnavailable: the database cannot be written; nothing has changed.
    """
    lock = write_lock(engine, _LOCK_TIMEOUT_SECONDS)
    try:
        with lock.held(), engine.execution_options(write=True).connect() as connection, connection.begin():
            _wait_for_others(connection)
            return _upgrade(connection)
    except (DBAPIError, OSError) as error:
        raise _unavailable(error) from error


def _upgrade(connection: Connection) -> bool:
    before = _current(connection)
    needed = before != head()
    if needed:
        _refuse_newer(before)
        if before is None and inspect(connection).get_table_names():
            raise SchemaMismatch("the database holds tables of another program: name one that is empty, or ours")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    make_partitions(connection, datetime.now(UTC))
    return needed


def find_missing(connection: Connection) -> list[str]:
    """Give the tables and indexes that the schema has and the database lacks: one that was restored in part."""
    seen = inspect(connection)
    there = {index["name"] for table in seen.get_multi_indexes().values() for index in table}
    there |= set(seen.get_table_names())
    tables = findings.metadata.tables  # of the whole schema, that of the desk being the last
    wanted = [*tables, *(str(index.name) for table in tables.values() for index in table.indexes)]
    return [name for name in wanted if name not in there]


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_SECONDS:.0f}s'"))


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaMismatch(f"the database has the schema {revision}, newer than this program: install the newer one")


def _config() -> Config:
    config = Config()
    config.set_main_option("path_separator", "os")
    folder = Path(responder.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _unavailable(error: Exception) -> Exception:
    if not is_passing(error):
        return error
    return StorageUnavailable(f"the database cannot be used: {getattr(error, 'orig', error)}")
