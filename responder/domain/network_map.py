"""Networks with a value each, searched by address; the longest match comes first."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from responder.domain.address import IPAddress, IPNetwork

T = TypeVar("T")

_BITS = {4: 32, 6: 128}


class NetworkMap(Generic[T]):
    """A mapping that does not change; a search costs one look for each prefix length that occurs."""

    def __init__(self, items: Iterable[tuple[IPNetwork, T]] = ()) -> None:
        """Take networks and what belongs to each; of equal networks the last one counts."""
        self._fill(
            (network.version, int(network.network_address), network.prefixlen, value) for network, value in items
        )

    @classmethod
    def from_numbers(cls, rows: Iterable[tuple[int, int, int, T]]) -> "NetworkMap[T]":
        """Make one from IP version, first address as a number, prefix length, and value."""
        made = cls()
        made._fill(rows)
        return made

    def _fill(self, rows: Iterable[tuple[int, int, int, T]]) -> None:
        tables: dict[tuple[int, int], dict[int, T]] = {}
        for version, first, prefix, value in rows:
            shift = _BITS[version] - prefix
            tables.setdefault((version, shift), {})[first >> shift] = value
        self._tables = {
            version: [(shift, table) for (family, shift), table in sorted(tables.items()) if family == version]
            for version in _BITS
        }

    def __len__(self) -> int:
        return sum(len(table) for tables in self._tables.values() for _, table in tables)

    def find(self, ip: IPAddress) -> Iterator[T]:
        """Give the values of the networks in which `ip` lies, that of the longest prefix first."""
        number = int(ip)
        for shift, table in self._tables[ip.version]:
            value = table.get(number >> shift)
            if value is not None:
                yield value
