"""Checks the documentation against the program: links resolve, and every command named exists.

Run by `make check`; prints each problem and exits with 1 if there is one.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from responder.cli.root import root

PROJECT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"`responder ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?")
PATH = re.compile(r"`((?:responder|templates|tests|bench|migrations)/[\w./-]*)`")


def problems() -> Iterator[str]:
    """Give each problem as `file: what`."""
    for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(PROJECT)
        for target in LINK.findall(text):
            if not (page.parent / target).exists():
                yield f"{name}: link to {target}, which does not exist"
        for path in PATH.findall(text):
            if not (PROJECT / path).exists():
                yield f"{name}: names {path}, which does not exist"
        for noun, verb in COMMAND.findall(text):
            command = root.get_command(click.Context(root), noun)
            if command is None:
                yield f"{name}: names the command {noun}, which does not exist"
            elif verb and isinstance(command, click.Group) and not command.get_command(click.Context(command), verb):
                yield f"{name}: names the command {noun} {verb}, which does not exist"


def main() -> None:
    """Print the problems."""
    found = list(problems())
    print("\n".join(found) or "docs: links, paths and commands hold")  # noqa: T201 - this is a command
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
