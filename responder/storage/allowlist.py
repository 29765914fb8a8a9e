"""Exemptions as the policy service needs them: all that are in force at once, and what was used of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, case, select, update

from responder.storage.instants import UtcDateTime
from responder.storage.rows import write_rows
from responder.storage.schema import exemptions, nodes

_ROWS_AT_ONCE = 1_000
_ADD_USES = (
    update(exemptions)
    .where(exemptions.c.id == bindparam("exemption_id"))
    .values(
        uses=exemptions.c.uses + bindparam("used"),
        last_used_at=case(
            (exemptions.c.last_used_at > bindparam("used_at", type_=UtcDateTime), exemptions.c.last_used_at),
            else_=bindparam("used_at", type_=UtcDateTime),
        ),
    )
)


def read_exemptions(connection: Connection, now: datetime) -> Iterable[Row[int, int, bytes, int, datetime]]:
    """Give every exemption in force at `now`, some at a time: id, family, first key, prefix length, when it expires."""
    columns = exemptions.c
    query = select(columns.id, columns.family, columns.first_key, columns.prefix_length, columns.expires_at)
    in_force = query.where(columns.revoked_at.is_(None), columns.expires_at > now)
    return connection.execute(in_force.execution_options(yield_per=_ROWS_AT_ONCE))


def add_uses(connection: Connection, uses: Mapping[int, int], at: datetime) -> None:
    """Count uses of exemptions by id, of which there is at least one, the last of them at `at`."""
    rows = [{"exemption_id": one, "used": used, "used_at": at} for one, used in sorted(uses.items())]
    write_rows(connection, _ADD_USES, rows)


def note_serial(connection: Connection, instance: str, serial: int) -> bool:
    """Note which state of the exemptions the process `instance` answers from; False when it is not among the nodes."""
    noted = connection.execute(update(nodes).where(nodes.c.instance == instance).values(exemptions_serial=serial))
    return noted.rowcount == 1
