"""What the DNS says about a host: lists, reverse name, greeting."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from responder.domain.address import IPAddress, canonical_domain
from responder.domain.findings import Check, Finding, Result, internal_range
from responder.domain.generated_names import judge_name
from responder.services.evidence.checks import (
    BlockList,
    address_kind,
    check_generated_name,
    check_helo_name,
    check_listing,
    check_reverse_name,
    clean,
    is_entry,
    list_name,
    literal_of,
)
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.questions import EvidenceTerms, Question

Find = Callable[[str, Kind], Awaitable[Fact]]

SETTINGS = "policy.dynamic_networks"
_MOST_NAMES = 5  # of an address; honest ones have one


async def examine_hosts(question: Question, terms: EvidenceTerms, find: Find) -> list[Finding]:
    """Find out about the refused address and the client; an address of an inner network is nobody else's to know."""
    address, client = question.address, question.client
    subjects = [ip for ip in dict.fromkeys((address, client)) if ip is not None and internal_range(ip) is None]
    listed = address if address is not None else client
    jobs = [_reverse_name(ip, terms, find) for ip in subjects]
    if listed in subjects:
        jobs.append(_listings(listed, terms, find))
    if client is not None and client in subjects and question.helo_name:
        jobs.append(_helo_name(client, question.helo_name, find))
    found = await asyncio.gather(*jobs)
    return [one for findings in found for one in findings]


async def _listings(ip: IPAddress, terms: EvidenceTerms, find: Find) -> Sequence[Finding]:
    own = [_in_network(ip, str(network)) for network in terms.dynamic_networks if ip in network]
    return own + list(await asyncio.gather(*(_listing(ip, blocklist, find) for blocklist in terms.blocklists)))


def _in_network(ip: IPAddress, network: str) -> Finding:
    return Finding(Check.LISTING, str(ip), Result.LISTED, network, SETTINGS, datetime.now(UTC))


async def _listing(ip: IPAddress, blocklist: BlockList, find: Find) -> Finding:
    if blocklist.entry_of:
        return _look_into_file(ip, blocklist, blocklist.entry_of(ip))
    name = list_name(ip, blocklist.zone)
    entry = await find(name, Kind.A)
    text = await find(name, Kind.TXT) if is_entry(entry) else None
    return check_listing(ip, blocklist, entry, text)


def _look_into_file(ip: IPAddress, blocklist: BlockList, entry: tuple[str, str] | None) -> Finding:
    now = datetime.now(UTC)
    if entry is None:
        return check_listing(ip, blocklist, Fact("", Kind.A, Status.NO_NAME, observed_at=now), None)
    code, said = entry
    return check_listing(
        ip,
        blocklist,
        Fact("", Kind.A, Status.FOUND, (code,), observed_at=now),
        Fact("", Kind.TXT, Status.FOUND, (said,), observed_at=now),
    )


async def _reverse_name(ip: IPAddress, terms: EvidenceTerms, find: Find) -> Sequence[Finding]:
    names = await find(ip.reverse_pointer, Kind.PTR)
    forward = await asyncio.gather(*(find(name, address_kind(ip)) for name in names.values[:_MOST_NAMES]))
    reverse_name = check_reverse_name(ip, names, forward)
    if not reverse_name.value:
        return [reverse_name]
    verdict = judge_name(reverse_name.value, ip, terms.dynamic_names)
    return [reverse_name, check_generated_name(reverse_name, verdict)]


async def _helo_name(client: IPAddress, helo_name: str, find: Find) -> Sequence[Finding]:
    literal = literal_of(helo_name)
    if literal is not None:
        result = Result.MATCHES if literal == client else Result.DIFFERS
        return [Finding(Check.HELO_NAME, str(client), result, clean(helo_name), "message", datetime.now(UTC))]
    return [check_helo_name(client, helo_name, await find(canonical_domain(helo_name), address_kind(client)))]
