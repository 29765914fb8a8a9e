"""`responder outbox`: what leaves, left or failed."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import click
from sqlalchemy import Connection

from responder import maillog
from responder.app.parts import make_terms
from responder.cli.actor import read_actor
from responder.cli.context import ID, Invocation, ListByDefault, after_id, json_option, list_options, pass_invocation
from responder.cli.database import reading, write
from responder.cli.desk import by_option
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_fields, print_json, print_octets, print_table
from responder.domain.actor import Actor
from responder.domain.outbound import OutboundState
from responder.services import outbox
from responder.services.shapes import outbound_details, outbound_object
from responder.storage.outbound import find_content, find_outbound, list_outbound

_COLUMNS = (
    Column("ID"),
    Column("STATE"),
    Column("KIND"),
    Column("RECIPIENT", may_be_cut=True),
    Column("DUE OR SENT", least_width=USUAL),
    Column("TRIED"),
    Column("LAST REPLY", may_be_cut=True, least_width=WIDE),
)


@click.group(name="outbox", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """What leaves, left or failed."""


@command.command("list", epilog="Example: responder outbox list --state failed --json | jq -r .recipient")
@click.option("--state", type=click.Choice([each.value for each in OutboundState]), help="Only what is in this state.")
@list_options
@after_id
@pass_invocation
def listing(invocation: Invocation, *, state: str | None, limit: int, after: int | None, as_json: bool) -> None:
    """List outbound messages, newest first."""
    with reading(invocation.settings) as connection:
        rows = list_outbound(connection, limit=limit, after=after, state=state)
        objects = [outbound_object(row) for row in rows]
    if as_json:
        for each in objects:
            print_json(each)
        return
    print_table(
        _COLUMNS,
        [
            (
                each["id"],
                each["state"],
                each["kind"],
                each["recipient"],
                each["due_at"] or each["sent_at"],
                each["attempts"],
                each["last_reply"],
            )
            for each in objects
        ],
    )


@command.command(epilog="Example: responder outbox show --raw 7382910023 | less")
@click.argument("outbound_id", metavar="ID", type=ID)
@click.option("--raw", is_flag=True, help="The octets as they leave, nothing else.")
@json_option
@pass_invocation
def show(invocation: Invocation, *, outbound_id: int, raw: bool, as_json: bool) -> None:
    """Show one outbound message: whom it goes to, what the relay said."""
    with reading(invocation.settings) as connection:
        row = find_outbound(connection, outbound_id)
        if row is None:
            raise Failure(f"there is no outbound message {outbound_id}")
        octets = find_content(connection, outbound_id) if raw else None
    if raw:
        if octets is None:
            raise Failure(f"outbound message {outbound_id} has not been written yet")
        print_octets(octets)
    elif as_json:
        print_json(outbound_details(row))
    else:
        print_fields(outbound_details(row))


@command.command(
    epilog="Example: responder outbox list --state failed --limit 0 --json | jq -r .id | xargs responder outbox retry"
)
@click.argument("outbound_ids", metavar="ID...", type=ID, nargs=-1, required=True)
@by_option
@json_option
@pass_invocation
def retry(invocation: Invocation, *, outbound_ids: tuple[int, ...], by: str | None, as_json: bool) -> None:
    """Try again now what failed or waits for its next attempt; its schedule begins anew."""
    give_up_after = make_terms(invocation.settings).give_up_after
    work = partial(outbox.retry, now=datetime.now(UTC), give_up_after=give_up_after)
    _change(invocation, outbound_ids, work, by, as_json=as_json)


@command.command(epilog="Example: responder outbox cancel 7382910023")
@click.argument("outbound_ids", metavar="ID...", type=ID, nargs=-1, required=True)
@by_option
@json_option
@pass_invocation
def cancel(invocation: Invocation, *, outbound_ids: tuple[int, ...], by: str | None, as_json: bool) -> None:
    """Keep what waits from leaving; the sender may get another answer then."""
    _change(invocation, outbound_ids, partial(outbox.cancel, now=datetime.now(UTC)), by, as_json=as_json)


def _change(
    invocation: Invocation,
    outbound_ids: tuple[int, ...],
    change: Callable[[Connection, int, Actor], object],
    by: str | None,
    *,
    as_json: bool,
) -> None:
    """Change all of the messages, or none of them where one cannot be, and tell how they stand."""

    def work(connection: Connection) -> list[dict[str, object]]:
        actor = read_actor(connection, by)
        for outbound_id in outbound_ids:
            change(connection, outbound_id, actor)
        rows = [find_outbound(connection, outbound_id) for outbound_id in outbound_ids]
        return [outbound_details(row) for row in rows if row]

    try:
        changed = write(invocation.settings, work)
    except outbox.OutboxError as error:
        raise Failure(str(error)) from None
    for each in changed:
        if as_json:
            print_json(each)
        else:
            click.echo(f"{each['id']}: {each['state']}, for {maillog.clean(each['recipient'])}")
