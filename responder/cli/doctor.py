"""`responder doctor`: asks every part whether it works."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from responder.app.doctor import examine
from responder.app.through import examine_through
from responder.app.verdict import Finding, Verdict
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import FAILED
from responder.cli.output import print_json
from responder.cli.types import ADDRESS, MAILBOX
from responder.domain.address import IPAddress
from responder.maillog import clean
from responder.settings import Endpoint
from responder.settings.values import Listen

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red"}


class _ServerType(click.ParamType[Endpoint]):
    """A host and port."""

    name = "server"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Endpoint:
        """Give the server that `value` names."""
        try:
            server: Endpoint = TypeAdapter(Listen).validate_python(value)
        except ValidationError:
            self.fail("must be HOST:PORT, such as 192.0.2.25:25 or [2001:db8::25]:25", param, ctx)
        return server


@click.command(
    name="doctor",
    epilog="Examples: responder doctor --json | jq 'select(.verdict != \"ok\")'; "
    "responder doctor --through mx.example.com:25 --as 203.0.113.9",
)
@click.option("--through", "server", type=_ServerType(), metavar="HOST:PORT", help="Ask this front MTA instead.")
@click.option("--as", "client", type=ADDRESS, metavar="ADDRESS", help="As the client that it shall judge.")
@click.option("--recipient", type=MAILBOX, metavar="ADDR", help="A mailbox that the client must not reach.")
@json_option
@click.pass_context
@pass_invocation
def command(
    invocation: Invocation,
    context: click.Context,
    *,
    server: Endpoint | None,
    client: IPAddress | None,
    recipient: str | None,
    as_json: bool,
) -> None:
    """Ask every part whether it works.

    Settings and the files they name, database, disk, worker, outbox, limits reached lately, the relay (would it take a
    message from the null sender? none is sent), templates, ports, clock, resolver, lists. Exit 1 if anything does not
    work; a warning alone is exit 0.

    With --through and --as it asks a front MTA alone, by XCLIENT: does the client ADDRESS, which a list names, reach
    the bypass addresses, and nobody else? No message is sent.
    """
    if (server is None) != (client is None) or (recipient and server is None):
        raise click.UsageError("--through HOST:PORT and --as ADDRESS belong together")
    if server is None or client is None:
        findings: Iterable[Finding] = examine(invocation.loaded)
    else:
        findings = examine_through(invocation.settings, server, client, recipient)
    if _show(findings, as_json=as_json):
        context.exit(FAILED)


def _show(findings: Iterable[Finding], *, as_json: bool) -> bool:
    """Print findings as they come, and tell whether a part does not work."""
    failed = False
    for finding in findings:
        failed = failed or finding.verdict is Verdict.FAILED
        if as_json:
            print_json(asdict(finding))
        else:
            verdict = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
            click.echo(f"{verdict} {finding.part:<10} {clean(finding.text)}")
    return failed
