"""What the policy services of all nodes answered, counted by the hour, and how far each is behind the decisions."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select

from responder.storage.limits import ADD_COUNT
from responder.storage.rows import write_rows
from responder.storage.schema import nodes, rate_counts, serials
from responder.storage.serials import EXEMPTIONS

_SCOPE = "policy"


def add_answers(connection: Connection, counts: Mapping[str, int], at: datetime) -> None:
    """Add to the answers of the hour of `at`, by ground; in an order that is the same on every node."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    rows = [{"scope": _SCOPE, "key": key, "hour_at": hour, "count": more} for key, more in sorted(counts.items())]
    write_rows(connection, ADD_COUNT[connection.dialect.name], rows)


def read_answers(connection: Connection, since: datetime) -> dict[str, int]:
    """Give the answers of the hours that began at `since` or later, by ground."""
    query = select(rate_counts.c.key, func.sum(rate_counts.c.count)).where(
        rate_counts.c.scope == _SCOPE, rate_counts.c.hour_at >= since
    )
    return {key: int(count) for key, count in connection.execute(query.group_by(rate_counts.c.key))}


def count_behind(connection: Connection, since: datetime) -> int:
    """Give how many policy services, seen at `since` or later, answer from exemptions that are not the newest."""
    newest = select(serials.c.value).where(serials.c.name == EXEMPTIONS).scalar_subquery()
    query = select(func.count()).select_from(nodes)
    query = query.where(nodes.c.faces.contains(_SCOPE), nodes.c.seen_at >= since, nodes.c.exemptions_serial < newest)
    return connection.execute(query).scalar_one()
