"""Statements that run for every message, at little more than what the driver asks for.

SQLAlchemy looks at every statement, and at every value of every row, each time; here a statement is compiled once for
each dialect, and its values go straight to the driver and come back with only those converted that need it.
Connections, transactions and errors are SQLAlchemy's as everywhere.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
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
    parameters = [convert(row) for row in rows]
    _ensure_begun(connection)
    with _cursor(connection, text) as cursor:
        cursor.executemany(text, parameters)


def read_rows(
    connection: Connection, query: Select[Any], lists: Mapping[str, Collection[Any]], **values: Any
) -> list[dict[str, Any]]:
    """Give the rows that `query` finds, by the names of their columns.

    Args:
        connection: where to read.
        query: the same object each time, since it is compiled once.
        lists: its parameters that expand, by name.
        values: its other parameters.
    """
    padded = {name: _padded(list(members)) for name, members in lists.items()}
    sizes = tuple([(name, len(members)) for name, members in padded.items()])
    text, convert, read = _compile_query(query, connection.dialect, sizes, tuple(values))
    parameters = convert(padded, values)
    _ensure_begun(connection)
    with _cursor(connection, text) as cursor:
        cursor.execute(text, parameters)
        return [read(row) for row in cursor.fetchall()]


def begin(connection: Connection, text: str) -> None:
    """Begin a transaction with the statement `text`, where SQLAlchemy says that one begins."""
    with _cursor(connection, text) as cursor:
        cursor.execute(text)


def _ensure_begun(connection: Connection) -> None:
    if not connection.in_transaction():
        connection.begin()


@contextmanager
def _cursor(connection: Connection, text: str) -> Iterator[DBAPICursor]:
    """Give a cursor of the driver's for the statement `text`, whose errors become SQLAlchemy's."""
    cursor = connection.connection.cursor()
    try:
        yield cursor
    except connection.dialect.loaded_dbapi.Error as error:
        raise _as_sqlalchemy_says(connection, text, error) from error
    finally:
        cursor.close()


def _as_sqlalchemy_says(connection: Connection, text: str, error: Any) -> BaseException:
    """Give the error that SQLAlchemy makes of the driver's; a connection that broke is not used again."""
    dialect = connection.dialect
    is_broken = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)
    if is_broken:
        connection.invalidate(error)
    told: BaseException = DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_broken, dialect=dialect
    )
    return told


def _padded(members: list[Any]) -> list[Any]:
    """Repeat the last of `members` until their number is a power of two, so that there are few different statements."""
    missing = (1 << max(len(members) - 1, 0).bit_length()) - len(members)
    return members + (members[-1:] or [None]) * missing


@lru_cache(maxsize=64)
def _compile(statement: UpdateBase, dialect: Dialect, names: tuple[str, ...]) -> tuple[str, Callable[[_Row], Any]]:
    """Give the text of `statement` and what makes a row into the driver's parameters."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if not set(compiled.binds) <= set(names):
        raise ValueError(f"nothing is given for {', '.join(sorted(set(compiled.binds) - set(names)))}")
    return compiled.string, _converter(_converters(compiled, dialect), compiled.positiontup, compiled.binds)


@lru_cache(maxsize=128)
def _compile_query(
    query: Select[Any], dialect: Dialect, sizes: tuple[tuple[str, int], ...], names: tuple[str, ...]
) -> tuple[str, Callable[[Mapping[str, list[Any]], _Row], Any], Callable[[Sequence[Any]], dict[str, Any]]]:
    """Give the text of `query`, what makes lists and values into its parameters, and what reads a row that it finds."""
    parameters: dict[str, Any] = {name: [None] * size for name, size in sizes} | dict.fromkeys(names)
    compiled = query.compile(dialect=dialect)
    expanded = compiled.construct_expanded_state(parameters)
    converters = {**_converters(compiled, dialect), **expanded.processors}
    convert = _converter(converters, expanded.positiontup, expanded.parameters)
    columns = [
        (str(column.key), column.type.dialect_impl(dialect).result_processor(dialect, None))
        for column in query.selected_columns
    ]

    def to_parameters(lists: Mapping[str, list[Any]], values: _Row) -> Any:
        flat = {**expanded.parameters, **values}  # constants of the query are parameters too
        for name, members in lists.items():
            flat.update(zip(expanded.parameter_expansion[name], members, strict=True))
        return convert(flat)

    def read(row: Sequence[Any]) -> dict[str, Any]:
        return {name: process(value) if process else value for (name, process), value in zip(columns, row, strict=True)}

    return expanded.statement, to_parameters, read


def _converters(compiled: SQLCompiler, dialect: Dialect) -> dict[str, Any]:
    """Give what converts the values of parameters, by name; None where nothing needs to."""
    return {
        str(name): parameter.type.dialect_impl(dialect).bind_processor(dialect)
        for name, parameter in compiled.binds.items()
    }


def _converter(
    converters: Mapping[str, Any], positions: Sequence[str] | None, names: Iterable[str]
) -> Callable[[_Row], Any]:
    """Give what makes values by name into the driver's parameters, by position or by name."""
    order = list(names if positions is None else positions)
    converted = [(at, converters[name]) for at, name in enumerate(order) if converters.get(name)]

    def to_parameters(row: _Row) -> Any:
        values = list(map(row.__getitem__, order))
        for at, convert in converted:
            values[at] = convert(values[at])
        return dict(zip(order, values, strict=True)) if positions is None else values

    return to_parameters
