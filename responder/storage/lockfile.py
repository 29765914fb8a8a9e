"""One writer at a time among the processes that share a SQLite database, each in its turn.

SQLite's own lock is polled with growing pauses, which starves some writers for hundreds of milliseconds, and lets one
that writes without a break take it again before others look. Here whoever wants to write passes a gate first, and
keeps the gate shut behind him until he has the lock, so who has just written comes after who waits.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Engine

from responder.storage.errors import StorageUnavailable

_PAUSE_SECONDS = 0.0005


class WriteLock:
    """The lock files of one database, `gate` and `lock`; not for use by two threads at once."""

    def __init__(self, gate: Path, lock: Path, timeout_seconds: float) -> None:
        self._gate = gate
        self._lock = lock
        self._timeout_seconds = timeout_seconds

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StorageUnavailable: another process kept it for the whole time-out.
            OSError: a lock file cannot be opened.
        """
        deadline = time.monotonic() + self._timeout_seconds
        with _locked(self._gate, deadline) as gate, _locked(self._lock, deadline):
            fcntl.flock(gate, fcntl.LOCK_UN)
            yield


@contextmanager
def _locked(path: Path, deadline: float) -> Iterator[int]:
    """Hold a lock on the file `path`; gives its descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_to_take(descriptor):
            if time.monotonic() >= deadline:
                raise StorageUnavailable("another process keeps the database locked")
            time.sleep(_PAUSE_SECONDS)
        yield descriptor
    finally:
        os.close(descriptor)


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
    return WriteLock(Path(f"{engine.url.database}.gate"), Path(f"{engine.url.database}.lock"), timeout_seconds)
