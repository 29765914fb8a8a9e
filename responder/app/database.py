"""The data folder and the database, ready to be used."""

from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from responder.app.errors import StartError
from responder.settings import Settings, hide_password
from responder.storage import migrate
from responder.storage.engine import make_engine
from responder.storage.errors import StorageError


def make_data_dir(settings: Settings) -> None:
    """Make the data folder where there is none; what people wrote and our key lie there, so it is ours alone.

    Raises:
        StartError: it cannot be made.
    """
    folder = settings.under_data_dir("")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"data_dir: {folder} cannot be made: {error.strerror}") from None


def open_database(settings: Settings, *, migrates: bool) -> Engine:
    """Give the engine of a database that has our schema; `migrates` makes it so, and the database where there is none.

    Raises:
        StartError: it cannot be used.
    """
    if not migrates:
        require_file(settings)
    try:
        engine = make_engine(settings.database_url)
        if migrates:
            migrate.upgrade(engine)
        else:
            migrate.check(engine)
    except (StorageError, SQLAlchemyError) as error:
        raise StartError(f"database {hide_password(settings.database_url)}: {first_line(error)}") from None
    return engine


def require_file(settings: Settings) -> None:
    """Make sure that a SQLite database exists; opening one that does not would make an empty one.

    Raises:
        StartError: it does not.
    """
    scheme, _, path = settings.database_url.partition(":///")
    file = Path(path.partition("?")[0])
    if scheme == "sqlite" and not file.exists():
        raise StartError(f"there is no database {file} yet: start the service or run `responder db upgrade`")


def first_line(error: Exception) -> str:
    """Give what a driver or the storage says, without the statement and the lines behind it."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0] or type(error).__name__
