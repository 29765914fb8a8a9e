"""Whether the service runs, told only where it was started before: a new installation lacks nothing yet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, exists, select
from sqlalchemy.exc import SQLAlchemyError

from responder.app.database import open_database
from responder.app.errors import StartError
from responder.app.verdict import Finding, Verdict
from responder.settings import Settings
from responder.storage.nodes import has_worker
from responder.storage.outbox import time_of
from responder.storage.schema import secrets
from responder.storage.secrets import IDENTITY

_ALIVE_FOR = timedelta(minutes=1)  # a worker says every 20 seconds that it lives


def was_started(settings: Settings) -> bool:
    """Tell whether a service was ever started on the database; of one that cannot be used another check tells."""
    try:
        engine = open_database(settings, migrates=False)
    except StartError:
        return False
    try:
        with engine.connect() as connection:
            return _has_key(connection)
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def check_worker(connection: Connection) -> Iterator[Finding]:
    """See whether a worker lives, on this machine or on another with the same database; without one nothing leaves."""
    if not _has_key(connection):
        return
    if has_worker(connection, time_of(connection, datetime.now(UTC)) - _ALIVE_FOR):
        yield Finding("worker", Verdict.OK, "one was seen within the last minute")
    else:
        text = "none was seen for a minute, so nothing leaves: start `responder serve`, or `serve --only worker`"
        yield Finding("worker", Verdict.FAILED, text)


def _has_key(connection: Connection) -> bool:
    """Tell whether there is the key that the first start makes, or the first decision by command, which needs a worker.

    The nodes do not tell it: a process that stops in order takes itself out of them.
    """
    return connection.execute(select(exists().where(secrets.c.name == IDENTITY))).scalar_one()
