"""What the formats have in common: how a network, a time and a comment are written, and how a network is read back.

Only values of our own making get into a comment (a reference, a time), never what somebody typed or sent.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from responder.domain.address import AddressError, IPNetwork, parse_network
from responder.storage.exported import Exempt

HEAD = (
    "# Addresses exempt from the check of dynamic addresses.",
    "# Written by responder: what is changed here is lost.",
)


def head() -> Iterator[str]:
    """Give the lines that say what a file is; without a time, so that the same exemptions make the same file."""
    return (f"{line}\n" for line in HEAD)


def about(exempt: Exempt) -> str:
    """Give a comment line that says until when an exemption lasts and by which request it can be found."""
    request = f", request {exempt.request}" if exempt.request else ""
    return f"# until {utc(exempt.expires_at)}{request}\n"


def utc(at: datetime) -> str:
    """Give an aware time in UTC to the second, rounded down, in the form of RFC 3339."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def network_text(network: IPNetwork) -> str:
    """Give `ADDRESS/PREFIX`, or the address alone where it is a single one."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def networks(texts: Iterable[str]) -> Iterator[IPNetwork]:
    """Give the networks that `texts` spell; what spells none is left out."""
    for text in texts:
        try:
            yield parse_network(text)
        except AddressError:
            continue


def rules(lines: Iterable[str]) -> Iterator[str]:
    """Give the lines that are neither empty nor a comment, without the blanks around them."""
    stripped = (line.strip() for line in lines)
    return (line for line in stripped if line and not line.startswith("#"))
