"""One statement for many rows, at little more than what the driver asks for.

SQLAlchemy looks at every value of every row each time; here a statement is compiled once for each dialect, and its rows
go to the driver with only those values converted that need it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql.expression import UpdateBase

_Row = Mapping[str, Any]


def write_rows(connection: Connection, statement: UpdateBase, rows: Sequence[_Row]) -> None:
    """Run `statement` for each of `rows`, of which there is at least one and all have the same names.

    Args:
        connection: where to write.
        statement: an INSERT, whose columns are those names, or one with parameters of those names; the same object
            each time, since it is compiled once.
        rows: the values by name.
    """
    text, convert = _compile(statement, connection.dialect, tuple(rows[0]))
    connection.exec_driver_sql(text, [convert(row) for row in rows])


@lru_cache(maxsize=64)
def _compile(statement: UpdateBase, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Callable[[_Row], Any]]:
    """Give the text of `statement` and what makes a row into the driver's parameters."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if not set(compiled.binds) <= set(names):
        raise ValueError(f"nothing is given for {', '.join(sorted(set(compiled.binds) - set(names)))}")
    converters = {
        name: converter
        for name, parameter in compiled.binds.items()
        if (converter := parameter.type.dialect_impl(dialect).bind_processor(dialect))
    }
    order = [(name, converters.get(name)) for name in compiled.positiontup or compiled.binds]

    def by_position(row: _Row) -> tuple[Any, ...]:
        return tuple([convert(row[name]) if convert else row[name] for name, convert in order])

    def by_name(row: _Row) -> dict[str, Any]:
        return {name: convert(row[name]) if convert else row[name] for name, convert in order}

    return compiled.string, by_position if compiled.positional else by_name
