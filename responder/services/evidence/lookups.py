"""Look-ups: each name is asked about once, however many want to know, and remembered as long as its answer holds."""

import asyncio
import heapq
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rcode
import dns.resolver
from dns.nameserver import Do53Nameserver

from responder.services.evidence.facts import Fact, Kind, Status

Ask = Callable[[str, Kind], Awaitable[Fact]]

_MOST_OCTETS = 32 * 1024**2
_FACT_OCTETS = 300  # what a fact takes besides its values
_LONGEST_SECONDS = 3_600
# RFC 2308 section 5 leaves it to the zone how long a "no" holds; without its word, and for a failure (RFC 9520
# section 3.2), a moment that spares the servers a flood.
_NO_SECONDS = 300
_FAILURE_SECONDS = 5
_ROOT_SECONDS = 60
_UDP_PAYLOAD = 1_232
_MOST_TRIES = 2
_BEGUN_AT_ONCE = 20
_VALUES = 100
_VALUE_OCTETS = 8 * 1024  # more than any record that means something


class Lookups:
    """Facts by name, for the coroutines of one event loop.

    Args:
        ask: asks the servers; takes as long as it may by itself, and gives a fact whatever happens.
        clock: seconds that only grow.
    """

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._known: OrderedDict[tuple[str, Kind], tuple[Fact, float]] = OrderedDict()
        self._octets = 0
        self._asking: dict[tuple[str, Kind], asyncio.Task[Fact]] = {}
        self._turns = _Turns()

    async def find(self, name: str, kind: Kind, deadline: float) -> Fact:
        """Give what is known about `name`, waiting for it until `deadline` (on the clock) at most."""
        key = (name.lower().rstrip("."), kind)
        known = self._recall(key)
        if known is not None:
            return known
        left = deadline - self._clock()
        if left <= 0:
            return _without_answer(*key)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._find_out(key, deadline))
        done, _ = await asyncio.wait({task}, timeout=left)
        return task.result() if done else _without_answer(*key)

    def recall(self, name: str, kind: Kind) -> Fact | None:
        """Give what is remembered about `name`, None when it must be asked about."""
        return self._recall((name.lower().rstrip("."), kind))

    def _recall(self, key: tuple[str, Kind]) -> Fact | None:
        known = self._known.get(key)
        if known is None:
            return None
        fact, until = known
        if self._clock() >= until:
            self._forget(key)
            return None
        self._known.move_to_end(key)
        return fact

    async def _find_out(self, key: tuple[str, Kind], deadline: float) -> Fact:
        """Ask for a fact and remember it; whoever waits for it may have gone."""
        try:
            await self._turns.take(deadline)
            fact = await self._ask(*key)
        finally:
            del self._asking[key]
        self._remember(key, fact)
        return fact

    def _remember(self, key: tuple[str, Kind], fact: Fact) -> None:
        """Keep a fact as long as it holds, at the cost of those that nobody wanted lately."""
        if key in self._known:
            self._forget(key)
        self._known[key] = (fact, self._clock() + _seconds_to_keep(fact))
        self._octets += _size(fact)
        while self._octets > _MOST_OCTETS:
            self._forget(next(iter(self._known)))

    def _forget(self, key: tuple[str, Kind]) -> None:
        fact, _ = self._known.pop(key)
        self._octets -= _size(fact)


def _size(fact: Fact) -> int:
    return _FACT_OCTETS + len(fact.name) + sum(map(len, fact.values))


def _without_answer(name: str, kind: Kind) -> Fact:
    return Fact(name, kind, Status.TIMED_OUT, observed_at=datetime.now(UTC))


def _seconds_to_keep(fact: Fact) -> float:
    if fact.is_unknown:
        return _FAILURE_SECONDS
    if fact.ttl_seconds is None:
        return _NO_SECONDS
    return min(fact.ttl_seconds, _LONGEST_SECONDS)


class _Turns:
    """Lets few questions begin in each round of the loop, so that answers are read in between.

    To begin thousands takes longer than the servers need for an answer, which would then come too late to be seen. Of
    those that wait, the one whose time is over first comes first.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._giver: asyncio.Task[None] | None = None

    async def take(self, deadline: float) -> None:
        """Wait for a turn."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (deadline, next(self._numbers), turn))
        if self._giver is None or self._giver.done():
            self._giver = asyncio.create_task(self._give())
        await turn

    async def _give(self) -> None:
        while self._waiting:
            for _ in range(min(_BEGUN_AT_ONCE, len(self._waiting))):
                _, _, turn = heapq.heappop(self._waiting)
                if not turn.done():
                    turn.set_result(None)
            await asyncio.sleep(0)


