"""Which statements are run, those that go straight to the driver's cursor among them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from responder.storage import rows

Statement = tuple[str, Any]  # its text, and its parameters; those of the first row where it is run for many


@contextmanager
def noted(connection: Connection) -> Iterator[list[Statement]]:
    """Give the statements that `connection` runs meanwhile."""
    statements: list[Statement] = []

    def note(_connection, _cursor, text, parameters, _context, many):
        statements.append((text, parameters[0] if many else parameters))

    with pytest.MonkeyPatch.context() as patch:
        open_cursor = rows._cursor

        @contextmanager
        def open_noting(*arguments):
            with open_cursor(*arguments) as cursor:
                yield _NotingCursor(cursor, statements)

        patch.setattr(rows, "_cursor", open_noting)
        event.listen(connection, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(connection, "before_cursor_execute", note)


class _NotingCursor:
    """A cursor of the driver's that notes what it is given."""

    def __init__(self, cursor: Any, statements: list[Statement]) -> None:
        self._cursor = cursor
        self._statements = statements

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, text: str, parameters: Any) -> None:
        self._note(text, parameters)
        self._cursor.execute(text, parameters)

    def executemany(self, text: str, parameters: Any) -> None:
        self._note(text, parameters[0])
        self._cursor.executemany(text, parameters)

    def _note(self, text: str, parameters: Any) -> None:
        self._statements.append((text, tuple(parameters) if isinstance(parameters, list) else parameters))
