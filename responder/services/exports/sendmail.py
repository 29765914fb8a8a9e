"""Entries of Sendmail's access database, which knows prefixes of whole octets and groups, but no prefix lengths."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from responder.domain.address import IPNetwork
from responder.services.exports.lines import about, head, networks, rules
from responder.storage.exported import Exempt

_KEY = "Connect:"
_FAMILY = "IPv6:"
_GROUPS = 8
_GROUP_BITS = 16
_OCTETS = 4
_OCTET_BITS = 8


def write_sendmail(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write the source of an access map, to be appended to the operator's own and made a database by makemap(8).

    A network between two boundaries becomes several entries. What lies in a network that stands already is left out,
    since makemap refuses a key that comes twice. IPv6 addresses are written as Sendmail looks them up: every group,
    none of them shortened away (`UseCompressedIPv6Addresses` is off since 8.15).
    """
    yield from head()
    outer: IPNetwork | None = None
    for each in exempt:
        network = each.network
        if outer is None or outer.version != network.version or network.network_address not in outer:
            outer = network
            yield about(each) + "".join(f"{_KEY}{key}\tOK\n" for key in _keys(network))


def _keys(network: IPNetwork) -> Iterator[str]:
    """Give the prefixes that together are `network`."""
    bits = _OCTET_BITS if isinstance(network, IPv4Network) else _GROUP_BITS
    boundary = -(-network.prefixlen // bits) * bits
    return (_key(part, boundary // bits) for part in network.subnets(new_prefix=boundary))


def _key(network: IPNetwork, parts: int) -> str:
    if isinstance(network, IPv4Network):
        return ".".join(str(network.network_address).split(".")[:parts])
    groups = network.network_address.exploded.split(":")[:parts]
    return _FAMILY + ":".join(group.lstrip("0") or "0" for group in groups)


def read_sendmail(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read the entries that exempt, each as a network of its own."""
    for rule in rules(lines):
        key, _, action = rule.partition("\t")
        if key.startswith(_KEY) and action == "OK":
            yield from networks([_network_text(key.removeprefix(_KEY))])


def _network_text(key: str) -> str:
    if key.startswith(_FAMILY):
        groups = key.removeprefix(_FAMILY).split(":")
        missing = "::" if len(groups) < _GROUPS else ""
        return f"{':'.join(groups)}{missing}/{len(groups) * _GROUP_BITS}"
    octets = key.split(".")
    return f"{'.'.join(octets + ['0'] * (_OCTETS - len(octets)))}/{len(octets) * _OCTET_BITS}"
