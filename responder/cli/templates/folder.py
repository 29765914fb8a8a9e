"""`templates pull` and `push`: a folder of files, such as a git checkout, in step with what is in use."""

from pathlib import Path

import click

from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import Failure
from responder.cli.output import print_json, shown
from responder.cli.templates.desk import actor_of, change_options, open_desk
from responder.services.templates.folder import Pair, Step, TemplateFolder, changes_of, digest

_DONE = {Step.PULL: "written", Step.PUSH: "published", Step.CONFLICT: "conflict", Step.SAME: "same"}
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.command(
    short_help="Write the templates in use into a folder.",
    epilog="Example: responder templates pull /srv/templates && git -C /srv/templates diff",
)
@folder_argument
@click.option("--theirs", multiple=True, metavar="LOCALE/NAME", help="In this conflict take what is in use.")
@json_option
@click.pass_context
@pass_invocation
def pull(
    invocation: Invocation, context: click.Context, *, folder: Path, theirs: tuple[str, ...], as_json: bool
) -> None:
    """Write the templates in use into DIR.

    A file that was changed there stays as it is. Where the text in use has changed too, that is a conflict: it is
    told, nothing is written, and the exit status is 1.
    """
    with open_desk(invocation) as desk:
        folder.mkdir(parents=True, exist_ok=True)
        files = TemplateFolder(folder)
        pairs = files.compare(desk.library(), theirs=theirs)
        files.write(pairs)
    told = [pair for pair in pairs if pair.step in {Step.PULL, Step.CONFLICT}]
    _tell(told, as_json=as_json)
    if waiting := sum(pair.step is Step.PUSH for pair in pairs):
        where = shown(folder)
        _say(f"{waiting} changed in {where}: `responder templates push {where}` publishes them.", as_json=as_json)
    if any(pair.step is Step.CONFLICT for pair in pairs):
        _say("Conflicts: take theirs with pull --theirs LOCALE/NAME, or yours with push --mine.", as_json=as_json)
        context.exit(1)


@click.command(
    short_help="Publish the templates that were changed in a folder.",
    epilog="Example: responder templates push /srv/templates --why 'merge of the spring texts'",
)
@folder_argument
@click.option("--mine", multiple=True, metavar="LOCALE/NAME", help="In this conflict take what the folder has.")
@click.option("--dry-run", is_flag=True, help="Check and tell, change nothing.")
@change_options
@json_option
@pass_invocation
def push(
    invocation: Invocation,
    /,
    *,
    folder: Path,
    mine: tuple[str, ...],
    dry_run: bool,
    why: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Publish what was changed in DIR since it was pulled: all of it, or nothing.

    Everything is checked first. A text that somebody else has published meanwhile is a conflict. A file that has
    become the shipped text again goes back to that.
    """
    if not folder.is_dir():
        raise Failure(f"{folder}: there is no such folder; `responder templates pull {folder}` makes it")
    with open_desk(invocation) as desk:
        files = TemplateFolder(folder)
        library = desk.library()
        pairs = files.compare(library, mine=mine)
        if all(pair.here is None for pair in pairs):
            raise Failure(f"there are no templates in {folder}; `responder templates pull {folder}` writes them there")
        if conflicts := [pair for pair in pairs if pair.step is Step.CONFLICT]:
            _tell(conflicts, as_json=as_json)
            raise Failure("nothing was published: changed here and by others; pull --theirs or push --mine LOCALE/NAME")
        changes, shipped = changes_of(pairs, library)
        if dry_run:
            desk.check_all(changes)
        else:
            actor = actor_of(invocation, by)
            if changes:
                desk.publish_all(changes, actor=actor, why=why)
            for pair in shipped:
                desk.withdraw(pair.name, pair.locale, actor=actor, why=why)
            files.agree({pair.place: digest(pair.here) for pair in pairs if pair.step is Step.PUSH and pair.here})
    pushed = [pair for pair in pairs if pair.step is Step.PUSH]
    _tell(pushed, as_json=as_json, done="would be published" if dry_run else None)


def _tell(pairs: list[Pair], *, as_json: bool, done: str | None = None) -> None:
    for pair in pairs:
        result = done or _DONE[pair.step]
        if as_json:
            print_json({"name": pair.name, "locale": pair.locale, "result": result})
        else:
            click.echo(f"{pair.place}: {result}")
    if not pairs:
        _say("Nothing has changed.", as_json=as_json)


def _say(text: str, *, as_json: bool) -> None:
    if not as_json:
        click.echo(text)


COMMANDS: tuple[click.Command, ...] = (pull, push)
