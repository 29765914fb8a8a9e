"""`responder config`: the settings in force, and everything that is wrong with them."""

import json
import os
from collections.abc import Iterator

import click

from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import UNUSABLE, say
from responder.cli.output import print_json
from responder.maillog import clean
from responder.settings import Effective, Loaded, Problem, SettingsError, load


@click.group(name="config")
def command() -> None:
    """Effective settings, and what is wrong with them."""


@command.command(epilog="Example: RESPONDER_REPLY__HTML=false responder config show")
@json_option
@pass_invocation
def show(invocation: Invocation, *, as_json: bool) -> None:
    """Show every setting in force and where it comes from.

    Passwords, the webhook and the zones of blocklists (a zone may hold a customer's key) are hidden.
    """
    settings = list(invocation.loaded.effective())
    if as_json:
        print_json({setting.key: {"value": setting.value, "origin": setting.origin} for setting in settings})
    else:
        click.echo("\n".join(_toml(settings)))


def _toml(settings: list[Effective]) -> Iterator[str]:
    """Give lines that read as a settings file, with the origin as a comment."""
    table = ""
    for setting in settings:
        above, _, name = setting.key.rpartition(".")
        if setting.key == "blocklists":
            yield from _tables(setting)
            continue
        if above != table:
            table = above
            yield f"\n[{table}]"
        yield f"{name} = {_value(setting.value)}  # {clean(setting.origin)}"


def _tables(setting: Effective) -> Iterator[str]:
    for values in setting.value:
        yield f"\n[[{setting.key}]]  # {clean(setting.origin)}"
        yield from (f"{name} = {_value(value)}" for name, value in values.items())
    if not setting.value:
        yield f"\n# no {setting.key}  # {clean(setting.origin)}"


def _value(value: object) -> str:
    """Give a value as TOML; JSON's text, numbers and lists are written alike, DEL apart."""
    return json.dumps(value, ensure_ascii=False) if clean(value) == str(value) else json.dumps(value)


@command.command(epilog="Example: responder --config /etc/responder/responder.toml config check")
@json_option
@click.pass_context
@pass_invocation
def check(invocation: Invocation, context: click.Context, *, as_json: bool) -> None:
    """Check the settings and the files they name.

    Everything that is wrong is told at once, each with its key and what to do; exit 2 if anything is. With --json one
    object for each problem, nothing when all is well.
    """
    loaded, problems = _load(invocation)
    for problem in problems:
        if as_json:
            print_json({"key": problem.key, "problem": problem.text, "origin": problem.origin})
        else:
            say(str(problem))
    if problems:
        context.exit(UNUSABLE)
    if loaded and not as_json:
        click.echo(f"The settings are in order ({loaded.file or 'defaults, no file'}).")


def _load(invocation: Invocation) -> tuple[Loaded | None, list[Problem]]:
    try:
        loaded = load(invocation.config_file, os.environ)
    except SettingsError as error:
        return None, error.problems
    return loaded, loaded.missing_files()
