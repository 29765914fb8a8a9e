"""What speaks for the sender of a message, or against it: its domain, SPF, DKIM, DMARC, our own relay's results."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from responder.domain.address import domain_of
from responder.domain.findings import Check, Finding, Result, internal_range
from responder.domain.header import split_header
from responder.domain.message import HEADER_BYTES
from responder.services.evidence.checks import DNS, check_sender_domain, clean
from responder.services.evidence.dmarc_check import judge_dmarc, policy_names, read_policy
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.hosts import Find
from responder.services.evidence.questions import Question
from responder.services.evidence.relay_results import RelayResult, read_relay_results
from responder.services.evidence.signatures import Signature, find_signatures, is_too_much_work, verify
from responder.services.evidence.spf_check import check_spf

MESSAGE = "message"
_T = TypeVar("_T")


class InThread(Protocol):
    """Runs something in another thread; gives None when that does not end in time."""

    def __call__(self, work: Callable[[], _T], /) -> Awaitable[_T | None]:
        """Run `work`."""


async def examine_sender(question: Question, find: Find, in_thread: InThread) -> list[Finding]:
    """Find out what speaks for the sender; what a trusted relay found out counts where we could not."""
    domain, author = domain_of(question.reverse_path), domain_of(question.header_from)
    destination, spf, (signatures, told), policy = await asyncio.gather(
        _sender_domain(domain, find),
        _spf(question, domain, find),
        _signatures(question, author, find, in_thread),
        asyncio.gather(*(find(name, Kind.TXT) for name in policy_names(author))),
    )
    checked = _complete([spf, *signatures], told)
    return [destination, *checked, *_complete([_dmarc(author, policy, checked)], told)]


async def _sender_domain(domain: str, find: Find) -> Finding:
    mail_hosts = await find(domain, Kind.MX)
    addresses: Sequence[Fact] = ()
    if mail_hosts.status is Status.NO_DATA:
        addresses = await asyncio.gather(find(domain, Kind.A), find(domain, Kind.AAAA))
    return check_sender_domain(domain, mail_hosts, addresses)


async def _spf(question: Question, domain: str, find: Find) -> Finding:
    client, now = question.client, datetime.now(UTC)
    if client is None or internal_range(client):
        value = "the client is not known" if client is None else "the client is in an inner network"
        return Finding(Check.SPF, domain, Result.NOT_CHECKED, value, DNS, now)
    sender = f"{question.reverse_path.rpartition('@')[0]}@{domain}"
    outcome = await check_spf(client, sender, question.helo_name, find)
    return Finding(Check.SPF, domain, outcome.result, clean(outcome.mechanism), DNS, now)


async def _signatures(
    question: Question, author: str, find: Find, in_thread: InThread
) -> tuple[list[Finding], tuple[RelayResult, ...]]:
    """Give the findings about signatures, and what our own relay says about the message."""
    header = await in_thread(lambda: _read_header(question))
    if header is None:
        return [_unsigned(author, Result.NOT_CHECKED)], ()
    signatures, told = header
    if not signatures:
        return [_unsigned(author, Result.NONE)], told
    jobs = [_signature(question, index, each, find, in_thread) for index, each in enumerate(signatures)]
    return list(await asyncio.gather(*jobs)), told


def _read_header(question: Question) -> tuple[tuple[Signature | None, ...], tuple[RelayResult, ...]] | None:
    raw = question.read_raw()
    if raw is None:
        return None
    header, _, _ = split_header(raw[:HEADER_BYTES])
    return find_signatures(raw), read_relay_results(header) if question.came_by_relay else ()


def _unsigned(author: str, result: Result) -> Finding:
    return Finding(Check.DKIM, author, result, "", MESSAGE, datetime.now(UTC))


async def _signature(
    question: Question, index: int, signature: Signature | None, find: Find, in_thread: InThread
) -> Finding:
    if signature is None:
        return Finding(Check.DKIM, "", Result.PERMERROR, "", MESSAGE, datetime.now(UTC))
    key = await find(signature.key_name, Kind.TXT)
    result = await in_thread(lambda: _verify(question, index, signature, key))
    value = clean(f"selector {signature.selector}")
    return Finding(Check.DKIM, signature.domain, result or Result.TEMPERROR, value, DNS, key.observed_at)


def _verify(question: Question, index: int, signature: Signature, key: Fact) -> Result:
    raw = question.read_raw()
    if raw is None or is_too_much_work(raw):
        return Result.NOT_CHECKED
    return verify(raw, index, signature, key)


def _dmarc(author: str, policy_facts: Sequence[Fact], checked: Sequence[Finding]) -> Finding:
    result, value = Result.NONE, ""
    policy = read_policy(author, policy_facts)
    if policy is not None:
        result, value = judge_dmarc(author, policy, checked), policy.wanted
    elif any(fact.is_unknown for fact in policy_facts):
        result = Result.TEMPERROR
    ttls = [fact.ttl_seconds for fact in policy_facts if fact.values and fact.ttl_seconds is not None]
    return Finding(Check.DMARC, author, result, value, DNS, datetime.now(UTC), min(ttls, default=None))


def _complete(findings: Sequence[Finding], told: Sequence[RelayResult]) -> list[Finding]:
    """Take a relay's words about a check in the place of the findings about it that are unknown."""
    completed: list[Finding] = []
    words = list(told)
    for finding in findings:
        if not finding.is_unknown or not any(one.check is finding.check for one in told):
            completed.append(finding)
        else:
            completed += [_from_relay(finding, word) for word in words if word.check is finding.check]
            words = [word for word in words if word.check is not finding.check]
    return completed


def _from_relay(finding: Finding, word: RelayResult) -> Finding:
    return Finding(
        finding.check,
        clean(word.domain) or finding.subject,
        word.result,
        finding.value if finding.check is Check.DMARC else "",
        clean(word.relay),
        datetime.now(UTC),
    )
