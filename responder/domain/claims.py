"""What a person says in their own words: which address is theirs, and which networks they ask for."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network, summarize_address_range
from itertools import islice
from typing import NamedTuple

from responder.domain.address import IPAddress, IPNetwork, host_network, network_keys, parse_ip, special_range
from responder.domain.message import InboundMessage
from responder.domain.own_texts import OwnText
from responder.domain.quotation import unquote
from responder.domain.sightings import Role, Sighting, find_addresses
from responder.domain.statements import find_statements

MAX_NETWORKS = 50

# Nobody who writes such a mail holds more; what is wider is a slip or a joke.
_WIDEST_PREFIX = {4: 8, 6: 16}
_RANGE_NETWORKS = 16
_CONTEXT = 60
_END_OF_SUBJECT = "\x1e"
_PRIVATE = frozenset({"private", "link-local", "shared"})

# Each begins with the sign that is rare in prose, which is many times as fast as to look for the digits before it.
_HINTS = (re.compile(r"\.(?<=\d\.)\d"), re.compile(r":[0-9A-Fa-f]{0,4}:"))
_TO = r"[ \t]{0,4}(?:-|\u2013|(?i:to|through|until|bis)\b)[ \t]{0,4}"
_MASK = r"[ \t]?(?:/|,?[ \t]?(?i:(?:sub)?(?:net)?mask):?)[ \t]{0,4}"
# Both begin with a plain set of characters, which is what makes looking for them fast. Group 1 is the address, or three
# octets before `*`.
_NETWORK4 = re.compile(
    r"([0-9]\d{0,2}(?:\.\d{1,3}){2}(?:\.\d{1,3})?)"
    rf"(?: ?/ ?(?P<prefix>\d{{1,2}})(?![\d.]*\w)|{_MASK}(?P<mask>255(?:\.\d{{1,3}}){{3}})(?!\w)"
    rf"|{_TO}(?P<last>\d{{1,3}}(?:\.\d{{1,3}}){{3}})(?!\.?\w)|-(?P<octet>\d{{1,3}})(?!\.?\w)|\.(?P<any>[*xX])(?!\w))"
)
_NETWORK6 = re.compile(
    r"([0-9A-Fa-f:][0-9A-Fa-f:]{1,39}+)"
    rf"(?: ?/ ?(?P<prefix>\d{{1,3}})(?!\w)|{_TO}(?P<last>[0-9A-Fa-f:]{{2,40}}+)(?!\w))"
)
_JOINED = re.compile(r"[\w.@/]\Z")
_OURS = r"\b(?:ours?|my|mine|we|us|static|fixed|unsere?r?|meine?r?|feste?|statische|notre|nuestr[ao]|nostr[oa])\b"
_WHOSE = re.compile(rf"(?P<yours>\byours?\b)|{_OURS}", re.IGNORECASE)
_BESIDE_NAME = re.compile(r"(?:\w\.[A-Za-z]{2,24}|:)[ \t]?[\[(]\Z")
_PLEA = re.compile(
    r"\bips?\b|add?ress|direcci|stati|block|bloque|white-?list|allow-?list|exempt|reject|refus|\blist|server"
    r"|dynamic|dynami[sq]|\b(?:it's|it is|c'est|es ist|das ist|es la)[ \t:]{1,3}\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a person says of themselves.

    Attributes:
        address: the address they call theirs, None when they name none.
        networks: the networks and single addresses that they name, in order.
    """

    address: IPAddress | None = None
    networks: tuple[IPNetwork, ...] = ()


class _Span(NamedTuple):
    """A network as the keys of its first and last address; those of one version alone are compared."""

    version: int
    first: bytes
    last: bytes

    def lies_in(self, other: "_Span") -> bool:
        """Tell whether it is a part of `other`, not the whole."""
        return self.version == other.version and other.first <= self.first and self.last <= other.last and self != other


@dataclass(frozen=True, slots=True)
class _Claim:
    """One address that may be the person's; `rank` says how clearly."""

    ip: IPAddress
    rank: int
    start: int


def read_claims(message: InboundMessage, own: Sequence[OwnText]) -> Claims:
    """Give what the sender of `message` says in subject and `own` texts outside of everything quoted and forwarded.

    A network may be written with a prefix length or mask (host bits are cleared: the network in which that address
    lies), as a range from one address to another, or with `*` for its last octet.
    """
    words = _words(message.subject, own)
    if not _hints_at_address(words):
        return Claims()
    named: list[tuple[int, IPNetwork]] = []
    for match in list(_networks(words)):
        named += ((match.start(), network) for network in _read_network(match))
        words = words[: match.start()] + _host_in(match).ljust(len(match[0])) + words[match.end() :]
    theirs = _public_first(list(_theirs(words)))
    named += ((claim.start, host_network(claim.ip)) for claim in theirs)
    named.sort(key=lambda item: item[0])
    return Claims(_likeliest(theirs), tuple([network for _, network in named[:MAX_NETWORKS]]))


