"""Checks: pure functions from facts to findings."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address

from responder.domain.address import AddressError, IPAddress, parse_ip
from responder.domain.charset import one_line
from responder.domain.findings import Check, Finding, Result
from responder.domain.generated_names import NameVerdict, Naming
from responder.services.evidence.facts import Fact, Kind, Status

DNS = "dns"

_VALUE_CHARACTERS = 300
_CODES = IPv4Network("127.0.0.0/8")
_REFUSALS = IPv4Network("127.255.255.0/24")
_V4 = 4
_NAMING = {
    Naming.GENERATED: Result.GENERATED,
    Naming.STATIC: Result.STATIC,
    Naming.PLAIN: Result.PLAIN,
}

FindEntry = Callable[[IPAddress], tuple[str, str] | None]


@dataclass(frozen=True, slots=True)
class BlockList:
    """A list that may name an address as dynamic.

    Attributes:
        name: all that is ever shown of it.
        zone: the zone to ask, which may hold a key; empty where `entry_of` answers.
        codes: answers that mean dynamic; empty is every one.
        entry_of: gives code and text of the entry that has an address, for a list that is a file of ours.
    """

    name: str
    zone: str = ""
    codes: frozenset[str] = frozenset()
    entry_of: FindEntry | None = None

    def __repr__(self) -> str:
        """Show the name alone: what is printed by accident must hold no key."""
        return f"BlockList({self.name!r})"


def list_name(ip: IPAddress, zone: str) -> str:
    """Give the name at which a list has its entry for `ip` (RFC 5782 sections 2.1 and 2.4)."""
    digits = str(ip).split(".") if ip.version == _V4 else list(ip.exploded.replace(":", ""))
    return f"{'.'.join(reversed(digits))}.{zone}"


def unknown_result(fact: Fact) -> Result:
    """Give the result for a fact that is unknown."""
    return Result.TIMED_OUT if fact.status is Status.TIMED_OUT else Result.UNAVAILABLE


def is_entry(fact: Fact) -> bool:
    """Tell whether what a list answered is an entry; if so it may have a text."""
    return fact.status is Status.FOUND and _answers(fact) is not None


def _answers(fact: Fact) -> tuple[str, ...] | None:
    """Give the codes of an entry; None when an answer is none: outside 127.0.0.0/8, or 127.255.255.0/24.

    A resolver that puts its own address in the place of a "no such name" answers outside; several lists answer inside
    the latter to those that they do not serve. A list with one such answer says nothing.
    """
    addresses = [ip_address(value) for value in fact.values]
    if any(ip not in _CODES or ip in _REFUSALS for ip in addresses):
        return None
    return fact.values


def check_listing(ip: IPAddress, blocklist: BlockList, entry: Fact, text: Fact | None) -> Finding:
    """Say whether a list has `ip`: `entry` are the addresses at its `list_name`, `text` the reason, if there is one."""
    result, value = Result.NOT_LISTED, ""
    codes = _answers(entry) if entry.status is Status.FOUND else ()
    if entry.status is Status.REFUSED or codes is None:
        result = Result.REFUSED
    elif entry.is_unknown:
        result = unknown_result(entry)
    elif codes:
        is_dynamic = not blocklist.codes or not blocklist.codes.isdisjoint(codes)
        result = Result.LISTED if is_dynamic else Result.OTHER_CODE
        value = _entry_text(blocklist, codes, text)
    return Finding(Check.LISTING, str(ip), result, value, blocklist.name, entry.observed_at, entry.ttl_seconds)


def _entry_text(blocklist: BlockList, codes: Sequence[str], text: Fact | None) -> str:
    """Give the codes and the first text of an entry; a text that repeats the zone's name loses it."""
    shown = ", ".join(sorted(codes)[:5])
    said = text.values[0] if text is not None and text.values else ""
    if blocklist.zone:  # a name of the DNS, so in any case of letters
        said = re.sub(re.escape(blocklist.zone), lambda _: blocklist.name, said, flags=re.IGNORECASE)
    return clean(f"{shown}: {said}" if said else shown)