class Resolver:
    """Asks name servers.

    Args:
        nameservers: host and port of each; empty takes those of the system.
        timeout_seconds: for one question, whatever it takes.
        most_at_once: questions that are under way at the same time, each of which needs a socket.
    """

    def __init__(
        self, nameservers: tuple[tuple[str, int], ...] = (), *, timeout_seconds: float = 2, most_at_once: int = 2_000
    ) -> None:
        self._resolver = make_resolver(nameservers, timeout_seconds)
        self._places = asyncio.Semaphore(most_at_once)
        self._root_lock = asyncio.Lock()
        self._root_until = 0.0
        self._denies_root = False

    async def ask(self, name: str, kind: Kind) -> Fact:
        """Give what the servers say about `name`; never raises.

        A "no such name" that no zone stands behind (RFC 2308 section 2.1) tells nothing where it comes from a server
        that denies the root as well, as those of closed networks do: it says so of every name.
        """
        async with self._places:
            fact = await _ask(self._resolver, name, kind)
        if fact.status is Status.NO_NAME and fact.ttl_seconds is None and await self._denies_everything():
            return replace(fact, status=Status.FAILED)
        return fact

    async def _denies_everything(self) -> bool:
        async with self._root_lock:
            if time.monotonic() >= self._root_until:
                self._denies_root = await _denies_root(self._resolver)
                self._root_until = time.monotonic() + _ROOT_SECONDS
            return self._denies_root


def make_resolver(nameservers: tuple[tuple[str, int], ...], timeout_seconds: float) -> dns.asyncresolver.Resolver:
    """Give a resolver that asks `nameservers`, or the system's; one that has none answers nothing."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=not nameservers)
    except dns.resolver.NoResolverConfiguration:
        resolver = dns.asyncresolver.Resolver(configure=False)
    if nameservers:
        resolver.nameservers = [Do53Nameserver(host, port) for host, port in nameservers]
    # A single server gets all the time there is: whoever asks it again begins to wait anew.
    resolver.timeout = timeout_seconds / min(max(len(resolver.nameservers), 1), _MOST_TRIES)
    resolver.lifetime = timeout_seconds
    resolver.use_edns(0, 0, _UDP_PAYLOAD)
    return resolver


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: Kind) -> Fact:
    status, ttl = Status.FAILED, None
    values: tuple[str, ...] = ()
    try:
        qname = dns.name.from_text(name)
        answer = await resolver.resolve(qname, kind.value, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN as error:
        status, ttl = Status.NO_NAME, _negative_ttl(error)
    except dns.resolver.NoNameservers as error:
        status = Status.REFUSED if _is_refused(error) else Status.FAILED
    except dns.exception.Timeout:
        status = Status.TIMED_OUT
    except (dns.exception.DNSException, OSError, UnicodeError, ValueError):
        pass  # a name that cannot be asked about, a network that is not there
    else:
        values = _values(answer, kind)
        status = Status.FOUND if values else Status.NO_DATA
        ttl = int(answer.chaining_result.minimum_ttl)
    return Fact(name, kind, status, values, ttl, datetime.now(UTC))


async def _denies_root(resolver: dns.asyncresolver.Resolver) -> bool:
    try:
        await resolver.resolve(dns.name.root, "NS", search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return True
    except (dns.exception.DNSException, OSError):
        pass
    return False


def _negative_ttl(error: dns.resolver.NXDOMAIN) -> int | None:
    """Give how long a "no such name" holds (RFC 2308 section 5)."""
    responses = error.kwargs.get("responses", {})
    ttls = [response.resolve_chaining().minimum_ttl for response in responses.values() if response.authority]
    return min(ttls, default=None)


def _is_refused(error: dns.resolver.NoNameservers) -> bool:
    """Tell whether a server refused to answer us, rather than failing."""
    responses = [each[-1] for each in error.kwargs.get("errors", ())]
    return any(response is not None and response.rcode() == dns.rcode.REFUSED for response in responses)


def _values(answer: dns.resolver.Answer, kind: Kind) -> tuple[str, ...]:
    if answer.rrset is None:
        return ()
    return tuple(_value(record, kind)[:_VALUE_OCTETS] for record in list(answer.rrset)[:_VALUES])


def _value(record: Any, kind: Kind) -> str:
    match kind:
        case Kind.A | Kind.AAAA:
            return str(record.address)
        case Kind.MX:
            return f"{record.preference} {_name(record.exchange)}"
        case Kind.PTR:
            return _name(record.target)
        case Kind.TXT:
            return b"".join(record.strings).decode("latin-1")


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True)
