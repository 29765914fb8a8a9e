"""`templates edit`, `publish` and `revert`: the words are changed."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from responder.cli.context import Invocation, pass_invocation
from responder.cli.failures import Failure, say
from responder.cli.templates.desk import (
    actor_of,
    change_options,
    full_name,
    in_use,
    locale_option,
    name_argument,
    open_desk,
    version_option,
)
from responder.services.templates.beginning import begin_text
from responder.services.templates.desk import Change, TemplateDesk
from responder.services.templates.file import Problem
from responder.services.templates.library import Library


@dataclass(frozen=True, slots=True)
class _Start:
    """What an editor begins with: the text, and the digest of what is in use, None where there is nothing yet."""

    text: str
    base: str | None


@click.command(epilog="Example: EDITOR=nano responder templates edit exchange-2007 --why 'new menu names'")
@name_argument
@locale_option
@version_option
@click.option("--publish/--draft", default=None, help="Publish without asking, or do not ask and keep a draft.")
@change_options
@pass_invocation
def edit(
    invocation: Invocation,
    /,
    *,
    name: str,
    locale: str | None,
    version: int | None,
    publish: bool | None,
    why: str,
    by: str | None,
) -> None:
    """Edit a template with $EDITOR; it is checked before it is saved, and saved before it is published.

    It begins with the text in use, or with that of --version. A name or language that does not exist yet is begun.
    """
    library = in_use(invocation.settings)
    locale = locale or invocation.settings.reply.default_locale
    name = full_name(library, name, locale)
    with open_desk(invocation) as desk:
        actor = actor_of(invocation, by)
        start = _start(desk, library, name, locale, version)
        text = _edit_until_fit(desk, name, locale, start.text)
        if text is None:
            click.echo("Nothing was changed.")
            return
        number = desk.save(Change(name, locale, text, start.base), actor=actor, why=why)
        click.echo(f"{locale}/{name}: version {number} is saved.")
        if publish or (publish is None and click.confirm("Publish it now?", default=False)):
            desk.publish(name, locale, number, actor=actor, why=why)
            click.echo(f"{locale}/{name}: version {number} is published.")
        else:
            click.echo(f"To publish it: responder templates publish {name} --locale {locale}")


def _start(desk: TemplateDesk, library: Library, name: str, locale: str, version: int | None) -> _Start:
    current = library.exact(name, locale)
    base = current.sha256 if current else None
    if version is not None:
        return _Start(desk.text(name, locale, version), base)
    if current is not None:
        newer = [row["version"] for row in desk.versions(name, locale)[:1] if row["version"] > (current.version or 0)]
        if newer:
            say(f"there is a newer draft, version {newer[0]}; to go on with it: --version {newer[0]}")
        return _Start(current.text, base)
    return _Start(begin_text(library, name, locale), None)


def _edit_until_fit(desk: TemplateDesk, name: str, locale: str, start: str) -> str | None:
    """Let a person edit until the text passes the check; gives None when they changed nothing.

    Raises:
        Failure: they gave up; their text is kept in a file.
    """
    with NamedTemporaryFile(
        "w", encoding="utf-8", prefix=f"{name.replace('/', '-')}-", suffix=".md", delete=False
    ) as file:
        file.write(start)
    path = Path(file.name)
    while True:
        click.edit(filename=str(path))
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems = [Problem(name, locale, None, "is not UTF-8")]
        else:
            if text == start:
                path.unlink()
                return None
            problems = desk.check(name, locale, text)
            if not problems:
                path.unlink()
                return text
        for problem in problems:
            say(str(problem))
        if not click.confirm("Edit it again?", default=True, err=True):
            raise Failure(f"nothing was saved; your text is in {path}")


@click.command(epilog="Example: responder templates publish exchange-2007 --why 'checked by the help desk'")
@name_argument
@locale_option
@version_option
@change_options
@pass_invocation
def publish(
    invocation: Invocation, /, *, name: str, locale: str | None, version: int | None, why: str, by: str | None
) -> None:
    """Publish a version, the newest one unless told otherwise, if it passes the check."""
    locale = locale or invocation.settings.reply.default_locale
    with open_desk(invocation) as desk:
        name = _written_name(desk, in_use(invocation.settings), name, locale)
        number = version or _newest(desk, name, locale)
        desk.publish(name, locale, number, actor=actor_of(invocation, by), why=why)
    click.echo(f"{locale}/{name}: version {number} is published.")


def _written_name(desk: TemplateDesk, library: Library, name: str, locale: str) -> str:
    """Give the name that `name` means; what was only drafted so far is in no library yet."""
    found = full_name(library, name, locale)
    if "/" not in name and found == name and not desk.versions(name, locale):
        ends = [row["name"] for row in desk.newest_versions() if row["name"].endswith(f"/{name}")]
        return ends[0] if ends else found
    return found


def _newest(desk: TemplateDesk, name: str, locale: str) -> int:
    rows = desk.versions(name, locale)
    if not rows:
        raise Failure(f"staff wrote no version of {locale}/{name}; begin with `responder templates edit {name}`")
    return int(rows[0]["version"])


@click.command(epilog="Example: responder templates revert answer --to shipped --why 'wrong port'")
@name_argument
@locale_option
@click.option("--to", "target", metavar="VERSION", help="A version, or `shipped`. [default: what was in use before]")
@change_options
@pass_invocation
def revert(
    invocation: Invocation, /, *, name: str, locale: str | None, target: str | None, why: str, by: str | None
) -> None:
    """Go back to an earlier version or to the shipped text; no version is ever lost."""
    locale = locale or invocation.settings.reply.default_locale
    if target is not None and target != "shipped" and not (target.isascii() and target.isdigit()):
        raise click.UsageError("--to takes the number of a version, or `shipped`")
    with open_desk(invocation) as desk:
        name = full_name(in_use(invocation.settings), name, locale)
        version = desk.before(name, locale) if target is None else None if target == "shipped" else int(target)
        if version is None:
            desk.withdraw(name, locale, actor=actor_of(invocation, by), why=why)
            click.echo(f"{locale}/{name}: the shipped text is in use again.")
        else:
            desk.publish(name, locale, version, actor=actor_of(invocation, by), why=why)
            click.echo(f"{locale}/{name}: version {version} is in use again.")


COMMANDS: tuple[click.Command, ...] = (edit, publish, revert)
