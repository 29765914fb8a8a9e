"""The root command: it knows every command by name and loads the module of the one that is asked for."""

import errno
import importlib
from pathlib import Path

import click

from responder import __version__
from responder.app.errors import StartError
from responder.cli.context import Invocation
from responder.cli.failures import Failure

# Name, and what --help says; the command is `command` in the module of that name. Loaded late, `--help` stays quick.
_COMMANDS = {
    "serve": "Run the service: take pleas, answer them.",
    "inspect": "Show what the service would read from messages.",
    "queue": "The exemption queue.",
    "exemptions": "What is exempt, and until when.",
    "blocked": "Senders and domains that are never answered.",
    "messages": "What came, with disposition and reason.",
    "outbox": "What leaves, left or failed.",
    "export": "What is exempt, in the formats of other programs.",
    "templates": "The response templates.",
    "staff": "People who may sign in.",
    "policy": "What the policy service answers, and why.",
    "config": "Effective settings, and what is wrong with them.",
    "doctor": "Ask every part whether it works.",
    "db": "The database: schema and backup.",
    "forget": "Delete personal data past retention.",
    "completion": "Print the completion script for a shell.",
}


class _Root(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"responder.cli.{cmd_name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except StartError as error:
            raise Failure(str(error)) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader has seen enough; Click ends quietly
                raise
            raise Failure(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from None


@click.command(
    cls=_Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Without FILE the settings are read from $RESPONDER_CONFIG, ./responder.toml or "
    "/etc/responder/responder.toml; every one also from a variable such as RESPONDER_SMTP__LISTEN. "
    "Exit status: 0 done, 1 could not be done, 2 wrong usage or settings.",
)
@click.option("--config", "config_file", metavar="FILE", type=click.Path(path_type=Path), help="The settings file.")
@click.version_option(__version__, prog_name="responder")
@click.pass_context
def root(context: click.Context, config_file: Path | None) -> None:
    """The service behind a bypass address.

    It takes mail from people whose server was refused, answers with smart-host instructions, and keeps the queue of
    exemption requests.
    """
    context.obj = Invocation(config_file)
