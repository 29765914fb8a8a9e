"""The command `responder`, one module per noun."""

import sys
from io import TextIOWrapper

from responder.cli.root import root


def main() -> None:
    """Run the command line; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever a terminal cannot show is no fault of the user
    root(prog_name="responder")
