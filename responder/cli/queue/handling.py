"""`queue note`, `assign`, `recheck`, `mark-read`: what leaves a request where it is."""

from typing import Any

import click

from responder.cli.context import Invocation, pass_invocation
from responder.cli.queue.acting import act, deciding_options
from responder.services.review_actions import Assign, MarkRead, Note, Recheck


@click.command(
    short_help="Write something down for other staff.",
    epilog="Example: responder queue note 7K3QW-0M9XT --text 'called them, they will ask their provider'",
)
@click.option("--text", "words", required=True, metavar="TEXT", help="What to write down.")
@deciding_options
@pass_invocation
def note(invocation: Invocation, /, *, words: str, **others: Any) -> None:
    """Write something down in the history of a request; it is never sent."""
    act(invocation, Note(words), **others)


@click.command(
    short_help="Say who has a request in hand.",
    epilog="Examples: responder queue assign 7K3QW-0M9XT --to ann; responder queue assign 7K3QW-0M9XT --nobody",
)
@click.option("--to", "login", metavar="LOGIN", help="Who has it in hand.")
@click.option("--nobody", is_flag=True, help="Nobody has it in hand any more.")
@deciding_options
@pass_invocation
def assign(invocation: Invocation, /, *, login: str | None, nobody: bool, **others: Any) -> None:
    """Say who has a request in hand."""
    if bool(login) == nobody:
        raise click.UsageError("say --to LOGIN, or --nobody")
    act(invocation, Assign(login.lower() if login else None), **others)


@click.command(
    short_help="Have the evidence gathered again.",
    epilog="Example: responder queue recheck 7K3QW-0M9XT",
)
@deciding_options
@pass_invocation
def recheck(invocation: Invocation, /, **others: Any) -> None:
    """Have the evidence about a request gathered again by a worker that runs."""
    act(invocation, Recheck(), **others)


@click.command(
    "mark-read",
    short_help="Say that what the sender wrote last was seen.",
    epilog="Example: responder queue mark-read 7K3QW-0M9XT",
)
@deciding_options
@pass_invocation
def mark_read(invocation: Invocation, /, **others: Any) -> None:
    """Say that what the sender wrote last was seen and needs nothing; the request stays as it is."""
    act(invocation, MarkRead(), **others)


COMMANDS = (note, assign, recheck, mark_read)
