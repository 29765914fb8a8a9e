"""Received lines as a path: which hosts a message went through, and which of them are the sender's own.

A Received line describes the host that is named behind `by`: that host wrote it (RFC 5321 section 4.4). What stands
before `by` is what that host saw of the one before it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from responder.domain.address import IPAddress
from responder.domain.message import Header

MAX_HOPS = 100
LINE_CHARACTERS = 2_000
ADDRESS_CHARACTERS = 4_000
COUNTRY_CODE = 2

_DOMAIN = re.compile(r"@\[?([A-Za-z0-9.-]{1,255})")
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
# What stands before the word is looked at afterwards, so that it is found by its letters.
_FOR = re.compile(r"for (?<!\wfor )<?[^\s<>@]{1,256}@([A-Za-z0-9.-]{1,255})")
# Two patterns: one that begins with a set of characters is found much faster than one with alternatives.
_LOCALHOST = re.compile(r"from localhost \(localhost\)", re.IGNORECASE)
_LOOPBACK = re.compile(r"[\[( ](?:127\.|::1[\])]|IPv6:::1\])", re.IGNORECASE)
_HANDED_IN = re.compile(r" with (?:local|mapi|RAW)\b", re.IGNORECASE)
_INTERNAL = (
    ".local",
    ".localdomain",
    ".lan",
    ".internal",
    ".intranet",
    ".intern",
    ".corp",
    ".home",
    ".arpa",
    ".private",
)
_SECOND_LEVEL = re.compile(
    r"ac|asn|com?|edu|gen|gob?|govt?|gouv|idv?|lg|ltd|mil|net?|nhs|nom|org?|plc|police|sch", re.IGNORECASE
)

_PROVIDERS = re.compile(
    r"(?:gmx|hotmail|live|msn|outlook|yahoo|yandex|ymail)\.[a-z.]+"
    r"|(?:aol|apple|fastmail|gmail|google|googlemail|icloud|mac|me|protonmail|qq|rocketmail|zoho|126|163)\.com"
    r"|mail\.ru|proton\.me|protonmail\.ch|web\.de|yahoodns\.net"
)
"""Registered domains of large mailbox providers: their servers tell nothing about the server that was refused."""

_FILTERS = re.compile(
    r"(?:barracudanetworks|cudamail|iphmx|mailcontrol|messagelabs|mimecast|mxlogic|postini|pphosted|ppe-hosted"
    r"|spamexperts|symanteccloud|trendmicro)\.[a-z.]+"
)
"""Registered domains of filtering services that stand in front of a mail server and are not it."""

_MICROSOFT_TENANTS = frozenset({"outlook.com", "exchangelabs.com", "office365.com"})


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received line.

    Attributes:
        line: the whole value, at most `LINE_CHARACTERS`.
        seen: what stands before `by`: the peer, as this host saw it.
        written: from `by` on: what this host says about itself; the whole line when it has no `by`.
        by: lower-cased name of the host that wrote it, empty when the line names none (qmail).
    """

    line: str
    seen: str
    written: str
    by: str

    @property
    def handed_in(self) -> bool:
        """Tell whether the message began its way on this very host: by a local program, mailbox or bounce."""
        return (
            not self.seen
            or self.seen.startswith("(from ")
            or _LOCALHOST.match(self.seen) is not None
            or _LOOPBACK.search(self.seen) is not None
            or _HANDED_IN.search(self.written) is not None
        )


@dataclass(frozen=True, slots=True)
class SenderHop:
    """A line that was written on the sender's side.

    Attributes:
        hop: the line.
        proven: the host bears the sender's domain, or the message began there; else its place alone says so.
    """

    hop: Hop
    proven: bool


def read_hop(value: str) -> Hop:
    """Split the unfolded value of one Received field."""
    line = " ".join(value[:LINE_CHARACTERS].split())
    at = _by_position(line.lower())
    if at < 0:
        return Hop(line, "", line, "")
    name = line[at + 3 :].partition(" ")[0].rstrip(";,.").strip("[]()").lower()
    return Hop(line, line[:at].rstrip(), line[at:], name)


def _by_position(line: str) -> int:
    """Give the index of the clause `by` outside comments, -1 without one."""
    at = 0 if line.startswith("by ") else line.find(" by ")
    while at > 0:
        if line.count("(", 0, at) <= line.count(")", 0, at):
            return at + 1
        at = line.find(" by ", at + 3)
    return at


