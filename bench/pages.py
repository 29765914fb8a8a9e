"""How long the server takes for whole pages of a large database, asked over HTTP by somebody who is signed in."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from httpx import Client
from sqlalchemy import Connection, func, select

from bench.timing import median
from responder.domain.address import key_to_ip
from responder.domain.request import OPEN_STATES
from responder.domain.roles import Role
from responder.storage.engine import make_engine
from responder.storage.schema import messages, requests
from tests.support.web import open_house


def pages(connection: Connection) -> Iterator[tuple[str, str]]:
    """Give what is measured: a name, and the address of the page."""
    some = connection.execute(select(requests).limit(1).offset(4321)).mappings().one()
    by_change = select(requests.c.reference).order_by(requests.c.updated_at.desc(), requests.c.id.desc())
    share = connection.execute(select(func.count()).select_from(requests)).scalar_one() / 1_000_000
    deep_open = connection.execute(
        by_change.where(requests.c.state.in_(OPEN_STATES)).limit(1).offset(int(60_000 * share))
    ).scalar()
    deep_all = connection.execute(by_change.limit(1).offset(int(500_000 * share))).scalar()
    middle = connection.execute(select((func.min(messages.c.id) + func.max(messages.c.id)) / 2)).scalar_one()
    for tab in ("pleas", "plain", "mine", "asked", "follow-ups", "decided", "shelved", "all"):
        yield f"queue, tab {tab}", f"/queue?tab={tab}"
    yield "queue, deep", _address("/queue", tab="pleas", after=deep_open)
    yield "queue, all, deep", _address("/queue", tab="all", after=deep_all)
    searched = {
        "address": str(key_to_ip(some["address_key"])),
        "network": "203.0.113.0/24",
        "wide network": "202.160.0.0/12",
        "domain": "mail.example",
        "sender": some["contact"],
        "word in all": "refused",
        "three words": "refused order pro",
        "word in none": "xyzzy",
    }
    for name, text in searched.items():
        yield f"search, {name}", _address("/queue", q=text)
    yield "filter, software", _address("/queue", software="domino")
    yield "filter, advice", _address("/queue", advice="static")
    yield "filter, since", _address("/queue", since=some["updated_at"].date().isoformat())
    yield "filters and word", _address("/queue", q="refused", software="domino", advice="static")
    yield "one request", _address(f"/requests/{some['reference']}", tab="all")
    yield "one request, busy domain", f"/requests/{_busy(connection)}"
    yield "messages", "/messages"
    yield "messages, deep", _address("/messages", after=int(middle))
    yield "messages, silent", _address("/messages", reason="silent")
    yield "messages, by reason", _address("/messages", reason="reply-limit")
    yield "messages, rare reason", _address("/messages", reason="mailing-list")
    yield "messages, by sender", _address("/messages", sender=some["contact"])
    for state in ("expiring", "flagged", "over", "all"):
        yield f"exemptions, {state}", _address("/exemptions", state=state)
    yield "exemptions, of a network", _address("/exemptions", state="all", address="203.0.113.0/24")
    for state in ("queued", "sent", "failed", "cancelled"):
        yield f"outbox, {state}", _address("/outbox", state=state)
    yield "audit, of one person", _address("/audit", by="staff3")
    for name in ("exemptions", "outbox", "blocked", "audit", "people", "dashboard", "metrics"):
        yield name, f"/{name}"


def _busy(connection: Connection) -> str:
    query = select(requests.c.reference).where(requests.c.domain == "mail.example", requests.c.state == "waiting")
    found: str = connection.execute(query.limit(1)).scalar_one()
    return found


def _address(path: str, **given: object) -> str:
    return f"{path}?{urlencode(given)}"


def measure_pages(database: Path) -> list[tuple[str, float, float]]:
    """Give of each page its name, the median milliseconds until it is there, and those of the processor."""
    engine = make_engine(f"sqlite:///{database}", pool_size=2)
    try:
        with engine.connect() as connection:
            wanted = list(pages(connection))
        with open_house(engine) as house:
            client = house.signed_in(f"bench-{time.time_ns()}", Role.ADMIN)
            return [(name, *median(partial(fetch, client, address))) for name, address in wanted]
    finally:
        engine.dispose()


def fetch(client: Client, address: str) -> None:
    """Ask for a page, which has to be there."""
    client.get(address).raise_for_status()
