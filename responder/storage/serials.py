"""Numbers that grow with each change of a kind, so that every process sees that there was one."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from responder.storage.schema import serials

TEMPLATES = "templates"
EXEMPTIONS = "exemptions"


def read_serial(connection: Connection, name: str) -> int:
    """Give the serial `name`, 0 before its first change."""
    query = select(serials.c.value).where(serials.c.name == name)
    return connection.execute(query).scalar_one_or_none() or 0


def lock_serial(connection: Connection, name: str) -> int:
    """Keep everybody else from raising the serial `name` until the transaction ends, and give it."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(serials).values(name=name, value=0).on_conflict_do_nothing())
    query = select(serials.c.value).where(serials.c.name == name).with_for_update()
    value: int = connection.execute(query).scalar_one()
    return value


def raise_serial(connection: Connection, name: str) -> int:
    """Raise the serial `name` by one and give it; until the transaction ends nobody else can."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(serials).values(name=name, value=1)
    raised = statement.on_conflict_do_update(index_elements=["name"], set_={"value": serials.c.value + 1})
    connection.execute(raised)
    return read_serial(connection, name)


def set_serial(connection: Connection, name: str, value: int) -> None:
    """Set the serial `name`, which marks how far some work has come."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(serials).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
