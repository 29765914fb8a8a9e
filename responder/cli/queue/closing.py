"""`queue dismiss`, `reopen`, `promote`, `undo`: what moves a request without a word to its sender."""

from typing import Any, Literal, cast

import click

from responder.cli.context import Invocation, pass_invocation
from responder.cli.queue.acting import act, deciding_options
from responder.services.review_actions import Dismiss, Promote, Reopen, Undo


@click.command(
    short_help="Close without a word to the sender.",
    epilog="Example: responder queue dismiss --domain spam.example --block domain --dry-run",
)
@click.option("--block", type=click.Choice(["sender", "domain"]), help="Also never answer them again.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for other staff; the sender does not read it.")
@deciding_options
@pass_invocation
def dismiss(invocation: Invocation, /, *, block: str | None, reason: str, **others: Any) -> None:
    """Close without a word to the sender; what still waits to leave for them does not."""
    act(invocation, Dismiss(cast("Literal['sender', 'domain'] | None", block), reason), **others)


@click.command(
    short_help="Bring back what was closed.",
    epilog="Example: responder queue reopen 7K3QW-0M9XT --reason 'the provider has confirmed it'",
)
@click.option("--reason", default="", metavar="TEXT", help="Why, for other staff; the sender does not read it.")
@deciding_options
@pass_invocation
def reopen(invocation: Invocation, /, *, reason: str, **others: Any) -> None:
    """Bring back what was decided or had lapsed; an exemption holds until it is revoked."""
    act(invocation, Reopen(reason), **others)


@click.command(
    short_help="Take what is shelved into the queue.",
    epilog="Example: responder queue promote 7K3QW-0M9XT --answer",
)
@click.option("--answer", is_flag=True, help="Also send the automatic answer that its last message did not get.")
@deciding_options
@pass_invocation
def promote(invocation: Invocation, /, *, answer: bool, **others: Any) -> None:
    """Take what was stored in silence into the queue, as a plea like any other."""
    act(invocation, Promote(answer), **others)


@click.command(
    short_help="Take an approval or a denial back.",
    epilog="Example: responder queue undo 7K3QW-0M9XT",
)
@deciding_options
@pass_invocation
def undo(invocation: Invocation, /, **others: Any) -> None:
    """Take an approval or a denial back, as long as its notice has not left (review.undo_seconds)."""
    act(invocation, Undo(), **others)


COMMANDS = (dismiss, reopen, promote, undo)
