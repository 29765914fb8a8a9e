"""How a command says that it could not do what was asked: one line on standard error, never a traceback."""

from collections.abc import Iterable
from typing import IO, Any

import click

from responder.maillog import clean

DONE = 0
FAILED = 1
UNUSABLE = 2


class Failure(click.ClickException):
    """What was asked could not be done; exit 1, the reason in one line."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the reason."""
        say(self.message, file)


class Unusable(Failure):
    """Wrong usage or settings; exit 2, one line for each problem."""

    exit_code = UNUSABLE

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = [str(problem) for problem in problems]
        super().__init__("; ".join(self.problems))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print every problem."""
        for problem in self.problems:
            say(problem, file)


def say(text: str, file: IO[Any] | None = None) -> None:
    """Print one line to `file`, standard error without one."""
    click.echo(f"responder: {clean(text)}", file=file, err=True)
