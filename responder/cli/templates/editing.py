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
    is_version,
    known_name,
    locale_option,
    name_argument,
    open_desk,
    version_option,
    written_name,
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
    locale = locale or invocation.settings.reply.default_locale
    with open_desk(invocation) as desk:
        library = desk.library()
        name = written_name(desk, library, name, locale)
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
    if (draft := desk.draft(name, locale)) is not None:
        say(f"version {draft} waits as a draft; to go on with it: --version {draft}")
    if current is not None:
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
    """Publish a version, the draft that waits unless told otherwise, if it passes the check."""
    locale = locale or invocation.settings.reply.default_locale
    with open_desk(invocation) as desk:
        name = written_name(desk, desk.library(), name, locale)
        number = version or _waiting(desk, name, locale)
        desk.publish(name, locale, number, actor=actor_of(invocation, by), why=why)
    click.echo(f"{locale}/{name}: version {number} is published.")


def _waiting(desk: TemplateDesk, name: str, locale: str) -> int:
    """Give the draft that waits.

    Raises:
        Failure: none does. What was in use before and was taken back must be asked for by its number.
    """
    draft = desk.draft(name, locale)
    if draft is not None:
        return draft
    if desk.versions(name, locale):
        raise Failure(
            f"no draft of {locale}/{name} waits; name a version with --version N, "
            f"`responder templates history {name} --locale {locale}` shows them"
        )
    raise Failure(f"staff wrote no version of {locale}/{name}; begin with `responder templates edit {name}`")


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
    if target is not None and target != "shipped" and not is_version(target):
        raise click.UsageError("--to takes the number of a version, or `shipped`")
    with open_desk(invocation) as desk:
        name = known_name(desk, desk.library(), name, locale)
        version = desk.before(name, locale) if target is None else None if target == "shipped" else int(target)
        if version is None:
            desk.withdraw(name, locale, actor=actor_of(invocation, by), why=why)
            click.echo(f"{locale}/{name}: the shipped text is in use again.")
        else:
            desk.publish(name, locale, version, actor=actor_of(invocation, by), why=why)
            click.echo(f"{locale}/{name}: version {version} is in use again.")


COMMANDS: tuple[click.Command, ...] = (edit, publish, revert)
