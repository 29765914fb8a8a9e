"""What every command may ask for: the settings, the database, and how to print."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from responder.cli.failures import Unusable

if TYPE_CHECKING:
    from responder.settings import Loaded, Settings

_LARGEST = 2**63 - 1  # what databases count with

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Invocation:
    """One run of the command line.

    Attributes:
        config_file: what --config said.
    """

    config_file: Path | None

    @cached_property
    def loaded(self) -> "Loaded":
        """The settings with their origin.

        Raises:
            Unusable: with everything that is wrong.
        """
        from responder.settings import SettingsError, load  # noqa: PLC0415 - only commands that need them pay

        try:
            return load(self.config_file, os.environ)
        except SettingsError as error:
            raise Unusable(error.problems) from None

    @property
    def settings(self) -> "Settings":
        """The settings."""
        return self.loaded.settings


def pass_invocation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the invocation, in front of its arguments.

    The command fails with `Unusable` before it does anything where an argument holds octets that are no UTF-8: Python
    gives them as lone surrogates, which no database and no message can hold. Paths may: so may the names of files.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        for parameter in context.command.params:
            if not isinstance(parameter.type, click.Path):
                _require_text(parameter, context)
        return function(*args, **kwargs)

    return click.make_pass_decorator(Invocation)(run)


def _require_text(parameter: click.Parameter, context: click.Context) -> None:
    given = context.params.get(parameter.name or "")
    for value in given if isinstance(given, tuple) else (given,):
        if isinstance(value, str) and not _is_text(value):
            raise Unusable([f"{parameter.get_error_hint(context)} is no UTF-8 text: {value}"])


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


json_option = click.option("--json", "as_json", is_flag=True, help="Machine output: JSON, one object a line.")


class ListByDefault(click.Group):
    """A noun whose first command is `list`, which need not be written."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front unless a command or a plea for help comes first, or a shell asks what could come."""
        is_bare = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        if is_bare and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)


class IdType(click.ParamType[int]):
    """The number of a message, as lists print it."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the number that `value` spells."""
        text = str(value)
        if not text.isascii() or not text.isdigit() or len(text) > len(str(_LARGEST)) or int(text) > _LARGEST:
            self.fail(f"{text!r} is no number of a message", param, ctx)
        return int(text)


ID = IdType()


def list_options(function: Function) -> Function:
    """Give a list command its options --limit and --json."""
    limit = click.option(
        "--limit",
        type=click.IntRange(min=0, max=_LARGEST),
        default=50,
        show_default=True,
        metavar="N",
        help="At most N; 0 is all.",
    )
    return limit(json_option(function))


after_id = click.option("--after", type=ID, metavar="ID", help="Only what follows this one in the list.")
