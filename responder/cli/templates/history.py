"""`templates history` and `diff`: who wrote what when, and how texts differ."""

from typing import Any

import click

from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import Failure
from responder.cli.output import Column, print_json, print_table
from responder.cli.templates.desk import is_version, known_name, locale_option, name_argument, open_desk
from responder.maillog import clean_whole
from responder.services.templates.desk import TemplateDesk, difference
from responder.services.templates.library import Library

_SHIPPED, _PUBLISHED = "shipped", "published"


@click.command(epilog="Example: responder templates history answer")
@name_argument
@locale_option
@json_option
@pass_invocation
def history(invocation: Invocation, *, name: str, locale: str | None, as_json: bool) -> None:
    """Show what staff wrote, published and took back of one template, newest first."""
    locale = locale or invocation.settings.reply.default_locale
    with open_desk(invocation) as desk:
        name = known_name(desk, desk.library(), name, locale)
        objects = _events(desk, name, locale)
    if as_json:
        for each in objects:
            print_json(each)
        return
    columns = (Column("AT"), Column("EVENT"), Column("VERSION"), Column("BY"), Column("WHY", may_be_cut=True))
    print_table(columns, [(each["at"], each["event"], each["version"], each["by"], each["why"]) for each in objects])


def _events(desk: TemplateDesk, name: str, locale: str) -> list[dict[str, Any]]:
    written = [
        {
            "at": row["created_at"],
            "event": "written",
            "version": row["version"],
            "by": row["created_by"],
            "why": row["why"] or None,
            "sha256": row["sha256"],
            "is_published": row["published_at"] is not None,
        }
        for row in desk.versions(name, locale)
    ]
    events = [
        {
            "at": row["at"],
            "event": row["event"],
            "version": _number(row["to_state"] if row["event"] == _PUBLISHED else row["from_state"]),
            "by": row["actor_id"] or row["actor_kind"],
            "why": row["data"].get("why") or None,
        }
        for row in desk.events(name, locale)
    ]
    return sorted([*written, *events], key=lambda each: (each["at"], each["event"] != "written"), reverse=True)


def _number(state: str | None) -> int | None:
    return int(state) if state and state.isdecimal() else None


@click.command(epilog="Example: responder templates diff answer --from shipped --to published")
@name_argument
@locale_option
@click.option("--from", "old", metavar="VERSION", help="A version, `shipped` or `published`.")
@click.option("--to", "new", metavar="VERSION", help="Likewise.")
@pass_invocation
def diff(invocation: Invocation, *, name: str, locale: str | None, old: str | None, new: str | None) -> None:
    """Show how two texts of a template differ.

    Without --from and --to: a draft that waits against what is in use, else what is in use against the shipped text.
    """
    locale = locale or invocation.settings.reply.default_locale
    with open_desk(invocation) as desk:
        library = desk.library()
        name = known_name(desk, library, name, locale)
        if old is None and new is None:
            old, new = _usual(desk, library, name, locale)
        old, new = old or _PUBLISHED, new or _PUBLISHED
        texts = [_text(desk, library, name, locale, which) for which in (old, new)]
    for line in difference(texts[0], texts[1], f"{locale}/{name} {old}", f"{locale}/{name} {new}"):
        click.echo(clean_whole(line))


def _usual(desk: TemplateDesk, library: Library, name: str, locale: str) -> tuple[str, str]:
    draft = desk.draft(name, locale)
    if draft is None:
        return _SHIPPED, _PUBLISHED
    return _PUBLISHED if library.exact(name, locale) else str(draft), str(draft)


def _text(desk: TemplateDesk, library: Library, name: str, locale: str, which: str) -> str:
    if which == _SHIPPED:
        template = library.shipped(name, locale)
        if template is None:
            raise Failure(f"nothing is shipped as {locale}/{name}")
        return template.text
    if which != _PUBLISHED and not is_version(which):
        raise click.UsageError("--from and --to take the number of a version, `shipped` or `published`")
    return desk.text(name, locale, None if which == _PUBLISHED else int(which))


COMMANDS: tuple[click.Command, ...] = (history, diff)
