"""`queue approve`, `deny`, `ask`: what the sender hears of."""

from collections.abc import Collection
from typing import Any

import click

from responder.cli.context import Invocation, pass_invocation
from responder.cli.queue.acting import act, deciding_options
from responder.cli.templates.desk import in_use
from responder.cli.types import NETWORK
from responder.domain.address import IPNetwork
from responder.domain.exemption import LONGEST_DAYS
from responder.services.review_actions import Approve, Ask, Deny
from responder.services.templates.file import DENY_REASONS


@click.command(
    short_help="Exempt an address or network, and tell the sender.",
    epilog="Examples: responder queue approve 7K3QW-0M9XT --reason 'leased line'; "
    "responder queue approve 7K3QW-0M9XT --network 203.0.113.8/29 --confirm 203.0.113.8/29",
)
@click.option("--network", type=NETWORK, help="What to exempt.  [default: the refused address]")
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), metavar="N", help="For how long, instead of the usual.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for other staff; the sender does not read it.")
@click.option(
    "--text", "words", default="", metavar="TEXT", help="Words besides those of the template; the sender reads them."
)
@click.option("--confirm", type=NETWORK, help="The network once more, where proof is none or nobody asked for it.")
@deciding_options
@pass_invocation
def approve(
    invocation: Invocation,
    /,
    *,
    network: IPNetwork | None,
    days: int | None,
    reason: str,
    words: str,
    confirm: IPNetwork | None,
    **others: Any,
) -> None:
    """Exempt an address or network, and tell the sender.

    The exemption acts at once; the notice leaves when review.undo_seconds have passed, and until then `undo` takes
    all of it back.
    """
    act(invocation, Approve(network, days, reason, words, confirm), **others)


@click.command(
    short_help="Refuse, and tell the sender why.",
    epilog="Example: responder queue deny 7K3QW-0M9XT --paragraph dynamic --paragraph use-smart-host",
)
@click.option(
    "--paragraph", "paragraphs", multiple=True, metavar="KEY", help="A deny reason of the templates, in order."
)
@click.option("--reason", default="", metavar="TEXT", help="Why; the sender reads it.")
@click.option("--text", "words", default="", metavar="TEXT", help="What else to tell; the sender reads it too.")
@deciding_options
@pass_invocation
def deny(invocation: Invocation, /, *, paragraphs: tuple[str, ...], reason: str, words: str, **others: Any) -> None:
    """Refuse, and tell the sender why; the notice leaves later, as that of `approve`.

    KEY is that of a template below `deny-reasons`, see `responder templates list`.
    """
    _require_reasons(invocation, paragraphs)
    act(invocation, Deny(paragraphs, reason, words), **others)


def _require_reasons(invocation: Invocation, paragraphs: Collection[str]) -> None:
    """Make sure that there are deny reasons of these keys; of one that is not, the sender would read nothing."""
    if not paragraphs:
        return
    known = in_use(invocation.settings).parts(DENY_REASONS, invocation.settings.reply.default_locale)
    for key in paragraphs:
        if key not in known:
            raise click.BadParameter(f"there is no deny reason {key!r}; there are {', '.join(sorted(known))}")


@click.command(
    short_help="Ask the sender something.",
    epilog="Example: responder queue ask 7K3QW-0M9XT --text 'Which network did your provider assign to you?'",
)
@click.option("--text", "words", required=True, metavar="TEXT", help="The question; the sender reads it.")
@deciding_options
@pass_invocation
def ask(invocation: Invocation, /, *, words: str, **others: Any) -> None:
    """Ask the sender something; an answer brings the request back, and without one it lapses."""
    act(invocation, Ask(words), **others)


COMMANDS = (approve, deny, ask)
