"""`responder queue`: the requests for an exemption."""

from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from responder.cli.context import Invocation, ListByDefault, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_fields, print_heading, print_json, print_table
from responder.cli.shapes import (
    Row,
    event_object,
    message_object,
    outbound_object,
    request_object,
    software_text,
)
from responder.domain.address import AddressError, IPNetwork, parse_network
from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.request import RequestState
from responder.storage.audit import timeline
from responder.storage.messages import messages_of_request
from responder.storage.outbound import outbound_of_request
from responder.storage.requests import OPEN_STATES, RequestFilter, find_request, list_requests

_COLUMNS = (
    Column("REFERENCE"),
    Column("STATE"),
    Column("ADDRESS"),
    Column("PROOF", least_width=WIDE),
    Column("SOFTWARE", may_be_cut=True),
    Column("CONTACT", may_be_cut=True),
    Column("N"),
    Column("UPDATED", least_width=USUAL),
    Column("SUBJECT", may_be_cut=True, least_width=WIDE),
)


class _Network(click.ParamType[IPNetwork]):
    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IPNetwork:
        try:
            return parse_network(str(value))
        except AddressError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-01-31 or 2026-01-31T08:00:00Z", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


class _Reference(click.ParamType[str]):
    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return parse_reference(str(value))
        except NoReferenceError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


@click.group(name="queue", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """The exemption queue."""


@command.command(
    "list",
    short_help="List requests, newest first.",
    epilog="Example: responder queue list --software exchange --since 2026-01-31",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*(state.value for state in RequestState), "all"]),
    help="State, several times for several. [default: the open ones]",
)
@click.option("--address", type=_Network(), help="Refused address, or a network that it lies in.")
@click.option("--domain", help="Sender's domain, or one above it.")
@click.option("--contact", help="Sender's address.")
@click.option("--software", help="Product, such as exchange or postfix.")
@click.option("--advice", help="What the evidence speaks for.")
@click.option("--quoted/--not-quoted", default=None, help="Whether a refusal was quoted.")
@click.option("--since", type=_Time(), help="Changed then or later: a date or a time, UTC.")
@click.option("--text", help="Beginnings of words of subject, contact or reference.")
@list_options
@click.option("--after", type=_Reference(), metavar="REFERENCE", help="Only what follows this one in the list.")
@pass_invocation
def listing(
    invocation: Invocation, /, *, states: tuple[str, ...], limit: int, after: str | None, as_json: bool, **filters: Any
) -> None:
    """List requests, newest first; the open ones unless --state says otherwise."""
    wanted = RequestFilter(states=_states(states), **filters)
    with reading(invocation.settings) as connection:
        after_id = None if after is None else _find(connection, after)["id"]
        objects = [request_object(row) for row in list_requests(connection, wanted, limit=limit, after=after_id)]
    if as_json:
        for each in objects:
            print_json(each)
    else:
        print_table(_COLUMNS, [_cells(each) for each in objects])


def _states(given: tuple[str, ...]) -> tuple[RequestState, ...]:
    if "all" in given:
        return ()
    return tuple(RequestState(state) for state in given) or OPEN_STATES


def _cells(request: dict[str, Any]) -> tuple[object, ...]:
    return (
        request["reference"],
        request["state"],
        request["address"],
        request["proof"],
        software_text(request["software"]),
        request["contact"],
        request["messages"],
        request["updated_at"].date().isoformat(),
        request["subject"],
    )


def _find(connection: Connection, reference: str) -> Row:
    row = find_request(connection, reference)
    if row is None:
        raise Failure(f"there is no request {reference}")
    return row


@command.command(epilog="Example: responder queue show 7K3QW-0M9XT")
@click.argument("reference", type=_Reference())
@json_option
@pass_invocation
def show(invocation: Invocation, *, reference: str, as_json: bool) -> None:
    """Show one request with its messages, answers and history.

    REFERENCE is the request's own or that of any of its messages.
    """
    with reading(invocation.settings) as connection:
        row = _find(connection, reference)
        request = request_object(row) | _parts(connection, row["id"])
    if as_json:
        print_json(request)
    else:
        _print(request)


def _parts(connection: Connection, request_id: int) -> dict[str, Any]:
    return {
        "timeline": [event_object(row) for row in timeline(connection, "request", request_id)],
        "findings": [],
        "message_list": [message_object(row) for row in messages_of_request(connection, request_id)],
        "replies": [outbound_object(row) for row in outbound_of_request(connection, request_id)],
        "exemptions": [],
    }


def _print(request: dict[str, Any]) -> None:
    lists = ("timeline", "findings", "message_list", "replies", "exemptions")
    fields = {name: value for name, value in request.items() if name not in lists}
    print_fields(fields | {"software": software_text(request["software"])})
    print_heading("Messages")
    print_table(
        (
            Column("ID"),
            Column("RECEIVED", least_width=USUAL),
            Column("DISPOSITION"),
            Column("SUBJECT", may_be_cut=True),
        ),
        [
            (each["id"], each["received_at"], each["reason"] or each["disposition"], each["subject"])
            for each in request["message_list"]
        ],
    )
    if request["replies"]:
        print_heading("What was sent")
        print_table(
            (Column("ID"), Column("KIND"), Column("STATE"), Column("SENT"), Column("LAST REPLY", may_be_cut=True)),
            [
                (each["id"], each["kind"], each["state"], each["sent_at"], each["last_reply"])
                for each in request["replies"]
            ],
        )
    if request["timeline"]:
        print_heading("History")
        print_table(
            (Column("AT"), Column("BY"), Column("EVENT", may_be_cut=True)),
            [(each["at"], each["actor"], each["event"]) for each in request["timeline"]],
        )
