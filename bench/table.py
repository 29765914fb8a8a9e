"""How the measurements are printed."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print `rows` under `head`."""
    table = Table(*head, title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for row in rows:
        table.add_row(*row)
    Console(width=100, soft_wrap=False).print(table)
