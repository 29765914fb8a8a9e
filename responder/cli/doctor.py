"""`responder doctor`: asks every part whether it works."""

from dataclasses import asdict

import click

from responder.app.doctor import Verdict, examine
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import FAILED
from responder.cli.output import print_json
from responder.maillog import clean

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}


@click.command(name="doctor", epilog="Example: responder doctor --json | jq 'select(.verdict != \"ok\")'")
@json_option
@click.pass_context
@pass_invocation
def command(invocation: Invocation, context: click.Context, *, as_json: bool) -> None:
    """Ask every part whether it works.

    Settings and the files they name, database, disk, outbox, limits reached lately, the relay (would it take a message
    from the null sender? none is sent), templates, ports, clock, resolver. Exit 1 if anything does not work.
    """
    failed = False
    for finding in examine(invocation.loaded):
        failed = failed or finding.verdict is Verdict.FAILED
        if as_json:
            print_json(asdict(finding))
        else:
            verdict = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
            click.echo(f"{verdict} {finding.part:<10} {clean(finding.text)}")
    if failed:
        context.exit(FAILED)
