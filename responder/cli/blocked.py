"""`responder blocked`: senders that are never answered."""

import click

from responder.cli.context import Invocation, ListByDefault, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.desk import by_option, open_desk
from responder.cli.output import USUAL, Column, print_json, print_table, shown
from responder.services.shapes import blocked_object
from responder.storage.blocked import list_blocked

_COLUMNS = (
    Column("PATTERN", may_be_cut=True),
    Column("BY", least_width=USUAL),
    Column("SINCE", least_width=USUAL),
    Column("REASON", may_be_cut=True),
)


@click.group(name="blocked", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """Senders and domains that are never answered."""


@command.command("list", epilog="Example: responder blocked list --limit 0 --json")
@list_options
@click.option("--after", metavar="PATTERN", help="Only what follows this one in the list.")
@pass_invocation
def listing(invocation: Invocation, /, *, limit: int, after: str | None, as_json: bool) -> None:
    """List blocked senders and domains in their order."""
    with reading(invocation.settings) as connection:
        rows = [blocked_object(row) for row in list_blocked(connection, limit=limit, after=after)]
    if as_json:
        for each in rows:
            print_json(each)
    else:
        cells = [(each["pattern"], each["created_by"], each["created_at"], each["reason"]) for each in rows]
        print_table(_COLUMNS, cells)


@command.command(epilog="Examples: responder blocked add spam.example; responder blocked add robot@shop.example")
@click.argument("pattern", metavar="ADDRESS|DOMAIN")
@click.option("--reason", default="", metavar="TEXT", help="Why, for other staff; never sent.")
@by_option
@json_option
@pass_invocation
def add(invocation: Invocation, /, *, pattern: str, reason: str, by: str | None, as_json: bool) -> None:
    """Never answer a sender, or anybody of a domain and what lies under it, again.

    What they send is stored all the same; a service that runs follows within ten seconds.
    """
    with open_desk(invocation.settings, by) as desk:
        _tell(desk.blocked.add(pattern, desk.actor, reason=reason), "blocked", as_json=as_json)


@command.command(epilog="Example: responder blocked remove spam.example")
@click.argument("pattern", metavar="ADDRESS|DOMAIN")
@by_option
@json_option
@pass_invocation
def remove(invocation: Invocation, /, *, pattern: str, by: str | None, as_json: bool) -> None:
    """Answer a sender or domain again."""
    with open_desk(invocation.settings, by) as desk:
        _tell(desk.blocked.remove(pattern, desk.actor), "no longer blocked", as_json=as_json)


def _tell(pattern: str, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"pattern": pattern, "state": done})
    else:
        click.echo(f"{shown(pattern)}: {done}")
