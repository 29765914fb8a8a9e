"""What commands print: JSON for programs, tables and fields for people, hostile text made harmless in both."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from responder.maillog import clean

WIDE = 110
USUAL = 70
_NARROWEST = 6
_UNCUT = 4000  # a file or another program has no edge


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: its heading.
        may_be_cut: it gives way where the terminal is narrow.
        least_width: it is left out where the terminal has fewer columns.
    """

    name: str
    may_be_cut: bool = False
    least_width: int = 0


def rfc3339(at: datetime) -> str:
    """Give an aware time as UTC in the form of RFC 3339."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def print_json(data: object) -> None:
    """Print one object on one line; in ASCII alone, so that nothing in it moves a terminal's cursor."""
    click.echo(json.dumps(data, default=_plain))


def print_octets(octets: bytes) -> None:
    """Print a message as it is, for a file or another program."""
    sys.stdout.buffer.write(octets)


def _plain(value: object) -> str:
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def shown(value: object) -> str:
    """Give a value as a person reads it in one line; nothing is a hyphen."""
    if value is None or value in ("", [], (), {}):
        return "-"
    if isinstance(value, datetime):
        return rfc3339(value.replace(microsecond=0))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return clean(value)


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings, no wider than the terminal; whole into a file or another program."""
    from rich.console import Console  # noqa: PLC0415 - Rich is slow to load and JSON needs none
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, markup=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNCUT
    kept = [number for number, column in enumerate(columns) if console.width >= column.least_width]
    cells = [[Text(shown(row[number])) for number in kept] for row in rows]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    wanted = [max([len(columns[n].name), *(row[i].cell_len for row in cells)]) for i, n in enumerate(kept)]
    for number, width in zip(kept, _fit([columns[n] for n in kept], wanted, console.width), strict=True):
        table.add_column(columns[number].name, no_wrap=True, overflow="ellipsis", width=width)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _fit(columns: Sequence[Column], wanted: Sequence[int], width: int) -> list[int]:
    """Give the width of each column: what it wants, but for those that may be cut, which share what is too much."""
    widths = list(wanted)
    excess = sum(widths) + len(widths) - 1 - width
    cut = [number for number, column in enumerate(columns) if column.may_be_cut]
    while excess > 0 and cut:
        widest = max(cut, key=lambda number: widths[number])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def print_fields(fields: Mapping[str, object], *, indent: int = 0) -> None:
    """Print names and values, one a line, the values under one another; so are those of a list."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        first, *others = value if isinstance(value, list | tuple) and value else (value,)
        click.echo(f"{' ' * indent}{name.ljust(width)}  {shown(first)}")
        for other in others:
            click.echo(f"{' ' * (indent + width)}  {shown(other)}")


def print_heading(text: str) -> None:
    """Print the heading of a block of lines."""
    click.echo()
    click.secho(shown(text), bold=True)
