"""What staff are told of without asking."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from responder.domain.findings import Check, Result
from responder.domain.request import RequestState
from responder.storage.ids import first_id_at
from responder.storage.schema import exemptions, requests
from responder.storage.schema_desk import findings


def count_opened(connection: Connection, since: datetime) -> int:
    """Count the requests that were opened since then and are not shelved."""
    new = (requests.c.id >= first_id_at(since), requests.c.state != RequestState.SHELVED)
    return connection.execute(select(func.count()).select_from(requests).where(*new)).scalar_one()


def count_expiring(connection: Connection, now: datetime, before: datetime) -> int:
    """Count the active exemptions that end before then."""
    ending = (exemptions.c.revoked_at.is_(None), exemptions.c.expires_at.between(now, before))
    return connection.execute(select(func.count()).select_from(exemptions).where(*ending)).scalar_one()


def refusing_lists(connection: Connection, since: datetime) -> list[str]:
    """Give the lists that refused to answer us since then."""
    refused = (
        findings.c.id >= first_id_at(since),
        findings.c.check == Check.LISTING,
        findings.c.result == Result.REFUSED,
    )
    return list(connection.execute(select(findings.c.source).where(*refused).distinct()).scalars())
