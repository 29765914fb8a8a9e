"""`responder completion`: the script that teaches a shell our commands."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(name="completion", epilog="Example: responder completion bash > /etc/bash_completion.d/responder")
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    click.echo(_SHELLS[shell](context.find_root().command, {}, "responder", "_RESPONDER_COMPLETE").source())
