"""A blocklist in a file, in the format of rbldnsd: the data sets `ip4set`, `ip4trie`, `ip4tset`, `ip6trie`, `ip6tset`.

Source: the manual rbldnsd(8). A line names an address, a network, a range, or the first octets of IPv4 addresses, and
may say code and text of its entry; `!` takes out. The narrowest entry counts, as in `ip4trie`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, summarize_address_range

from responder.domain.address import IPAddress, IPNetwork, parse_ip, parse_network
from responder.domain.network_map import NetworkMap

_OCTETS = 4
_TEXT_CHARACTERS = 255
_KINDS = ("ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset")
_EXCLUDED = ("", "")

Entry = tuple[str, str]
"""Code and text."""


@dataclass(frozen=True, slots=True)
class ZoneTable:
    """What one file lists.

    Attributes:
        entries: by network.
        skipped: lines that could not be read.
    """

    entries: NetworkMap[Entry]
    skipped: int

    def find(self, ip: IPAddress) -> Entry | None:
        """Give code and text of the entry of `ip`, None where it has none or is taken out."""
        code, text = next(self.entries.find(ip), _EXCLUDED)
        return (code, text.replace("$", str(ip))[:_TEXT_CHARACTERS]) if code else None


def parse_zone(lines: Iterable[str]) -> ZoneTable:
    """Read the lines of a file; those that cannot be read are skipped and counted, data sets of names are left out."""
    reader = _Reader()
    entries = NetworkMap(entry for line in lines for entry in reader.read(line.strip()))
    return ZoneTable(entries, reader.skipped)


class _Reader:
    """Reads line by line, since a line may set what later ones leave out."""

    def __init__(self) -> None:
        self.skipped = 0
        self._default: Entry = ("127.0.0.2", "")
        self._is_ours = True

    def read(self, line: str) -> Iterator[tuple[IPNetwork, Entry]]:
        """Give the networks that `line` names, with their entry."""
        if not line or line[0] in "#;":
            return
        if line[0] == "$":
            words = line.split()
            if words[0] == "$DATASET" and len(words) > 1:
                self._is_ours = words[1].partition(":")[0] in _KINDS
                self._default = ("127.0.0.2", "")
        elif self._is_ours:
            yield from self._read_entry(line)

    def _read_entry(self, line: str) -> Iterator[tuple[IPNetwork, Entry]]:
        try:
            if line[0] == ":" and not line.startswith("::"):
                self._default = self._value(line)
                return
            name, _, value = line.lstrip("!").partition(" ") if " " in line else line.lstrip("!").partition("\t")
            entry = _EXCLUDED if line[0] == "!" else self._value(value.split("#")[0].strip())
            networks = list(_networks(name))
        except (ValueError, TypeError):  # no address, or a range that runs backwards
            self.skipped += 1
            return
        yield from ((network, entry) for network in networks)

    def _value(self, text: str) -> Entry:
        """Read `:CODE:TEXT`, or TEXT alone, or nothing; a code may be its last octet."""
        if not text.startswith(":"):
            return self._default[0], text or self._default[1]
        code, _, words = text[1:].partition(":")
        code = f"127.0.0.{code}" if code.isdecimal() else code or self._default[0]
        return str(parse_ip(code)), words


def _networks(name: str) -> Iterator[IPNetwork]:
    first, dash, last = name.partition("-")
    if dash:
        yield from summarize_address_range(_first(first), _last(last, first))
    elif ":" in name or "/" in name or name.count(".") == _OCTETS - 1:
        yield parse_network(name)
    else:
        yield from summarize_address_range(_first(name), _last(name, name))


def _first(octets: str) -> IPv4Address:
    return IPv4Address(octets + ".0" * (_OCTETS - 1 - octets.count(".")))


def _last(octets: str, first: str) -> IPv4Address:
    """Give the last address of a range whose end may leave out the octets that it has in common with `first`."""
    if octets.isdecimal() and "." in first:
        octets = f"{first.rpartition('.')[0]}.{octets}"
    return IPv4Address(octets + ".255" * (_OCTETS - 1 - octets.count(".")))
