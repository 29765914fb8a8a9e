"""`responder templates`: the response templates, and what staff make of them."""

import click

from responder.cli.context import ListByDefault
from responder.cli.templates.editing import COMMANDS as EDITING
from responder.cli.templates.folder import COMMANDS as FOLDER
from responder.cli.templates.history import COMMANDS as HISTORY
from responder.cli.templates.looking import COMMANDS as LOOKING
from responder.cli.templates.sending import COMMANDS as SENDING

__all__ = ["command"]


@click.group(name="templates", cls=ListByDefault, epilog="Without a command: list.")
def command() -> None:
    """The response templates and the guides that they hold."""


for _each in (*LOOKING, *EDITING, *HISTORY, *FOLDER, *SENDING):
    command.add_command(_each)
