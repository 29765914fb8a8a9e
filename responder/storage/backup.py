"""A copy of the database while the service runs: all of one instant, on disk when it is there."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from responder.storage.errors import StorageError


class BackupError(StorageError):
    """There is no copy; the message says why."""


def back_up(engine: Engine, file: Path) -> None:
    """Write a copy of the database to `file`, which appears whole or not at all.

    SQLite gives a database file; PostgreSQL a dump in the custom format of pg_dump, for pg_restore.

    Raises:
        BackupError: `file` exists, or there is no pg_dump, or it failed.
        OSError: `file` cannot be written.
    """
    if file.exists():
        raise BackupError(f"{file} exists already")
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # as private as the database itself
    try:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, part)
        else:
            _dump_postgresql(engine.url, part)
        _finish(part, file)
    finally:
        part.unlink(missing_ok=True)


def _copy_sqlite(engine: Engine, part: Path) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(part),))
    finally:
        connection.close()


def _dump_postgresql(url: URL, part: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise BackupError("pg_dump is not installed, which copies PostgreSQL databases")
    target = url.set(drivername="postgresql", password=None).render_as_string()
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    command = [program, "--format=custom", "--no-password", f"--file={part}", target]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise BackupError(lines[0] if lines else f"pg_dump ended with {done.returncode}")


def _finish(part: Path, file: Path) -> None:
    """Bring `part` to disk under its name."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
