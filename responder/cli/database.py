"""The database for commands: opened for reading, with every trouble told in one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from responder.app.database import first_line, require_file
from responder.cli.failures import Failure
from responder.settings import Settings, hide_password
from responder.storage import migrate
from responder.storage.engine import make_engine
from responder.storage.errors import StorageError
from responder.storage.writer import Writer

T = TypeVar("T")


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """Give the engine of the database that the settings name.

    Raises:
        Failure: the database does not work, in one line.
    """
    url = settings.database_url
    try:
        engine = make_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()
    except StorageError as error:
        raise Failure(str(error)) from None
    except SQLAlchemyError as error:
        raise Failure(f"database {hide_password(url)}: {first_line(error)}") from None


@contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """Give a connection to a database that has our schema.

    Raises:
        Failure, StartError: there is none, in one line.
    """
    require_file(settings)
    with open_engine(settings) as engine:
        migrate.check(engine)
        with engine.connect() as connection:
            yield connection


def write(settings: Settings, work: Callable[[Connection], T]) -> T:
    """Run `work` in a transaction of its own, taking turns with a service that runs, and give what it gives.

    Raises:
        Failure, StartError: the database cannot be written, in one line.
    """
    require_file(settings)
    with open_engine(settings) as engine:
        migrate.check(engine)
        writer = Writer(engine)
        writer.start()
        try:
            return writer.run(work).result()
        finally:
            writer.stop()
