"""`responder queue`: the requests for an exemption."""

import click

from responder.cli.context import ListByDefault
from responder.cli.queue import closing, deciding, handling, looking

__all__ = ["command"]


@click.group(name="queue", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """The exemption queue."""


for _each in (*looking.COMMANDS, *deciding.COMMANDS, *closing.COMMANDS, *handling.COMMANDS):
    command.add_command(_each)
