"""`responder serve`: the service itself."""

import signal

import click

from responder.cli.context import Invocation, pass_invocation

FACES = ("smtp", "worker", "policy", "web")


class _Faces(click.ParamType[tuple[str, ...]]):
    name = "faces"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        wanted = [face.strip() for face in str(value).split(",") if face.strip()]
        for face in wanted:
            if face not in FACES:
                self.fail(f"{face!r} is no face; there are {', '.join(FACES)}", param, ctx)
        if not wanted:
            self.fail("no face is named", param, ctx)
        return tuple(face for face in FACES if face in wanted)


@click.command(
    name="serve",
    epilog="SIGTERM and SIGINT end it in order: messages on their way are stored and answers under way are settled "
    "first. SIGHUP makes it read settings and templates again.\n\nExample: responder serve --only smtp",
)
@click.option("--only", "faces", type=_Faces(), metavar="FACE,...", help=f"Only these faces: {', '.join(FACES)}.")
@click.option("--no-migrate", is_flag=True, help="Do not bring the database to the schema of this program.")
@pass_invocation
def command(invocation: Invocation, *, faces: tuple[str, ...] | None, no_migrate: bool) -> None:
    """Run the service: take pleas, answer them.

    It listens where smtp.listen says, keeps all it gets in the database before it says 250, and hands answers to the
    relay of relay.url. The log goes to standard error.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # all is about to be read anyway; by default it would end the process
    from responder.app.run import run  # noqa: PLC0415 - a wrong option is told without loading everything

    run(invocation.loaded, faces or FACES, migrates=not no_migrate)
