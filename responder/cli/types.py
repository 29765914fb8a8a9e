"""Kinds of arguments that several commands take, with what a shell may complete them to."""

from datetime import UTC, datetime
from typing import Any

import click
from click.shell_completion import CompletionItem
from sqlalchemy.exc import SQLAlchemyError

from responder.cli.context import ID, Invocation
from responder.domain.address import AddressError, IPAddress, IPNetwork, parse_ip, parse_mailbox, parse_network
from responder.domain.reference import NoReferenceError, parse_reference

_MOST_COMPLETED = 50


class NetworkType(click.ParamType[IPNetwork]):
    """An address, or a network such as 203.0.113.0/29."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IPNetwork:
        """Give the network that `value` spells."""
        try:
            return parse_network(str(value))
        except AddressError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class AddressType(click.ParamType[IPAddress]):
    """An IP address."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> IPAddress:
        """Give the address that `value` spells."""
        try:
            return parse_ip(str(value))
        except AddressError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class MailboxType(click.ParamType[str]):
    """A mail address."""

    name = "mailbox"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give `value` where it is one."""
        try:
            return parse_mailbox(str(value))
        except AddressError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class TimeType(click.ParamType[datetime]):
    """A date or a time, UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Give the time that `value` spells."""
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-01-31 or 2026-01-31T08:00:00Z", param, ctx)
        return at if at.tzinfo else at.replace(tzinfo=UTC)


class ReferenceType(click.ParamType[str]):
    """The reference of a request, or of one of its messages."""

    name = "reference"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the reference that `value` spells, as it is stored."""
        try:
            return parse_reference(str(value))
        except NoReferenceError as error:
            self.fail(f"{value!r}: {error}", param, ctx)

    def shell_complete(self, ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Give references that begin with `incomplete`, with contact and state; none where no database can be read."""
        from responder.cli.database import reading  # noqa: PLC0415 - only a completion pays
        from responder.storage.requests import find_beginning  # noqa: PLC0415

        invocation = Invocation(ctx.find_root().params.get("config_file"))
        try:
            with reading(invocation.settings) as connection:
                rows = find_beginning(connection, incomplete.upper(), _MOST_COMPLETED)
        except (click.ClickException, SQLAlchemyError, OSError, RuntimeError):
            return []
        return [CompletionItem(row["reference"], help=f"{row['state']} {row['contact']}") for row in rows]


class MessageType(click.ParamType[int | str]):
    """A message: its id, as lists print it, or its own reference, as its client heard it."""

    name = "message"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Give the id that `value` spells, or the reference as it is stored; digits alone are an id."""
        text = str(value)
        if text.isdecimal():
            return ID.convert(text, param, ctx)
        try:
            return parse_reference(text)
        except NoReferenceError:
            self.fail(f"{text!r} is neither the id of a message nor its reference", param, ctx)


NETWORK = NetworkType()
ADDRESS = AddressType()
MAILBOX = MailboxType()
TIME = TimeType()
REFERENCE = ReferenceType()
MESSAGE = MessageType()
