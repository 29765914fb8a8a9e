"""`responder templates`: the response templates and guides."""

from dataclasses import replace
from typing import Any

import click

from responder.app.identity import make_identity
from responder.app.wording import find_problems, make_library, make_renderer
from responder.cli.context import Invocation, ListByDefault, json_option, pass_invocation
from responder.cli.failures import Failure
from responder.cli.output import Column, print_json, print_octets, print_table
from responder.services.library import GUIDES, Library, Template, TemplateError
from responder.services.rendering import Renderer
from responder.services.samples import SAMPLES

_NO_KEY = bytes(32)  # what is rendered here is looked at, never sent


@click.group(name="templates", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """The response templates and the guides that they hold."""


locale_option = click.option("--locale", help="Language. [default: that of the settings]")
name_argument = click.argument("name")


@command.command("list")
@json_option
@pass_invocation
def listing(invocation: Invocation, *, as_json: bool) -> None:
    """List templates, every locale of each."""
    objects = [_object(template) for template in make_library(invocation.settings).templates]
    if as_json:
        for each in objects:
            print_json(each)
        return
    print_table(
        (Column("NAME"), Column("LOCALE"), Column("SOURCE"), Column("TITLE", may_be_cut=True)),
        [(each["name"], each["locale"], each["source"], each["title"]) for each in objects],
    )


def _object(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "locale": template.locale,
        "source": template.source,
        "version": template.version,
        "published_at": template.published_at,
        "published_by": template.published_by,
        "title": template.title,
    }


@command.command(epilog="Example: responder templates show exchange-2007")
@name_argument
@locale_option
@json_option
@pass_invocation
def show(invocation: Invocation, *, name: str, locale: str | None, as_json: bool) -> None:
    """Show the Markdown of one template or guide."""
    template = _find(make_library(invocation.settings), name, locale or invocation.settings.reply.default_locale)
    if as_json:
        more = {"subject": template.subject, "body": template.body, "literals": template.literals}
        print_json(_object(template) | more | {"software": template.software})
    else:
        click.echo(template.body.strip("\n"))


def _find(library: Library, name: str, locale: str) -> Template:
    template = library.find(name, locale) or library.find(GUIDES + name, locale)
    if template is None:
        raise Failure(f"there is no template {name} in {locale}; `responder templates list` shows all")
    return template


@command.command(
    short_help="Check every template.", epilog="Example: responder templates check && systemctl reload responder"
)
@json_option
@click.pass_context
@pass_invocation
def check(invocation: Invocation, context: click.Context, *, as_json: bool) -> None:
    """Check every template: its syntax, its variables, and how it comes out with every sample.

    Exit 1 if anything is wrong. With --json one object for each problem, nothing when all is well.
    """
    library = make_library(invocation.settings)
    problems = find_problems(library, _renderer(invocation, library))
    for problem in problems:
        if as_json:
            print_json(
                {"name": problem.name, "locale": problem.locale, "line": problem.line, "problem": problem.message}
            )
        else:
            click.echo(str(problem))
    if problems:
        context.exit(1)
    if not as_json:
        click.echo(f"{len(library.templates)} templates are in order.")


def _renderer(invocation: Invocation, library: Library) -> Renderer:
    return make_renderer(invocation.settings, library, make_identity(invocation.settings, _NO_KEY))


@command.command(
    short_help="Show what a template says in a sample case.",
    epilog="Example: responder templates preview answer --sample ipv6 --html > preview.html",
)
@click.argument("name", default="answer")
@locale_option
@click.option(
    "--sample",
    type=click.Choice(list(SAMPLES)),
    metavar="CASE",
    default="dynamic",
    show_default=True,
    help=f"The case: {', '.join(SAMPLES)}.",
)
@click.option("--html", "wanted", flag_value="html", help="The HTML part, for a browser.")
@click.option("--raw", "wanted", flag_value="raw", help="The whole message as it would leave.")
@json_option
@pass_invocation
def preview(
    invocation: Invocation, *, name: str, locale: str | None, sample: str, wanted: str | None, as_json: bool
) -> None:
    """Show what a template says in a sample case: the text part, unless told otherwise."""
    library = make_library(invocation.settings)
    template = _find(library, name, locale or invocation.settings.reply.default_locale)
    renderer = _renderer(invocation, library)
    letter = replace(SAMPLES[sample], template=template.name, locale=template.locale)
    if wanted == "raw":
        if template.is_guide:
            raise Failure(f"{name} is a part of an answer, not a message")
        print_octets(renderer.render(letter).content)
        return
    try:
        page = renderer.page(template, letter)
    except TemplateError as error:
        raise Failure(str(template.problem(error))) from None
    if as_json:
        print_json(
            _object(template) | {"sample": sample, "subject": page.subject, "text": page.text, "html": page.html}
        )
        return
    if page.subject:
        click.echo(f"Subject: {page.subject}\n", err=wanted == "html")
    click.echo(page.html if wanted == "html" else page.text, nl=False)
