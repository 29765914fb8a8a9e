"""`responder messages`: what came, and what was made of it."""

import click

from responder.cli.context import Invocation, ListByDefault, after_id, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_fields, print_heading, print_json, print_octets, print_table
from responder.cli.shapes import software_text
from responder.cli.types import MAILBOX, MESSAGE
from responder.domain.address import sender_key
from responder.domain.disposition import Disposition, Reason
from responder.services.shapes import message_details, message_object
from responder.storage.messages import find_by_reference, find_message, find_raw, list_messages

_WIDEST = 140
_COLUMNS = (
    Column("ID"),
    Column("REFERENCE", least_width=USUAL),
    Column("RECEIVED", least_width=WIDE),
    Column("REVERSE-PATH", may_be_cut=True),
    Column("DISPOSITION"),
    Column("ADDRESS", least_width=WIDE),
    Column("REQUEST", least_width=_WIDEST),
    Column("SUBJECT", may_be_cut=True, least_width=_WIDEST),
)


@click.group(name="messages", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """What came, with disposition and reason."""


@command.command("list", epilog="Example: responder messages list --limit 0 --json | jq -r .reason | sort | uniq -c")
@click.option(
    "--disposition",
    type=click.Choice([each.value for each in Disposition]),
    help="Only what was answered, or what was not.",
)
@click.option(
    "--reason",
    type=click.Choice([each.value for each in Reason]),
    metavar="REASON",
    help="Only what is silent for REASON.",
)
@click.option("--sender", type=MAILBOX, metavar="ADDRESS", help="Only what ADDRESS sent.")
@list_options
@after_id
@pass_invocation
def listing(
    invocation: Invocation,
    *,
    disposition: str | None,
    reason: str | None,
    sender: str | None,
    limit: int,
    after: int | None,
    as_json: bool,
) -> None:
    """List messages, newest first."""
    with reading(invocation.settings) as connection:
        rows = list_messages(
            connection,
            limit=limit,
            after=after,
            disposition=disposition,
            reason=reason,
            sender_key=None if sender is None else sender_key(sender),
        )
        objects = [message_object(row) for row in rows]
    if as_json:
        for each in objects:
            print_json(each)
        return
    print_table(
        _COLUMNS,
        [
            (
                each["id"],
                each["reference"],
                each["received_at"],
                f"<{each['reverse_path']}>",
                ": ".join(filter(None, (each["disposition"], each["reason"]))),
                each["address"],
                each["request"],
                each["subject"],
            )
            for each in objects
        ],
    )


@command.command(
    short_help="Show one message and what was made of it.",
    epilog="Examples: responder messages show W3V77-99EGZ; responder messages show --raw W3V77-99EGZ > plea.eml",
)
@click.argument("message", metavar="REFERENCE|ID", type=MESSAGE)
@click.option("--raw", is_flag=True, help="The octets as they came, nothing else.")
@json_option
@pass_invocation
def show(invocation: Invocation, *, message: int | str, raw: bool, as_json: bool) -> None:
    """Show one message: its envelope, what was read from it, what was decided.

    REFERENCE is the message's own, which its client heard with the 250.
    """
    with reading(invocation.settings) as connection:
        row = find_message(connection, message) if isinstance(message, int) else find_by_reference(connection, message)
        if row is None:
            raise Failure(f"there is no message {message}")
        octets = find_raw(connection, row["id"]) if raw else None
    if raw:
        if octets is None:
            raise Failure(f"the octets of message {message} are not kept any more")
        print_octets(octets)
        return
    details = message_details(row)
    if as_json:
        print_json(details)
        return
    rejection = details.pop("rejection")
    software = details.pop("software")
    print_fields(details | {"software": software_text(software)})
    if software:
        print_fields({"certainty": software["certainty"], "evidence": software["evidence"]}, indent=2)
    if rejection:
        print_heading("Refusal that it quotes")
        print_fields(rejection, indent=2)
