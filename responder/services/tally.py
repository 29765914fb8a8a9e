"""Counts that are kept in memory and written down many at a time."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Connection

from responder.services.clock import Clock
from responder.storage.writer import Writer

Key = TypeVar("Key")


class Tally(Generic[Key]):
    """Counts things; `add` may be called in any thread and never waits for the database.

    Args:
        writer: writes the counts down.
        clock: tells the time.
        store: adds counts, of which there is at least one, to those in the database, with the time.
    """

    def __init__(
        self, writer: Writer, clock: Clock, store: Callable[[Connection, Mapping[Key, int], datetime], None]
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._store = store
        self._lock = threading.Lock()
        self._waiting: Counter[Key] = Counter()

    def add(self, key: Key) -> None:
        """Count one."""
        with self._lock:
            self._waiting[key] += 1

    def flush(self) -> None:
        """Write down what was counted.

        Raises:
            StorageUnavailable: the database cannot be written; the counts are kept.
        """
        with self._lock:
            counts, self._waiting = self._waiting, Counter()
        if not counts:
            return
        now = self._clock.now()
        try:
            self._writer.run(lambda connection: self._store(connection, counts, now)).result()
        except BaseException:
            with self._lock:
                self._waiting += counts
            raise
