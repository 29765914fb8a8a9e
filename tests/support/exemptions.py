"""Exemptions put into the database as a decision puts them there, without a request."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from responder.domain.address import network_keys, parse_network
from responder.storage.ids import new_id
from responder.storage.schema import exemptions
from responder.storage.serials import EXEMPTIONS, raise_serial


def exemption_row(network: str, *, at: datetime | None = None, days: float = 30) -> dict[str, Any]:
    """Give the row of an exemption that is given at `at`, now without, and ends so many days later."""
    parsed, at = parse_network(network), at or datetime.now(UTC)
    first, last, prefix = network_keys(parsed)
    return {
        "id": new_id(),
        "family": parsed.version,
        "first_key": first,
        "last_key": last,
        "prefix_length": prefix,
        "reason": "static",
        "created_at": at,
        "created_by": "kim",
        "expires_at": at + timedelta(days=days),
        "uses": 0,
    }


def exempt(engine: Engine, network: str, **options: Any) -> int:
    """Exempt `network` and give the exemption's id; the options are those of `exemption_row`."""
    row = exemption_row(network, **options)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(exemptions).values(row))
        raise_serial(connection, EXEMPTIONS)
    return row["id"]