def merge_networks(networks: Iterable[IPNetwork]) -> tuple[IPNetwork, ...]:
    """Give `networks` in order, without repeats and without those that lie in another one."""
    everything = list(networks)
    if len(everything) > 1:
        spans = {network: _Span(network.version, *network_keys(network)[:2]) for network in everything}
        everything = [one for one, span in spans.items() if not any(span.lies_in(other) for other in spans.values())]
    return tuple(everything)


def _words(subject: str, own: Sequence[OwnText]) -> str:
    """Give the subject and the person's words, with the refusals in them blanked out."""
    body = "\n\n".join([text.words for text in own])
    words = unquote(f"{subject}\n{_END_OF_SUBJECT}\n{body}")
    if not _hints_at_address(words):
        return ""
    for statement in list(find_statements(words)):
        words = words[: statement.start] + " " * (statement.end - statement.start) + words[statement.end :]
    return words


def _hints_at_address(words: str) -> bool:
    return any(hint.search(words) for hint in _HINTS)


def _networks(words: str) -> Iterator[re.Match[str]]:
    """Give what is spelled like a network or a range, at most `MAX_NETWORKS` of each family."""
    for pattern in (_NETWORK4, _NETWORK6):
        found = (
            match
            for match in pattern.finditer(words)
            if not _JOINED.search(words, max(0, match.start() - 1), match.start())
        )
        yield from islice(found, MAX_NETWORKS)


def _read_network(match: re.Match[str]) -> list[IPNetwork]:
    """Give the networks that a match spells; several where a range is no single one."""
    first, kind, rest = match[1], match.lastgroup, match[match.lastindex or 0]
    try:
        if kind == "any":
            networks = [ip_network(f"{first}.0/24")]
        elif kind in ("prefix", "mask"):
            networks = [ip_network(f"{parse_ip(first)}/{rest}", strict=False)]
        else:
            networks = _read_range(first, f"{first.rpartition('.')[0]}.{rest}" if kind == "octet" else rest)
    except (ValueError, TypeError):  # no address or mask after all, or a range that runs backwards
        return []
    if len(networks) > _RANGE_NETWORKS:
        return []
    return [network for network in networks if network.prefixlen >= _WIDEST_PREFIX[network.version]]


def _read_range(first: str, last: str) -> list[IPNetwork]:
    low, high = parse_ip(first), parse_ip(last)
    if isinstance(low, IPv4Address) and isinstance(high, IPv4Address):
        return list(islice(summarize_address_range(low, high), _RANGE_NETWORKS + 1))
    if isinstance(low, IPv6Address) and isinstance(high, IPv6Address):
        return list(islice(summarize_address_range(low, high), _RANGE_NETWORKS + 1))
    return []


def _host_in(match: re.Match[str]) -> str:
    """Give the address in a network that is a host's own: one that is more than the network's first; else nothing."""
    networks = _read_network(match) if match.lastgroup in ("prefix", "mask") else []
    is_host = networks and (networks[0].num_addresses == 1 or str(networks[0].network_address) != match[1])
    return match[1] if is_host else ""


def _theirs(words: str) -> Iterator[_Claim]:
    """Give the addresses in `words` that may be the person's: called so, or named beside words that ask for something.

    A host's name with its address in brackets is how programs write, and no claim.
    """
    for sighting in find_addresses(words):
        before = max(0, sighting.start - _CONTEXT)
        # An answer's subject is ours: `Re: A question about your request`.
        before = max(before, words.rfind(_END_OF_SUBJECT, before, sighting.start))
        whose = [match.lastgroup for match in _WHOSE.finditer(words, before, sighting.start)]
        if sighting.ip is None or (whose and whose[-1]):
            continue
        if whose:
            yield _Claim(sighting.ip, Role.CLIENT + 1, sighting.start)
        elif sighting.role is not Role.LINK and _asks(words, sighting):
            yield _Claim(sighting.ip, sighting.role, sighting.start)


def _asks(words: str, sighting: Sighting) -> bool:
    start = max(0, sighting.start - 2 * _CONTEXT)
    if _BESIDE_NAME.search(words, start, sighting.start):
        return False
    asks_before = _PLEA.search(words, start, sighting.start)
    return asks_before is not None or _PLEA.search(words, sighting.end, sighting.end + _CONTEXT) is not None


def _public_first(theirs: list[_Claim]) -> list[_Claim]:
    """Leave out addresses of private networks, which nobody outside can see, where there are others."""
    return [claim for claim in theirs if special_range(claim.ip) not in _PRIVATE] or theirs


def _likeliest(theirs: list[_Claim]) -> IPAddress | None:
    """Give the first of the addresses most clearly theirs."""
    return max(theirs, key=lambda claim: (claim.rank, -claim.start)).ip if theirs else None
