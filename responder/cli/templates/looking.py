"""`templates list`, `show`, `check` and `preview`: nothing is changed, and no database is needed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from responder.app.wording import make_letters, make_library, renderer_for_looking
from responder.cli.context import Invocation, json_option, list_options, pass_invocation
from responder.cli.database import reading
from responder.cli.failures import Failure
from responder.cli.output import USUAL, WIDE, Column, print_json, print_octets, print_table
from responder.cli.templates.desk import (
    find_template,
    has_database,
    in_use,
    locale_option,
    name_argument,
    open_desk,
    print_problem,
    version_option,
)
from responder.services.checking import check_draft, find_problems, samples_of
from responder.services.letter import Letter
from responder.services.refusal_words import sample_refusals
from responder.services.samples import SAMPLES
from responder.services.templates.cases import letter_of_request
from responder.services.templates.desk import DeskError
from responder.services.templates.file import REFUSAL, Problem, Template, TemplateError, parse_template
from responder.services.templates.folder import place_of
from responder.services.templates.library import Library, read_files
from responder.services.templates.standings import Standing, missing_locales, standings
from responder.storage.templates import newest_versions, read_published

_COLUMNS = (
    Column("NAME"),
    Column("LOCALE"),
    Column("SOURCE"),
    Column("VERSION"),
    Column("PUBLISHED", least_width=USUAL),
    Column("BY", least_width=WIDE),
    Column("NOTE"),
    Column("TITLE", may_be_cut=True, least_width=WIDE),
)


@click.command("list", epilog="Example: responder templates list --limit 50 --after en/guides/postfix")
@list_options
@click.option("--after", metavar="LOCALE/NAME", help="Only what follows this one in the list.")
@pass_invocation
def listing(invocation: Invocation, /, *, limit: int, after: str | None, as_json: bool) -> None:
    """List templates, every language of each: which are edited, wait as drafts, or are behind."""
    library = in_use(invocation.settings)
    following = _following(_standings(invocation, library), after)
    page = following[:limit] if limit else following
    lacking = missing_locales(library)
    objects = [_object(each, lacking.get(each.name, [])) for each in page]
    if as_json:
        for each in objects:
            print_json(each)
        return
    print_table(_COLUMNS, [_cells(each) for each in objects])
    if left := len(following) - len(page):
        click.echo(f"{left} more follow: --after {place_of(page[-1].name, page[-1].locale)}, or --limit 0 for all.")
    shown = {each.name: tuple(lacking[each.name]) for each in page if each.name in lacking}
    for locales in dict.fromkeys(shown.values()):
        names = [name for name, missing in shown.items() if missing == locales]
        click.echo(f"Missing in {', '.join(locales)}: {', '.join(names)}")


def _following(rows: list[Standing], after: str | None) -> list[Standing]:
    """Give what follows the row `after`, all without it.

    Raises:
        Failure: there is no such row.
    """
    if after is None:
        return rows
    places = [place_of(each.name, each.locale) for each in rows]
    if after not in places:
        raise Failure(f"there is no template {after}; --after takes LOCALE/NAME, such as en/guides/postfix")
    return rows[places.index(after) + 1 :]


def _standings(invocation: Invocation, library: Library) -> list[Standing]:
    if not has_database(invocation.settings):
        return standings(library, (), ())
    with reading(invocation.settings) as connection:
        return standings(library, newest_versions(connection), read_published(connection))


def _object(standing: Standing, missing: list[str]) -> dict[str, Any]:
    more = {
        "draft": standing.draft,
        "shipped_changed": standing.shipped_changed,
        "is_behind": standing.is_behind,
        "missing_locales": missing,
    }
    if standing.template is None:
        nothing = dict.fromkeys(("source", "version", "published_at", "published_by", "title"))
        return {"name": standing.name, "locale": standing.locale} | nothing | more
    return template_object(standing.template) | more


def template_object(template: Template) -> dict[str, Any]:
    """Give a template as `list` prints it."""
    return {
        "name": template.name,
        "locale": template.locale,
        "source": template.source,
        "version": template.version,
        "published_at": template.published_at,
        "published_by": template.published_by,
        "title": template.title,
    }


def _cells(each: dict[str, Any]) -> tuple[object, ...]:
    notes = (
        each["draft"] and f"draft {each['draft']}",
        each["shipped_changed"] and "shipped text has changed",
        each["is_behind"] and "older than the English",
    )
    at = each["published_at"]
    when = at and at.date().isoformat()
    note = ", ".join(note for note in notes if note)
    return (
        each["name"],
        each["locale"],
        each["source"] or ("draft" if each["draft"] else "withdrawn"),
        each["version"],
        when,
        each["published_by"],
        note,
        each["title"],
    )


@click.command(epilog="Example: responder templates show exchange-2007 > exchange-2007.md")
@name_argument
@locale_option
@version_option
@click.option("--shipped", is_flag=True, help="The shipped text, whatever is in use.")
@json_option
@pass_invocation
def show(
    invocation: Invocation, *, name: str, locale: str | None, version: int | None, shipped: bool, as_json: bool
) -> None:
    """Show the file of one template or guide as it is in use."""
    library = make_library(invocation.settings) if shipped else in_use(invocation.settings)
    template = _find(invocation, library, name, locale, version)
    if as_json:
        more = {"subject": template.subject, "body": template.body, "literals": template.literals}
        print_json(template_object(template) | more | {"software": template.software, "text": template.text})
    else:
        click.echo(template.text.rstrip("\n"))


def _find(invocation: Invocation, library: Library, name: str, locale: str | None, version: int | None) -> Template:
    template = find_template(library, name, locale or invocation.settings.reply.default_locale)
    if version is None:
        return template
    with open_desk(invocation) as desk:
        text = desk.text(template.name, locale or template.locale, version)
    try:
        return replace(parse_template(template.name, locale or template.locale, text), version=version)
    except TemplateError as error:
        raise Failure(str(template.problem(error))) from None


@click.command(
    short_help="Check every template.", epilog="Example: responder templates check && systemctl reload responder"
)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@json_option
@click.pass_context
@pass_invocation
def check(invocation: Invocation, context: click.Context, *, folder: Path | None, as_json: bool) -> None:
    """Check every template: its syntax, its variables, and how it comes out with every sample.

    Those in use; with DIR those of a folder instead, together with the shipped ones that it lacks, for which no
    database is needed. Exit 1 if anything is wrong. With --json one object for each problem, nothing when all is well.
    """
    problems, count = _check_folder(invocation, folder) if folder else _check_all(invocation)
    for problem in problems:
        print_problem(problem, as_json=as_json)
    if problems:
        context.exit(1)
    if not as_json:
        click.echo(f"{count} templates are in order.")


def _check_all(invocation: Invocation) -> tuple[list[Problem], int]:
    library = in_use(invocation.settings)
    problems = find_problems(library, renderer_for_looking(invocation.settings)(library))
    return problems, len(library.templates)


def _check_folder(invocation: Invocation, folder: Path) -> tuple[list[Problem], int]:
    files = read_files(folder)
    together = make_library(invocation.settings).with_drafts(files.templates.values())
    make_renderer = renderer_for_looking(invocation.settings)
    found = [each for draft in files.templates.values() for each in check_draft(together, make_renderer, draft)]
    return [*files.problems, *found], len(files.templates)


@click.command(
    short_help="Show what a template says in a sample case.",
    epilog="Example: responder templates preview answer --sample ipv6 --html > preview.html",
)
@click.argument("name", default="answer")
@locale_option
@version_option
@click.option("--sample", type=click.Choice(list(SAMPLES)), metavar="CASE", help=f"The case: {', '.join(SAMPLES)}.")
@click.option("--request", "reference", metavar="REFERENCE", help="The case of a real request, once it was answered.")
@click.option("--html", "wanted", flag_value="html", help="The HTML part, for a browser.")
@click.option("--raw", "wanted", flag_value="raw", help="The whole message as it would leave.")
@json_option
@pass_invocation
def preview(
    invocation: Invocation,
    /,
    *,
    name: str,
    locale: str | None,
    version: int | None,
    sample: str | None,
    reference: str | None,
    wanted: str | None,
    as_json: bool,
) -> None:
    """Show what a template says in a sample case: the text part, unless told otherwise."""
    library = in_use(invocation.settings)
    template = _find(invocation, library, name, locale, version)
    case = sample or next(iter(samples_of(template.name)))
    letter = _letter_of(invocation, library, reference) if reference else SAMPLES[case]
    if template.name == REFUSAL:
        _print_refusals(template, as_json=as_json)
        return
    renderer = renderer_for_looking(invocation.settings)(library.with_drafts([template]))
    letter = replace(letter, template=template.name, locale=template.locale)
    if wanted == "raw":
        if template.is_part:
            raise Failure(f"{name} is a part of a message, not a message")
        print_octets(renderer.render(letter).content)
        return
    try:
        page = renderer.page(template, letter)
    except TemplateError as error:
        raise Failure(str(template.problem(error))) from None
    if as_json:
        seen = {"sample": None if reference else case, "subject": page.subject, "text": page.text, "html": page.html}
        print_json(template_object(template) | seen)
        return
    if page.subject:
        click.echo(f"Subject: {page.subject}\n", err=wanted == "html")
    click.echo(page.html if wanted == "html" else page.text, nl=False)


def _letter_of(invocation: Invocation, library: Library, reference: str) -> Letter:
    with reading(invocation.settings) as connection:
        try:
            return letter_of_request(connection, make_letters(invocation.settings, library), reference)
        except DeskError as error:
            raise Failure(str(error)) from None


def _print_refusals(template: Template, *, as_json: bool) -> None:
    try:
        lines = sample_refusals(template)
    except TemplateError as error:
        raise Failure(str(template.problem(error))) from None
    for line in lines:
        if as_json:
            print_json(template_object(template) | {"text": line})
        else:
            click.echo(line)


COMMANDS: tuple[click.Command, ...] = (listing, show, check, preview)
