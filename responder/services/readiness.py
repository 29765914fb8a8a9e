"""Can the service do its work just now?"""

import shutil
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from responder.services.clock import Clock
from responder.storage.errors import StorageError
from responder.storage.nodes import has_worker
from responder.storage.outbox import time_of

_LITTLE_SPACE = 200 * 1024**2
_ALIVE_FOR = timedelta(minutes=1)


class Readiness:
    """Looks at the parts that everything needs."""

    def __init__(self, engine: Engine, clock: Clock, folder: Path) -> None:
        """Take the database, the time, and the folder whose disk must not fill up."""
        self._engine = engine
        self._clock = clock
        self._folder = folder

    def parts(self) -> dict[str, bool]:
        """Give for `database`, `disk` and `worker` whether it works; never raises."""
        try:
            with self._engine.connect() as connection:
                works = has_worker(connection, time_of(connection, self._clock.now()) - _ALIVE_FOR)
        except (SQLAlchemyError, StorageError):
            return {"database": False, "disk": self._has_space(), "worker": False}
        return {"database": True, "disk": self._has_space(), "worker": works}

    def _has_space(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free > _LITTLE_SPACE
        except OSError:
            return False
