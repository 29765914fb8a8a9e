"""`responder staff`: people who may sign in."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

import click
from sqlalchemy import Connection

from responder.cli.context import Invocation, ListByDefault, json_option, list_options, pass_invocation
from responder.cli.database import reading, write
from responder.cli.failures import Failure
from responder.cli.output import Column, print_fields, print_json, print_table
from responder.cli.shapes import Row
from responder.domain.actor import Actor, ActorKind
from responder.domain.roles import SCOPES, LoginError, Permission, Role
from responder.services import staff
from responder.settings import Endpoint, Settings

T = TypeVar("T")

_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - names of what is listened on
_BY = Actor(ActorKind.OPERATOR, None, Role.ADMIN)
_COLUMNS = (Column("LOGIN", may_be_cut=True), Column("ROLE"), Column("STATE"), Column("LAST SEEN"))


@click.group(name="staff", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """People who may sign in."""


@command.command("list", epilog="Example: responder staff list --json")
@list_options
@click.option("--after", metavar="LOGIN", help="Only what follows this one in the list.")
@pass_invocation
def listing(invocation: Invocation, *, limit: int, after: str | None, as_json: bool) -> None:
    """List people with role and state, by login."""
    with reading(invocation.settings) as connection:
        people = staff.people(connection)
    objects = [_object(row) for row in _page(people, limit, after)]
    if as_json:
        for each in objects:
            print_json(each)
    else:
        print_table(_COLUMNS, [(each["login"], each["role"], each["state"], each["seen_at"]) for each in objects])


def _page(people: Sequence[Row], limit: int, after: str | None) -> Sequence[Row]:
    """Give a page of the people, who are few; the order of their logins is the database's own."""
    if after is not None:
        logins = [person["login"] for person in people]
        if after.lower() not in logins:
            raise Failure(f"there is no person {after}")
        people = people[logins.index(after.lower()) + 1 :]
    return people[: limit or None]


@command.command(epilog="Example: responder staff add ann --role reviewer")
@click.argument("login")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="What they may do.  [default: reviewer]")
@click.option("--link/--no-link", default=True, help="Print a one-time sign-in link.  [default: link]")
@json_option
@pass_invocation
def add(invocation: Invocation, *, login: str, role: str | None, link: bool, as_json: bool) -> None:
    """Add a person, or give one who is there the role that --role names.

    One who was disabled may sign in again.
    """
    at = datetime.now(UTC)

    def work(connection: Connection) -> tuple[Row, str | None]:
        person = _add_or_change(connection, login, role, at)
        return person, staff.make_link(connection, person["login"], by=_BY, at=at) if link else None

    person, token = _write(invocation, work)
    url = token and sign_in_url(invocation.settings, token)
    if as_json:
        print_json(_object(person) | ({"link": url} if url else {}))
        return
    print_fields({"login": person["login"], "role": person["role"]})
    if url:
        _print_link(url)


def _add_or_change(connection: Connection, login: str, role: str | None, at: datetime) -> Row:
    try:
        person = staff.find(connection, login)
    except staff.StaffError:
        return staff.add(connection, login, Role(role or Role.REVIEWER), by=_BY, at=at)
    if role:
        staff.set_role(connection, login, Role(role), by=_BY, at=at)
    if person["disabled_at"]:
        staff.enable(connection, login, by=_BY, at=at)
    return staff.find(connection, login)


@command.command(epilog="Example: responder staff disable ann")
@click.argument("login")
@pass_invocation
def disable(invocation: Invocation, *, login: str) -> None:
    """Keep a person from signing in; their sessions, links and tokens end at once."""
    at = datetime.now(UTC)
    _write(invocation, lambda connection: staff.disable(connection, login, by=_BY, at=at))
    click.echo(f"{login}: disabled")


@command.command(epilog="Example: responder staff link ann")
@click.argument("login")
@json_option
@pass_invocation
def link(invocation: Invocation, *, login: str, as_json: bool) -> None:
    """Print a link that signs a person in once, within an hour."""
    at = datetime.now(UTC)
    token = _write(invocation, lambda connection: staff.make_link(connection, login, by=_BY, at=at))
    url = sign_in_url(invocation.settings, token)
    if as_json:
        print_json({"login": login, "link": url})
    else:
        _print_link(url)


@command.command(epilog="Example: responder staff token ann --name exports --scope export")
@click.argument("login")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in SCOPES]),
    help="What it may do, several times for several; never more than its owner.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="It ends then.  [default: it lives until it is revoked]")
@json_option
@pass_invocation
def token(
    invocation: Invocation, *, login: str, name: str, scopes: tuple[str, ...], days: int | None, as_json: bool
) -> None:
    """Print a token for the API and for exports; it is shown only now."""
    making = partial(
        staff.make_token,
        login=login,
        name=name,
        scopes=[Permission(scope) for scope in scopes],
        lives_for=timedelta(days=days) if days else None,
        by=_BY,
        at=datetime.now(UTC),
    )
    made = _write(invocation, making)
    if as_json:
        print_json({"login": login, "name": name, "scopes": list(scopes), "token": made})
    else:
        click.echo(made)


def sign_in_url(settings: Settings, token: str) -> str:
    """Give the address of the page where a one-time link is used; one of this machine where no other is known."""
    listen = next(iter(settings.web.listen), Endpoint("localhost", 80))
    here = replace(listen, host="localhost") if listen.host in _EVERYWHERE else listen
    return f"{settings.web.base_url.rstrip('/') or f'http://{here}'}/sign-in/{token}"


def _print_link(url: str) -> None:
    click.echo("Open this to sign in; it works once, within an hour:")
    click.echo(url)


def _object(person: Row) -> dict[str, object]:
    return {
        "login": person["login"],
        "role": person["role"],
        "state": "disabled" if person["disabled_at"] else "active",
        "created_at": person["created_at"],
        "seen_at": person.get("seen_at"),
    }


def _write(invocation: Invocation, work: Callable[[Connection], T]) -> T:
    try:
        return write(invocation.settings, work)
    except (staff.StaffError, LoginError) as error:
        raise Failure(str(error)) from None
