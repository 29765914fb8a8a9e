"""`queue list`, `queue show`: what is in the queue."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection

from responder.cli.context import Invocation, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_fields, print_heading, print_json, print_table
from responder.cli.queue.filters import filter_options, make_filter
from responder.cli.shapes import software_text
from responder.cli.types import REFERENCE
from responder.services.queue import page_of_requests, whole_request
from responder.services.review_actions import UnknownRequest
from responder.storage.outbox import time_of
from responder.storage.requests import RequestFilter

_PAGE = 1_000
_COLUMNS = (
    Column("REFERENCE"),
    Column("STATE"),
    Column("ADDRESS"),
    Column("PROOF", least_width=WIDE),
    Column("ADVICE", least_width=WIDE),
    Column("SOFTWARE", may_be_cut=True),
    Column("CONTACT", may_be_cut=True),
    Column("N"),
    Column("UPDATED", least_width=USUAL),
    Column("SUBJECT", may_be_cut=True, least_width=WIDE),
)


@click.command(
    "list",
    short_help="List requests, the one changed last first.",
    epilog="Example: responder queue list --software exchange --since 2026-01-31",
)
@filter_options("--text")
@list_options
@click.option("--after", type=REFERENCE, metavar="REFERENCE", help="Only what follows this one in the list.")
@pass_invocation
def listing(invocation: Invocation, /, *, limit: int, after: str | None, as_json: bool, **filters: Any) -> None:
    """List requests: the open ones unless --state says otherwise, the one changed last first.

    With --text the one opened last comes first.
    """
    with reading(invocation.settings) as connection:
        rows = _read(connection, make_filter(connection, filters), limit, after)
        if as_json:
            for each in rows:
                print_json(each)
        else:
            print_table(_COLUMNS, [_cells(each) for each in rows])


def _read(connection: Connection, wanted: RequestFilter, limit: int, after: str | None) -> Iterator[dict[str, Any]]:
    """Give requests page by page, so that a list of all of them needs no memory for all of them."""
    left = limit
    while True:
        try:
            page = page_of_requests(connection, wanted, limit=min(left or _PAGE, _PAGE), after=after)
        except UnknownRequest as error:
            raise Failure(str(error)) from None
        yield from page.rows
        left, after = left - len(page.rows) if limit else 0, page.after
        if after is None or (limit and not left):
            return


def _cells(request: dict[str, Any]) -> tuple[object, ...]:
    return (
        request["reference"],
        request["state"],
        request["address"],
        request["proof"],
        request["advice"],
        software_text(request["software"]),
        request["contact"],
        request["messages"],
        request["updated_at"].date().isoformat(),
        request["subject"],
    )


@click.command(epilog="Example: responder queue show 7K3QW-0M9XT")
@click.argument("reference", type=REFERENCE)
@json_option
@pass_invocation
def show(invocation: Invocation, *, reference: str, as_json: bool) -> None:
    """Show one request with its messages, evidence, answers, exemptions and history.

    REFERENCE is the request's own or that of any of its messages.
    """
    with reading(invocation.settings) as connection:
        try:
            request = whole_request(connection, reference, time_of(connection, datetime.now(UTC)))
        except UnknownRequest as error:
            raise Failure(str(error)) from None
    if as_json:
        print_json(request)
    else:
        _print(request)


# The lists that belong to a request: heading, columns, and the field of each.
_PARTS = {
    "message_list": (
        "Messages",
        (
            (Column("ID"), "id"),
            (Column("RECEIVED", least_width=USUAL), "received_at"),
            (Column("DISPOSITION"), "disposition"),
            (Column("REASON", least_width=USUAL), "reason"),
            (Column("SUBJECT", may_be_cut=True), "subject"),
        ),
    ),
    "findings": (
        "Evidence",
        (
            (Column("CHECK"), "check"),
            (Column("SUBJECT", may_be_cut=True), "subject"),
            (Column("RESULT"), "result"),
            (Column("VALUE", may_be_cut=True), "value"),
            (Column("SOURCE", may_be_cut=True, least_width=USUAL), "source"),
            (Column("OBSERVED", least_width=WIDE), "observed_at"),
        ),
    ),
    "exemptions": (
        "Exemptions",
        (
            (Column("ID"), "id"),
            (Column("NETWORK"), "network"),
            (Column("STATE"), "state"),
            (Column("EXPIRES"), "expires_at"),
            (Column("LAST USED", least_width=USUAL), "last_used_at"),
            (Column("REASON", may_be_cut=True, least_width=USUAL), "reason"),
        ),
    ),
    "replies": (
        "What was sent",
        (
            (Column("ID"), "id"),
            (Column("KIND"), "kind"),
            (Column("STATE"), "state"),
            (Column("DUE", least_width=WIDE), "due_at"),
            (Column("SENT"), "sent_at"),
            (Column("LAST REPLY", may_be_cut=True), "last_reply"),
        ),
    ),
    "timeline": (
        "History",
        (
            (Column("AT"), "at"),
            (Column("BY", may_be_cut=True), "actor"),
            (Column("EVENT"), "event"),
            (Column("WHAT", may_be_cut=True), "what"),
        ),
    ),
}


def _print(request: dict[str, Any]) -> None:
    fields = {name: value for name, value in request.items() if name not in _PARTS}
    print_fields(fields | {"software": software_text(request["software"])})
    for name, (heading, columns) in _PARTS.items():
        if rows := request[name]:
            print_heading(heading)
            cells = [[_told(each) if field == "what" else each[field] for _, field in columns] for each in rows]
            print_table([column for column, _ in columns], cells)


def _told(event: dict[str, Any]) -> str:
    """Give in one cell what else an event says: words first, then what it was about."""
    data = event["data"]
    return "; ".join(str(data[name]) for name in ("text", "reason", "network", "login", "blocked") if data.get(name))


COMMANDS = (listing, show)
