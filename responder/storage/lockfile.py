"""One writer at a time among the processes that share a SQLite database.

SQLite's own lock is polled with growing pauses, which starves some writers for hundreds of milliseconds; an advisory
lock on a file beside the database hands over at once.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Engine

from responder.storage.errors import StorageUnavailable

_SHORTEST_PAUSE_SECONDS = 0.0005
_LONGEST_PAUSE_SECONDS = 0.02


class WriteLock:
    """The lock file of one database; not for use by two threads at once."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StorageUnavailable: another process kept it for the whole time-out.
            OSError: the lock file cannot be opened.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._timeout_seconds
        pause = _SHORTEST_PAUSE_SECONDS
        while not _try_to_take(descriptor):
            if time.monotonic() >= deadline:
                raise StorageUnavailable("another process keeps the database locked")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _try_to_take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class NoLock:
    """In place of the lock file where the database server orders the writers."""

    def held(self) -> nullcontext[None]:
        """Do nothing."""
        return nullcontext()


def write_lock(engine: Engine, timeout_seconds: float) -> WriteLock | NoLock:
    """Give the lock that whoever writes to `engine` holds meanwhile, waiting for it at most `timeout_seconds`."""
    if engine.dialect.name != "sqlite":
        return NoLock()
    return WriteLock(Path(f"{engine.url.database}.lock"), timeout_seconds)
