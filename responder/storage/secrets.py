"""Keys that every node shares, each made once."""

import secrets as random

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from responder.storage.schema import secrets

# What our identity is signed with: loop marks, Message-IDs, addresses for bounces.
IDENTITY = "identity"
KEY_BYTES = 32


def get_or_make(connection: Connection, name: str, nbytes: int) -> bytes:
    """Give the secret `name`, made of `nbytes` random octets when it is not there; all nodes get the same.

    Takes a connection that may write.
    """
    query = select(secrets.c.value).where(secrets.c.name == name)
    value = connection.execute(query).scalar_one_or_none()
    if value is None:
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        row = {"name": name, "value": random.token_bytes(nbytes)}
        connection.execute(insert(secrets).values(row).on_conflict_do_nothing())
        value = connection.execute(query).scalar_one()
    return bytes(value)
