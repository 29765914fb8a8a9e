"""What the commands about templates share: the desk, names and languages, who acts, how problems are told."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

import click

from responder.app.database import require_file
from responder.app.errors import StartError
from responder.app.wording import make_library, read_library, renderer_for_looking
from responder.cli.actor import read_actor
from responder.cli.context import Invocation
from responder.cli.database import open_engine, reading
from responder.cli.failures import Failure, say
from responder.cli.output import print_json
from responder.domain.actor import Actor
from responder.domain.roles import Permission
from responder.maillog import clean_whole
from responder.services.clock import SystemClock
from responder.services.database import Database
from responder.services.templates.desk import DeskError, TemplateDesk, Unfit
from responder.services.templates.file import DENY_REASONS, GUIDES, Problem, Template, TemplateError, check_name
from responder.services.templates.library import Library
from responder.settings import Settings
from responder.storage import migrate
from responder.storage.writer import Writer

Function = TypeVar("Function", bound=Callable[..., Any])

name_argument = click.argument("name")
locale_option = click.option("--locale", help="Language. [default: that of the settings]")
_LARGEST_VERSION = 999_999_999  # what every database takes
version_option = click.option(
    "--version", type=click.IntRange(min=1, max=_LARGEST_VERSION), metavar="N", help="A version that staff wrote."
)


def is_version(text: str) -> bool:
    """Tell whether `text` can be the number of a version."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(_LARGEST_VERSION))


def change_options(function: Function) -> Function:
    """Give a command that changes something its options --why and --by."""
    why = click.option("--why", default="", metavar="TEXT", help="Why, for the history.")
    by = click.option(
        "--by",
        metavar="LOGIN",
        help="Who does it; the role of a known person bounds what they may. [default: who runs this]",
    )
    return why(by(function))


def actor_of(invocation: Invocation, by: str | None) -> Actor:
    """Give who changes templates: `by`, or the user of the system who runs this.

    Raises:
        Failure, StartError: the person may not, or the database cannot be read, in one line.
    """
    with reading(invocation.settings) as connection:
        actor = read_actor(connection, by, default=_user())
    if not actor.may(Permission.EDIT):
        raise Failure(f"{by} has the role {actor.role}, which changes no templates")
    return actor


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a name for its user
        return None


def has_database(settings: Settings) -> bool:
    """Tell whether there is a database to look into; one on a server is there, whether it answers or not."""
    try:
        require_file(settings)
    except StartError:
        return False
    return True


def in_use(settings: Settings) -> Library:
    """Give the templates as a running service uses them; before there is a database, the shipped ones.

    Raises:
        StartError: there is a database, and it cannot be read.
    """
    return read_library(settings) if has_database(settings) else make_library(settings)


@contextmanager
def open_desk(invocation: Invocation) -> Iterator[TemplateDesk]:
    """Give the desk.

    Raises:
        Failure, StartError: the database does not work, or what was asked cannot be done.
    """
    settings = invocation.settings
    require_file(settings)
    with open_engine(settings) as engine:
        migrate.check(engine)
        writer = Writer(engine)
        writer.start()
        try:
            yield TemplateDesk(
                Database(engine, writer, SystemClock()),
                files=cache(lambda: make_library(settings)),
                make_renderer=renderer_for_looking(settings),
            )
        except Unfit as error:
            for problem in error.problems[:-1]:
                say(str(problem))
            raise Failure(str(error.problems[-1])) from None
        except DeskError as error:
            raise Failure(str(error)) from None
        finally:
            writer.stop()


def full_name(library: Library, name: str, locale: str) -> str:
    """Give the name that `name` means: itself, or that of a guide or deny reason by its key alone.

    Raises:
        Failure: it can name no template.
    """
    names = (name, GUIDES + name, DENY_REASONS + name)
    found = next((each for each in names if "/" not in name or each == name if library.find(each, locale)), name)
    try:
        check_name(found, locale)
    except TemplateError as error:
        raise Failure(error.message) from None
    return found


def find_template(library: Library, name: str, locale: str) -> Template:
    """Give the template that `name` means.

    Raises:
        Failure: there is none.
    """
    template = library.find(full_name(library, name, locale), locale)
    if template is None:
        raise _unknown(library, name, locale)
    return template


def written_name(desk: TemplateDesk, library: Library, name: str, locale: str) -> str:
    """Give the name that `name` means, even of what is in no library: only drafted so far, or taken back.

    Raises:
        Failure: it can name no template.
    """
    found = full_name(library, name, locale)
    if "/" not in name and found == name and not desk.versions(name, locale):
        ends = [row["name"] for row in desk.newest_versions() if row["name"].endswith(f"/{name}")]
        return ends[0] if ends else found
    return found


def known_name(desk: TemplateDesk, library: Library, name: str, locale: str) -> str:
    """Give what `written_name` gives, of a template that there is or was in this very language.

    Raises:
        Failure: there never was one.
    """
    found = written_name(desk, library, name, locale)
    if library.exact(found, locale) is None and not desk.versions(found, locale):
        raise _unknown(library, name, locale)
    return found


def _unknown(library: Library, name: str, locale: str) -> Failure:
    there = [template for template in library.templates if template.locale == locale]
    near = get_close_matches(name, sorted({each.name for each in there} | {each.key for each in there}), 1)
    meant = f"did you mean {near[0]}? " if near else ""
    return Failure(f"there is no template {name} in {locale}; {meant}`responder templates list` shows all")


def print_problem(problem: Problem, *, as_json: bool) -> None:
    """Print what is wrong with a template; names of files are anybody's."""
    if not as_json:
        click.echo(clean_whole(problem))
        return
    where = {"name": problem.name, "locale": problem.locale, "line": problem.line, "column": problem.column}
    print_json(where | {"problem": problem.message})
