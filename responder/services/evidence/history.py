"""What is known here about an address, its network, a domain and a mailbox, as findings."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from ipaddress import IPv4Address, ip_network

from sqlalchemy import Connection, RowMapping

from responder.domain.address import IPAddress, IPNetwork, key_to_ip
from responder.domain.findings import Check, Finding, Result
from responder.domain.hops import is_provider, organisation
from responder.storage.history import count_by_contact, count_by_domain, count_by_network, find_exempting

DATABASE = "database"

_NETWORK_PREFIX_V4 = 24
_NETWORK_PREFIX_V6 = 64


def find_history(
    connection: Connection, *, address: IPAddress | None, domain: str, contact: str, request_id: int, at: datetime
) -> tuple[Finding, ...]:
    """Give what was asked for and granted before, other than by the request `request_id` itself.

    Of the address it is also said that there is nothing. The domain of a large mailbox provider tells nothing.
    """
    findings = list(_of_address(connection, address, request_id, at)) if address else []
    if domain and not is_provider(organisation(domain)):
        findings += _known(domain, count_by_domain(connection, domain, request_id), at)
    if contact:
        findings += _known(contact, count_by_contact(connection, contact, request_id), at)
    return tuple(findings)


def _of_address(connection: Connection, address: IPAddress, request_id: int, at: datetime) -> Iterator[Finding]:
    single = ip_network(address)
    exemption = find_exempting(connection, single, at)
    if exemption:
        yield Finding(Check.HISTORY, str(address), Result.EXEMPT, _exemption_text(exemption), DATABASE, at)
    earlier = list(_known(str(address), count_by_network(connection, single, request_id), at))
    yield from earlier
    if not exemption and not earlier:
        yield Finding(Check.HISTORY, str(address), Result.NONE, "", DATABASE, at)
    around = _around(address)
    yield from _known(str(around), count_by_network(connection, around, request_id), at)


def _around(address: IPAddress) -> IPNetwork:
    prefix = _NETWORK_PREFIX_V4 if isinstance(address, IPv4Address) else _NETWORK_PREFIX_V6
    return ip_network((address, prefix), strict=False)


def _known(subject: str, earlier: Counter[str], at: datetime) -> Iterator[Finding]:
    if earlier:
        total = sum(earlier.values())
        states = ", ".join(f"{count} {state}" for state, count in sorted(earlier.items()))
        value = f"{total} earlier {'request' if total == 1 else 'requests'}: {states}"
        yield Finding(Check.HISTORY, subject, Result.KNOWN, value, DATABASE, at)


def _exemption_text(exemption: RowMapping) -> str:
    network = f"{key_to_ip(bytes(exemption['first_key']))}/{exemption['prefix_length']}"
    return f"by {network}, until {exemption['expires_at']:%Y-%m-%d}"
