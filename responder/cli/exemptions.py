"""`responder exemptions`: what is exempt."""

from datetime import UTC, datetime

import click

from responder.cli.context import ID, Invocation, ListByDefault, after_id, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.desk import by_option, open_desk
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_json, print_table
from responder.cli.types import NETWORK
from responder.domain.address import IPNetwork
from responder.domain.exemption import LONGEST_DAYS
from responder.services.exemptions import ExemptionOutcome
from responder.services.queue import page_of_exemptions
from responder.storage.exemptions import ExemptionFilter
from responder.storage.outbox import time_of

_ACTIVE = {"active": True, "over": False, "all": None}
_COLUMNS = (
    Column("ID"),
    Column("NETWORK"),
    Column("STATE"),
    Column("EXPIRES"),
    Column("REQUEST"),
    Column("LAST USED", least_width=WIDE),
    Column("FLAGS", least_width=USUAL),
    Column("REASON", may_be_cut=True, least_width=USUAL),
)


@click.group(name="exemptions", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """What is exempt, and until when."""


@command.command("list", epilog="Example: responder exemptions list --address 203.0.113.9")
@click.option("--state", type=click.Choice(list(_ACTIVE)), default="active", show_default=True, help="Which ones.")
@click.option("--address", type=NETWORK, help="Those that hold this address or network, or lie in it.")
@click.option("--flagged", is_flag=True, default=None, help="Those unused for long, or whose reverse name changed.")
@list_options
@after_id
@pass_invocation
def listing(
    invocation: Invocation,
    /,
    *,
    state: str,
    address: IPNetwork | None,
    flagged: bool | None,
    limit: int,
    after: int | None,
    as_json: bool,
) -> None:
    """List exemptions, newest first."""
    wanted = ExemptionFilter(_ACTIVE[state], address, is_flagged=flagged)
    with reading(invocation.settings) as connection:
        at = time_of(connection, datetime.now(UTC))
        rows = page_of_exemptions(connection, wanted, at, limit=limit, after=after).rows
    if as_json:
        for each in rows:
            print_json(each)
        return
    fields = ("id", "network", "state", "expires_at", "request", "last_used_at", "flags", "reason")
    print_table(_COLUMNS, [[each[field] for field in fields] for each in rows])


@command.command(epilog="Example: responder exemptions add 203.0.113.8/29 --days 90 --reason 'branch office'")
@click.argument("network", type=NETWORK)
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), metavar="N", help="For how long, instead of the usual.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for other staff; never sent.")
@by_option
@json_option
@pass_invocation
def add(
    invocation: Invocation,
    /,
    *,
    network: IPNetwork,
    days: int | None,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Exempt NETWORK without a request; one that is exempt already is renewed."""
    with open_desk(invocation.settings, by) as desk:
        outcome = desk.exemptions.add(network, desk.actor, days=days, reason=reason)
    done = "renewed" if outcome.renews else "exempt"
    until = outcome.expires_at.date().isoformat()
    _tell(outcome, f"{done} until {until}; nobody is told, and only staff read the reason", as_json=as_json)


@command.command(epilog="Example: responder exemptions revoke 203.0.113.9 --reason 'unwanted mail came from there'")
@click.argument("which", metavar="NETWORK|ID")
@click.option("--reason", default="", metavar="TEXT", help="Why; the sender reads it, unless --quietly.")
@click.option("--text", "words", default="", metavar="TEXT", help="What else to tell; the sender reads it too.")
@click.option("--quietly", is_flag=True, help="Tell the sender nothing.")
@by_option
@json_option
@pass_invocation
def revoke(
    invocation: Invocation,
    /,
    *,
    which: str,
    reason: str,
    words: str,
    quietly: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Take an active exemption back, and tell the sender of its request."""
    number = _find(invocation, which)
    with open_desk(invocation.settings, by) as desk:
        outcome = desk.exemptions.revoke(number, desk.actor, reason=reason, text=words, notify=not quietly)
    if outcome.outbound_id is not None:
        told = "the sender is told, and reads the reason" if reason else "the sender is told"
    else:
        told = "nobody is told, and only staff read the reason" if reason else "nobody is told"
    _tell(outcome, f"revoked; {told}", as_json=as_json)


def _find(invocation: Invocation, which: str) -> int:
    """Give the id of the exemption that is meant by its id or by its network."""
    if which.isascii() and which.isdigit():
        return ID.convert(which, None, None)
    network = NETWORK.convert(which, None, None)
    with reading(invocation.settings) as connection:
        at = time_of(connection, datetime.now(UTC))
        rows = page_of_exemptions(connection, ExemptionFilter(True, network), at, limit=0, after=None).rows
    for row in rows:
        if row["network"] == str(network):
            return int(row["id"])
    near = f"; {', '.join(row['network'] for row in rows)} overlaps it" if rows else ""
    raise Failure(f"{network} is not exempt{near}")


def _tell(outcome: ExemptionOutcome, done: str, *, as_json: bool) -> None:
    overlaps = [str(network) for network in outcome.overlaps]
    if as_json:
        print_json(
            {
                "id": str(outcome.exemption_id),
                "network": str(outcome.network),
                "expires_at": outcome.expires_at,
                "renews": outcome.renews,
                "overlaps": overlaps,
                "outbound": outcome.outbound_id and str(outcome.outbound_id),
            }
        )
        return
    also = f"; also exempt: {', '.join(overlaps)}" if overlaps else ""
    click.echo(f"{outcome.network}: {done}{also}")
