"""`responder db`: the database's schema and a copy of it."""

from pathlib import Path

import click

from responder.app.database import make_data_dir, require_file
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.database import open_engine
from responder.cli.failures import Failure
from responder.cli.output import print_json
from responder.settings import hide_password
from responder.storage import migrate
from responder.storage.backup import back_up


@click.group(name="db")
def command() -> None:
    """The database: schema and backup."""


@command.command(
    short_help="Bring the schema up to date.", epilog="Example: responder db upgrade && responder serve --no-migrate"
)
@json_option
@pass_invocation
def upgrade(invocation: Invocation, *, as_json: bool) -> None:
    """Bring the database to the schema of this program; makes one where there is none.

    Every start of the service does the same, unless it is told --no-migrate.
    """
    settings = invocation.settings
    make_data_dir(settings)
    with open_engine(settings) as engine:
        changed = migrate.upgrade(engine)
    if as_json:
        print_json({"current": migrate.head(), "changed": changed})
    else:
        click.echo(f"Schema {migrate.head()}: {'brought up to date' if changed else 'nothing to do'}.")


@command.command(short_help="Show the schema, and the one needed.")
@json_option
@pass_invocation
def current(invocation: Invocation, *, as_json: bool) -> None:
    """Show the schema that the database has and the one that this program needs; exit 1 where they differ."""
    settings = invocation.settings
    require_file(settings)
    with open_engine(settings) as engine:
        revision = migrate.current(engine)
    if as_json:
        print_json({"database": hide_password(settings.database_url), "current": revision, "needed": migrate.head()})
    else:
        click.echo(f"{revision or 'none'} (this program needs {migrate.head()})")
    if revision != migrate.head():
        raise Failure("the schemas differ: run `responder db upgrade`, or install the newer program")


@command.command(
    short_help="Copy the database to a file.", epilog="Example: responder db backup /backup/responder-$(date +%F).db"
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_invocation
def backup(invocation: Invocation, file: Path, *, as_json: bool) -> None:
    """Copy the database to FILE while the service runs; FILE must not exist.

    A SQLite database becomes a database file, a PostgreSQL database a dump for pg_restore.
    """
    settings = invocation.settings
    require_file(settings)
    with open_engine(settings) as engine:
        back_up(engine, file)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "size": size})
    else:
        click.echo(f"{file}: {size} bytes")
