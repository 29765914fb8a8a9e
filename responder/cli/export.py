"""`responder export`: what is exempt, in the formats of other programs."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from responder.app.database import require_file
from responder.app.exports import make_publishing_terms
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.database import open_engine, reading
from responder.cli.failures import FAILED
from responder.cli.output import print_json, print_octets
from responder.services.clock import SystemClock
from responder.services.exports import FORMATS
from responder.services.exports.on_demand import read_state, write_export
from responder.services.exports.published import Deviation, Difference, find_deviations
from responder.services.exports.publishing import Outcome, Publication, Publisher, replace_file
from responder.storage import migrate

_WORDS = {
    Difference.NO_FILE: "{file} is not there",
    Difference.MISSING: "{network} is approved and not published",
    Difference.LEFT_OVER: "{network} is published and not approved",
    Difference.TEXT: "{file} names the right networks, but is not as it was written",
}


@click.group(name="export", epilog="Example: responder export postfix-cidr --output /etc/postfix/exempt.cidr")
def command() -> None:
    """What is exempt, in the formats of other programs.

    On standard output, or into a file that is replaced whole. The service keeps such files by itself in the folder of
    the setting export.directory.
    """


def _add_format(name: str) -> None:
    reader = FORMATS[name].reader

    @command.command(name, short_help=f"For {reader}.", help=f"Write what is exempt for {reader}.")
    @click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Replace FILE whole.")
    @pass_invocation
    def write(invocation: Invocation, *, output: Path | None) -> None:
        with reading(invocation.settings) as connection:
            state = read_state(connection, datetime.now(UTC))
            _deliver(write_export(connection, name, state.at), output)


def _deliver(pieces: Iterable[bytes], output: Path | None) -> None:
    if output is None or str(output) == "-":
        for piece in pieces:
            print_octets(piece)
    elif output.exists() and not output.is_file():  # such as /dev/stdout
        with output.open("wb") as file:
            file.writelines(pieces)
    else:
        replace_file(output, pieces)


for _name in FORMATS:
    _add_format(_name)


@command.command(
    short_help="Compare the published files with what is approved.",
    epilog="Example: responder export check --json | jq -r .network",
)
@json_option
@click.pass_context
@pass_invocation
def check(invocation: Invocation, context: click.Context, *, as_json: bool) -> None:
    """Compare the published files with what is approved, and say each difference; exit 1 if there is one.

    A decision of the last second, or what ended just now, may not be published yet.
    """
    terms = make_publishing_terms(invocation.settings)
    found = False
    with reading(invocation.settings) as connection:
        state = read_state(connection, datetime.now(UTC))
        for name in terms.formats:
            path = terms.folder / name
            for deviation in find_deviations(connection, name, state, path):
                found = True
                _tell_deviation(deviation, path, as_json=as_json)
    if found:
        context.exit(FAILED)
    if not as_json:
        click.echo(f"What is approved is published: {', '.join(terms.formats)}.")


def _tell_deviation(deviation: Deviation, path: Path, *, as_json: bool) -> None:
    network = None if deviation.network is None else str(deviation.network)
    if as_json:
        known = {"format": deviation.name, "file": str(path)}
        print_json(known | {"difference": deviation.difference.value, "network": network})
    else:
        click.echo(f"{deviation.name}: {_WORDS[deviation.difference].format(file=path, network=network)}")


@command.command(
    short_help="Bring the published files up to date now.", epilog="Example: responder export publish --force"
)
@click.option("--force", is_flag=True, help="Also where a list shrinks by more than export.max_shrink_percent.")
@json_option
@click.pass_context
@pass_invocation
def publish(invocation: Invocation, context: click.Context, *, force: bool, as_json: bool) -> None:
    """Bring the published files up to date now, as the service does by itself; exit 1 if one is refused."""
    terms = make_publishing_terms(invocation.settings)
    require_file(invocation.settings)
    with open_engine(invocation.settings) as engine:
        migrate.check(engine)
        publications = Publisher(engine, SystemClock(), terms).publish(force=force)
    for publication in publications:
        _tell_publication(publication, terms.folder / publication.name, as_json=as_json)
    if any(publication.outcome is Outcome.REFUSED for publication in publications):
        context.exit(FAILED)


def _tell_publication(publication: Publication, path: Path, *, as_json: bool) -> None:
    name, outcome, before, after = publication.name, publication.outcome, publication.before, publication.after
    if as_json:
        known = {"format": name, "file": str(path), "outcome": outcome.value}
        print_json(known | {"before": before, "after": after})
    elif outcome is Outcome.REFUSED:
        click.echo(f"{name}: kept as it is, since of {before} entries only {after} would be left; --force replaces it")
    elif outcome is Outcome.UNCHANGED:
        click.echo(f"{name}: {path} is up to date")
    else:
        click.echo(f"{name}: {path} has {after} entries, {before} before")
