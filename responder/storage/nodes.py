"""The processes that work on one database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select, update

from responder.storage.schema import nodes


def register(connection: Connection, *, instance: str, name: str, faces: str, version: str, at: datetime) -> None:
    """Add a process that starts at `at`; `instance` is unique to this start."""
    row = {"instance": instance, "name": name, "faces": faces, "version": version}
    connection.execute(insert(nodes).values(**row, started_at=at, seen_at=at, exemptions_serial=0))


def see(connection: Connection, instance: str, at: datetime) -> None:
    """Note that the process `instance` lives at `at`."""
    connection.execute(update(nodes).where(nodes.c.instance == instance).values(seen_at=at))


def remove(connection: Connection, instance: str) -> None:
    """Take out a process that ends."""
    connection.execute(delete(nodes).where(nodes.c.instance == instance))


def instances(connection: Connection) -> Sequence[str]:
    """Give every process that did not say that it ends."""
    return connection.execute(select(nodes.c.instance)).scalars().all()


def is_alone(connection: Connection, instance: str, since: datetime) -> bool:
    """Tell whether no process with a worker but `instance` was seen at `since` or later."""
    works = nodes.c.faces.contains("worker")
    other = exists().where(nodes.c.instance != instance, nodes.c.seen_at >= since, works)
    return not connection.execute(select(other)).scalar_one()


def has_worker(connection: Connection, since: datetime) -> bool:
    """Tell whether a process that sends was seen at `since` or later."""
    found = connection.execute(select(nodes.c.faces).where(nodes.c.seen_at >= since)).scalars()
    return any("worker" in faces.split(",") for faces in found)


def forget(connection: Connection, before: datetime) -> None:
    """Take out the processes that ended without a word, last seen before `before`."""
    connection.execute(delete(nodes).where(nodes.c.seen_at < before))
