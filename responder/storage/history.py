"""What was asked for before: earlier requests and exemptions of an address, its network, a domain, a mailbox."""

from collections import Counter
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from responder.domain.address import IPNetwork, network_keys
from responder.domain.exemption import wider_networks
from responder.storage.schema import exemptions, requests

_MOST_COUNTED = 100

Earlier = Counter[str]


def count_by_network(connection: Connection, network: IPNetwork, but: int) -> Earlier:
    """Count the requests about addresses in `network` by state, the newest hundred, all but the request `but`."""
    first, last, _ = network_keys(network)
    return _count(connection, requests.c.address_key.between(first, last), but)


def count_by_domain(connection: Connection, domain: str, but: int) -> Earlier:
    """Count the requests from a domain, as `count_by_network` does."""
    return _count(connection, requests.c.domain == domain, but)


def count_by_contact(connection: Connection, contact: str, but: int) -> Earlier:
    """Count the requests from a mailbox, as `count_by_network` does."""
    return _count(connection, requests.c.contact == contact, but)


def _count(connection: Connection, condition: ColumnElement[bool], but: int) -> Earlier:
    query = select(requests.c.state).where(condition, requests.c.id != but).order_by(requests.c.id.desc())
    return Counter(connection.execute(query.limit(_MOST_COUNTED)).scalars())


def find_exempting(connection: Connection, network: IPNetwork, at: datetime) -> RowMapping | None:
    """Give the exemption, active at `at`, that holds all of `network`, the widest of several; None without one."""
    first, last, _ = network_keys(network)
    starts = {network_keys(wider)[0] for wider in wider_networks(network)} | {first}
    query = select(exemptions).where(
        exemptions.c.first_key.in_(starts),
        exemptions.c.last_key >= last,
        exemptions.c.revoked_at.is_(None),
        exemptions.c.expires_at > at,
    )
    return connection.execute(query.order_by(exemptions.c.prefix_length).limit(1)).mappings().one_or_none()
