"""The database as pages use it: each look and each change in one transaction."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Engine

from responder.services.clock import Clock
from responder.storage.writer import Writer

T = TypeVar("T")


class Database:
    """Reads on a connection of its own, writes through the writer of the process."""

    def __init__(self, engine: Engine, writer: Writer, clock: Clock) -> None:
        self.engine = engine
        self._writer = writer
        self.now: Callable[[], datetime] = clock.now

    def read(self, look: Callable[[Connection], T]) -> T:
        """Give what `look` finds in one consistent state of the database."""
        with self.engine.connect() as connection:
            return look(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction, wait for its commit, and give what it gives.

        Raises:
            StorageUnavailable: nothing was stored, or it cannot be told; else what `work` raises.
        """
        return self._writer.run(work).result()