def read_path(header: Header) -> tuple[Hop, ...]:
    """Give the Received lines of a message from the bottom up, the latest `MAX_HOPS`.

    The queue of qmail adds a line without host; what it took `from network` belongs to the host of the line below.
    """
    path: list[Hop] = []
    for value in reversed(header.every("received")[-MAX_HOPS:]):
        hop = read_hop(value)
        if hop.by or "invoked from network" not in hop.line:
            path.append(hop)
        elif path:
            path.append(replace(hop, by=path[-1].by, seen=path[-1].seen))
    return tuple(path)


@lru_cache(maxsize=256)
def organisation(name: str) -> str:
    """Give the registered domain of a host name, an address as it is, and "" for a name that is only known inside.

    An approximation without the public suffix list: two labels, three below `co.uk` and its like.
    """
    name = name.lower().strip("[].")
    if "." not in name or name.endswith(_INTERNAL):
        return name if ":" in name else ""
    labels = name.split(".")
    if labels[-1].isdigit():
        return "" if name.startswith(("127.", "10.", "192.168.")) else name
    size = 3 if len(labels[-1]) == COUNTRY_CODE and _SECOND_LEVEL.fullmatch(labels[-2]) else 2
    return ".".join(labels[-size:])


def mail_organisations(header: Header, *keys: str) -> frozenset[str]:
    """Give the organisations of all addresses in the fields `keys`."""
    found: set[str] = set()
    for key in keys:
        for value in header.every(key):
            found.update(map(organisation, _DOMAIN.findall(value[:ADDRESS_CHARACTERS])))
    found.discard("")
    return frozenset(found)


def is_provider(organisation_name: str) -> bool:
    """Tell whether a registered domain belongs to a large mailbox provider."""
    return _PROVIDERS.fullmatch(organisation_name) is not None


def came_from_provider(path: Sequence[Hop], header: Header) -> bool:
    """Tell whether the message began its way at a large mailbox provider.

    Exchange Online writes the same lines for a company and for Outlook.com; there the address of From tells which.
    """
    for hop in path:
        writer = _named_organisation(hop.by)
        known = {writer, *_peers(hop)} - {""}
        if not known.isdisjoint(_MICROSOFT_TENANTS):
            return any(map(is_provider, mail_organisations(header, "from")))
        if any(map(is_provider, known)):
            return True
        if writer:
            return False
    return False


def sender_hops(
    path: Sequence[Hop], header: Header, client: IPAddress | None = None, *, report: bool = False
) -> Iterator[SenderHop]:
    """Give the lines of `path` that were written on the sender's side, from the bottom up.

    A line counts when its host bears the domain of From or of the envelope sender, is known only inside, began the
    message's way, or is the first foreign host and the next line up (if any) names it as its peer. The first line of
    anybody else ends the walk: of a recipient's host, of a filtering service, of a host that saw `client` as its peer.

    The writer's line in a report says that it was handed in there. A host that took one from somebody else's is the
    recipient's.
    """
    strangers = mail_organisations(header, "to", "cc", "delivered-to", "x-original-to", "envelope-to")
    home = mail_organisations(header, "from")
    if not report:  # list servers and those that return a report put in their own
        home |= mail_organisations(header, "sender", "return-path") - strangers
    strangers -= home
    relay: str | None = None
    for index, hop in enumerate(path):
        name = organisation(hop.by)
        if _FILTERS.fullmatch(name) or (report and name and not hop.handed_in and _is_taken_over(hop, name)):
            return
        if hop.handed_in and (index == 0 or relay in (None, name)):
            proven, relay = True, name or relay
            home |= {name} - {""}
        elif name in home:
            proven, relay = not report, name
        elif not name:
            proven = False
        elif relay not in (None, name) or _is_outside(hop, name, strangers, client) or not _is_named(name, path, index):
            return
        else:
            proven, relay = False, name
        yield SenderHop(hop, proven)


def _named_organisation(name: str) -> str:
    return "" if name[-1:].isdigit() else organisation(name)


def _peers(hop: Hop) -> frozenset[str]:
    """Give the organisations of the names by which a host knew its peer."""
    return frozenset(map(_named_organisation, _NAME.findall(hop.seen))) - {""}


def _is_taken_over(hop: Hop, name: str) -> bool:
    peers = _peers(hop)
    return bool(peers) and name not in peers


def _is_outside(hop: Hop, name: str, strangers: frozenset[str], client: IPAddress | None) -> bool:
    if name in strangers or (client is not None and str(client) in hop.seen):
        return True
    recipient = _FOR.search(hop.written)
    return recipient is not None and organisation(recipient[1]) == name


def _is_named(name: str, path: Sequence[Hop], index: int) -> bool:
    """Tell whether the next line up, if any, names the organisation `name` as its peer."""
    return index + 1 == len(path) or name in path[index + 1].seen or name in _peers(path[index + 1])
