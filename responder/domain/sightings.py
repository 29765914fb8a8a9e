"""IP addresses in prose: which ones a text names, and in what role.

Much looks like an address and is none: versions (`6.5.7638.1`), answers of a list (`127.0.0.4`), names with octets in
them (`9.113.0.203.zen.example`), error codes of a provider (`- 4.16.55.1;`). What is left is judged by the words beside
it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice

from responder.domain.address import AddressError, IPAddress, parse_ip
from responder.domain.letter_case import lower_case

MAX_SIGHTINGS = 200

_CONTEXT = 50
# The first octets of IPv4 loopback, multicast and reserved addresses (RFC 6890, RFC 5771, RFC 1112 section 4).
_NO_HOSTS = frozenset({127, *range(224, 256)})
# Both begin with a plain set of characters, which is what makes looking for them fast.
_IPV4 = re.compile(r"[0-9]\d{0,2}(?:\.\d{1,3}){3}(?!\.?\w|-[A-Za-z]|/\d{1,2}\b)")
_IPV6 = re.compile(r"[0-9A-Fa-f:][0-9A-Fa-f:]{1,39}+(?:\.\d{1,3}){0,3}+(?!\w)")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_LABEL = re.compile(r"(?:ipv6|ip|inet6?|addr|address)\Z", re.IGNORECASE)
_JOINED = re.compile(r"(?:[\w.@]|[A-Za-z]-)\Z")
# These three are in lower case, and looked for in text that is so too.
# Before it: a program and its version, an error code, a paragraph, a mail address, the host of a link, the server that
# answered, the resolver of the server that refused, which Spamhaus does not answer.
_OTHER_THING = re.compile(
    r"(?:\b(?:version|ver|build|release|rev|id|exchange|smtpsvc|postfix|sendmail|exim|domino|code|section"
    r"|rfc(?:[ -]?\d{3,5},?)?|lastattemptedip)\b(?: (?:server|\d{4}|(?:sp|cu)\d{1,2})\b){0,3}[ =:(\[#]*"
    r"|\bv\.? ?|@\[?|//|/returnc/\w{1,20}/|\bserver at [\w.-]{1,60} ?[\[(])\Z"
)
# Before it: the far end of a connection, unless a verdict follows.
_FAR_END = re.compile(r"(?:\b(?:to|by|at|via|through|using|relay)\b[ =:(\[]*|(?<!client )\bhost [\w.-]{1,60} ?[\[(])\Z")
# Before it: what introduces a code as well as an address of which a verdict follows.
_CODE_LEADS = re.compile(r"\b(?:error|status)\b[ =:(\[#]*\Z")
# An error code that a provider appends.
_DASHED = re.compile(r"-[ \t]{1,3}\Z")
_REMOTE = re.compile(
    r"\]?\)?(?::\d+)?[:,]?\s+(?:said|refused to talk|replied|responded|returned|gave this error)\b", re.IGNORECASE
)
_CLIENT = re.compile(
    r"(?:\b(?:clients?|host|server|system|computer|machine|gateway|ip|ips|address|addresses|adresse"
    r"|direcci.n|indirizzo|addr|from|sender|source|origin|mta|connection|peer|for|failed|forged"
    r"|required|number|is|are|was|of|network|range|pool)\b"
    r"|client-ip|\bip(?:v4|v6)?(?:[ -]?addr(?:ess)?)?)[ \t\n]*(?:\bis\b|\bof\b)?[\s=:<>\[\](\"'`*_-]{0,12}\Z",
    re.IGNORECASE,
)
_LEADING = re.compile(r"[\s<\[(\"':]*\Z")
_NAMED = re.compile(r"<[\w.-]+\[\Z")
_VERDICT = re.compile(
    r"[\])>\"'*_]{0,4}(?::\d{1,5}\b)?[\])>\"':,]{0,3}\s{1,10}(?:address |\w{0,20}(?=\s{1,3}(?:is|has|was)\b))?\s{0,3}"
    r"(?:is|was|are|has|have|had|appears?|seems?|looks?|listed|blocked|block|black|rejected|denied|refused|found|not"
    r"|banned|does|did|do|failed|client host|cannot|could|will|must|in an? |in the |on (?:our|the|a|one)|our system)\b",
    re.IGNORECASE,
)
_LINK = re.compile(r"(?:[=/?&]|%3d)\Z", re.IGNORECASE)


class Role(IntEnum):
    """How clearly the words beside an address call it the client's, clearest last."""

    BARE = 1
    LINK = 2
    CLIENT = 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """One address in a text.

    Attributes:
        role: what the words beside it make of it.
        ip: the address; None where it can be nobody's (`0.0.0.0`).
        start: where it begins in the text.
        end: where it ends.
    """

    role: Role
    ip: IPAddress | None
    start: int
    end: int


def find_addresses(text: str) -> Iterator[Sighting]:
    """Give the addresses that may be a client's in `text`, in order, at most `MAX_SIGHTINGS` tokens considered."""
    for ip, start, end in sorted(islice(_tokens(text), MAX_SIGHTINGS), key=lambda token: token[1]):
        before, after = text[max(0, start - _CONTEXT) : start], text[end : end + _CONTEXT]
        lowered = lower_case(before)
        if _OTHER_THING.search(lowered) or _REMOTE.match(after) or (after[:1] in (";", ")") and _DASHED.search(before)):
            continue
        verdict, far = _VERDICT.match(after), _FAR_END.search(lowered)
        if verdict or not (far or _CODE_LEADS.search(lowered)):
            role = Role.BARE if far else Role.CLIENT if verdict else _role(before, start)
            yield Sighting(role, None if ip.is_unspecified else ip, start, end)


def _tokens(text: str) -> Iterator[tuple[IPAddress, int, int]]:
    """Give what is spelled like an address of a host, with where it begins and ends."""
    taken: list[tuple[int, int]] = []
    if _COLONS.search(text):
        for match in _IPV6.finditer(text):
            token = _read_ipv6(text, match)
            if token:
                taken.append(token[1:])
                yield token
    for match in _IPV4.finditer(text):
        start, end = match.span()
        if _JOINED.search(text, max(0, start - 2), start) or any(low <= start < high for low, high in taken):
            continue
        ip = _parse(match[0])
        if ip and ip.packed[0] not in _NO_HOSTS:
            yield ip, start, end


def _read_ipv6(text: str, match: re.Match[str]) -> tuple[IPAddress, int, int] | None:
    spelled, start = match[0], match.start()
    if spelled.count(":") < 2:  # noqa: PLR2004 - the fewest an address can have
        return None
    if _JOINED.search(text, max(0, start - 2), start):
        start += spelled.index(":") + 1
        spelled = spelled.partition(":")[2]
        if not _LABEL.search(text, max(0, start - 9), start - 1):
            return None
    if spelled.endswith(":") and not spelled.endswith("::"):
        spelled = spelled[:-1]
    ip = _parse(spelled)
    return None if ip is None or ip.is_loopback or ip.is_multicast else (ip, start, start + len(spelled))


def _parse(spelled: str) -> IPAddress | None:
    try:
        return parse_ip(spelled)
    except AddressError:
        return None


def _role(before: str, start: int) -> Role:
    """Say what the words before an address make of it, where no verdict follows."""
    chunk = before[before.rfind(" ") + 1 :]
    if _LINK.search(before) and ("/" in chunk or "?" in chunk):
        return Role.LINK
    leads = start <= len(before) and _LEADING.fullmatch(before) is not None
    if leads or _NAMED.search(before) or _CLIENT.search(before):
        return Role.CLIENT
    return Role.BARE
