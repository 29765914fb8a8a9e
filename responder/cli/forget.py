"""`responder forget`: personal data past retention."""

import sys
from datetime import UTC, datetime, timedelta

import click

from responder.app.database import require_file
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.database import open_engine, reading
from responder.cli.output import print_json
from responder.services.retention import Forgotten, forget
from responder.storage import migrate
from responder.storage.retention import count_forgettable
from responder.storage.writer import Writer


@click.command(name="forget", epilog="Example: responder forget --older-than 730 --dry-run")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=1, max=36_500),
    required=True,
    metavar="DAYS",
    help="Requests that have not changed for so long.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@json_option
@pass_invocation
def command(invocation: Invocation, *, days: int, dry_run: bool, as_json: bool) -> None:
    """Delete what is known of people whose request is long over: messages, answers, findings, history.

    What waits for a decision stays, and so does what an active exemption rests on. The service may run meanwhile.
    """
    now = datetime.now(UTC)
    before = now - timedelta(days=days)
    with reading(invocation.settings) as connection:
        found = Forgotten(*count_forgettable(connection, before, now))
    gone = found if dry_run else _forget(invocation, before, now, found)
    if as_json:
        print_json({"messages": gone.messages, "requests": gone.requests, "before": before, "dry_run": dry_run})
    else:
        verb = "Would be forgotten" if dry_run else "Forgotten"
        click.echo(f"{verb}: messages {gone.messages}, requests {gone.requests}.")


def _forget(invocation: Invocation, before: datetime, now: datetime, found: Forgotten) -> Forgotten:
    require_file(invocation.settings)
    with open_engine(invocation.settings) as engine:
        migrate.check(engine)
        writer = Writer(engine)
        writer.start()
        try:
            with click.progressbar(length=found.messages + found.requests, label="Forgetting", file=sys.stderr) as bar:
                return forget(writer, before, now, progress=bar.update)
        finally:
            writer.stop()
