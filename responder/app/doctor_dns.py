"""What `responder doctor` asks the DNS: does it answer at all, and do the lists answer us?

A list has 127.0.0.2 and has not 127.0.0.1, whatever else is in it (RFC 5782 section 5). One that answers otherwise does
not serve this resolver, is gone, or has another zone than the settings say; the policy service would refuse nobody, or
everybody.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from responder.app.evidence import make_resolver
from responder.app.verdict import Finding, Verdict
from responder.domain.address import parse_ip
from responder.services.evidence.checks import BlockList, is_entry, list_name
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.lookups import Resolver
from responder.settings import Settings

_ALWAYS, _NEVER = parse_ip("127.0.0.2"), parse_ip("127.0.0.1")
_TROUBLE = {
    Status.TIMED_OUT: "does not answer in time",
    Status.FAILED: "cannot be asked: the name servers fail",
    Status.REFUSED: "is refused to this resolver",
}


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a list says about the address that every list has, and the one that none has."""

    blocklist: BlockList
    always: Fact
    never: Fact


def check_dns(settings: Settings) -> Iterator[Finding]:
    """See whether the resolver answers at all, and whether each list does."""
    yield from asyncio.run(_check(settings))


async def _check(settings: Settings) -> list[Finding]:
    resolver = make_resolver(settings)
    started = time.monotonic()
    anything = await resolver.ask("", Kind.TXT)
    seconds = time.monotonic() - started
    if anything.status in {Status.TIMED_OUT, Status.FAILED}:
        text = f"the resolver {_TROUBLE[anything.status]}; mail is taken and answered all the same"
        return [Finding("dns", Verdict.WARNING, text)]
    lists = [BlockList(one.name, one.zone, frozenset(one.codes)) for one in settings.blocklists if one.zone]
    asked = await asyncio.gather(*(_ask(resolver, each) for each in lists))
    return [Finding("dns", Verdict.OK, f"the resolver answers within {seconds:.2f} s"), *map(_judge, asked)]


async def _ask(resolver: Resolver, blocklist: BlockList) -> _Answers:
    names = (list_name(ip, blocklist.zone) for ip in (_ALWAYS, _NEVER))
    always, never = await asyncio.gather(*(resolver.ask(name, Kind.A) for name in names))
    return _Answers(blocklist, always, never)


def _judge(answers: _Answers) -> Finding:
    """Say how a list is, by its name: its zone may hold a key."""
    name, always, never = answers.blocklist.name, answers.always, answers.never
    trouble = next((_TROUBLE[fact.status] for fact in (always, never) if fact.is_unknown), None)
    if trouble:
        return Finding("list", Verdict.WARNING, f"{name} {trouble}; nobody is refused because of it meanwhile")
    if any(fact.status is Status.FOUND and not is_entry(fact) for fact in (always, never)):
        text = f"{name} does not serve this resolver: it answers with an error code, or another server answers for it"
        return Finding("list", Verdict.FAILED, f"{text}; ask its provider, or use a resolver of your own")
    if is_entry(never):
        return Finding("list", Verdict.FAILED, f"{name} lists 127.0.0.1, hence everybody: take it out of the settings")
    if not is_entry(always):
        return Finding("list", Verdict.FAILED, f"{name} does not list 127.0.0.2: it is gone, or has another zone")
    return Finding("list", Verdict.OK, f"{name} answers as a list should")