def check_reverse_name(ip: IPAddress, names: Fact, forward: Sequence[Fact]) -> Finding:
    """Say whether `ip` has a name that leads back to it (RFC 8601 section 2.7.3, iprev).

    Args:
        ip: the address.
        names: what the reverse zone says.
        forward: what those names lead to.
    """
    result, value = Result.MISSING, ""
    if names.is_unknown:
        result = unknown_result(names)
    elif names.status is Status.FOUND:
        value = clean(names.values[0])
        result = Result.NOT_CONFIRMED
        confirmed = next((fact.name for fact in forward if _leads_to(fact, ip)), None)
        doubtful = next((fact for fact in forward if fact.is_unknown), None)
        if confirmed:
            result, value = Result.CONFIRMED, clean(confirmed)
        elif doubtful:
            result = unknown_result(doubtful)
    return Finding(Check.REVERSE_NAME, str(ip), result, value, DNS, names.observed_at, names.ttl_seconds)


def _leads_to(fact: Fact, ip: IPAddress) -> bool:
    return fact.status is Status.FOUND and any(ip_address(value) == ip for value in fact.values)


def check_generated_name(reverse_name: Finding, verdict: NameVerdict) -> Finding:
    """Say whether the name in `reverse_name` looks generated, as was judged."""
    shown = f"{reverse_name.value}: {verdict.shown}" if verdict.shown else reverse_name.value
    return Finding(
        Check.GENERATED_NAME,
        reverse_name.subject,
        _NAMING[verdict.naming],
        clean(shown),
        reverse_name.source,
        reverse_name.observed_at,
        reverse_name.ttl_seconds,
    )


def check_helo_name(client: IPAddress, helo_name: str, addresses: Fact) -> Finding:
    """Say whether the name by which `client` called itself leads to it; `addresses` is what is found there."""
    if addresses.is_unknown:
        result = unknown_result(addresses)
    elif addresses.status is Status.FOUND:
        result = Result.MATCHES if _leads_to(addresses, client) else Result.DIFFERS
    else:
        result = Result.MISSING
    return Finding(
        Check.HELO_NAME, str(client), result, clean(helo_name), DNS, addresses.observed_at, addresses.ttl_seconds
    )


def literal_of(helo_name: str) -> IPAddress | None:
    """Give the address by which a client called itself in the place of a name (RFC 5321 section 4.1.3), else None."""
    text = helo_name.strip("[]")
    try:
        return parse_ip(text[5:] if text[:5].lower() == "ipv6:" else text)
    except AddressError:
        return None


def check_sender_domain(domain: str, mail_hosts: Fact, addresses: Sequence[Fact]) -> Finding:
    """Say whether mail can be sent to `domain` (RFC 5321 section 5.1, RFC 7505).

    Args:
        domain: of the reverse-path.
        mail_hosts: its MX records.
        addresses: its own address records, which count where it has no MX.
    """
    result, value = Result.NO_MAIL_HOST, ""
    doubtful = next((fact for fact in (mail_hosts, *addresses) if fact.is_unknown), None)
    if mail_hosts.status is Status.FOUND:
        hosts = [host for _, _, host in (one.partition(" ") for one in mail_hosts.values)]
        is_null = all(host in {"", "."} for host in hosts)
        result, value = (Result.NULL_MX, "") if is_null else (Result.TAKES_MAIL, clean(", ".join(sorted(hosts)[:5])))
    elif mail_hosts.status is Status.NO_NAME:
        result = Result.NO_SUCH_DOMAIN
    elif any(fact.status is Status.FOUND for fact in addresses):
        result = Result.TAKES_MAIL
    elif doubtful:
        result = unknown_result(doubtful)
    return Finding(
        Check.SENDER_DOMAIN, clean(domain), result, value, DNS, mail_hosts.observed_at, mail_hosts.ttl_seconds
    )


def address_kind(ip: IPAddress) -> Kind:
    """Give the kind of record that leads to `ip`."""
    return Kind.A if ip.version == _V4 else Kind.AAAA


def clean(text: str) -> str:
    """Give text of a stranger on one line, without control characters, and cut."""
    return one_line(text, _VALUE_CHARACTERS)
