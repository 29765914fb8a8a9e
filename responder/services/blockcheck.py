"""Which blocklist names a client as dynamic, by DNS (RFC 5782) or a file, from memory as long as an answer holds.

A list that does not answer, or answers with an error, names nobody: whom to refuse is never decided by a failure.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from responder.domain.address import IPAddress
from responder.domain.findings import Result
from responder.services.evidence.checks import BlockList, check_listing, list_name
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.lookups import Lookups


class BlockCheck:
    """Asks the lists, for the coroutines of one event loop.

    Args:
        lookups: asks the DNS and remembers.
        lists: those to ask, the one to name first in front.
        timeout_seconds: for all of them together.
        clock: the clock of `lookups`.
    """

    def __init__(
        self,
        lookups: Lookups,
        lists: Sequence[BlockList],
        *,
        timeout_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookups = lookups
        self._lists = tuple(lists)
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    def known(self, client: IPAddress) -> str | None:
        """Give the name of the list that names `client`, empty when none does, None when that must be looked up."""
        for one in self._lists:
            fact = _entry_in_file(client, one) or self._lookups.recall(list_name(client, one.zone), Kind.A)
            if fact is None:
                return None
            if judge(client, one, fact) is Result.LISTED:
                return one.name
        return ""

    async def look_up(self, client: IPAddress) -> str:
        """As `known`, after asking all lists at once; one that does not answer in time names nobody."""
        asked = await self.ask_all(client)
        return next((one.name for one, fact in asked if judge(client, one, fact) is Result.LISTED), "")

    async def ask_all(self, client: IPAddress) -> list[tuple[BlockList, Fact]]:
        """Give what each list says about `client`."""
        deadline = self._clock() + self._timeout_seconds
        facts = await asyncio.gather(*(self._ask(client, one, deadline) for one in self._lists))
        return list(zip(self._lists, facts, strict=True))

    async def _ask(self, client: IPAddress, one: BlockList, deadline: float) -> Fact:
        entry = _entry_in_file(client, one)
        return entry or await self._lookups.find(list_name(client, one.zone), Kind.A, deadline)

    async def ask_name(self, client: IPAddress) -> Fact:
        """Give what the DNS says about the reverse name of `client`."""
        return await self._lookups.find(client.reverse_pointer, Kind.PTR, self._clock() + self._timeout_seconds)


def judge(client: IPAddress, blocklist: BlockList, fact: Fact) -> Result:
    """Give what `fact`, the answer of `blocklist` about `client`, means."""
    return check_listing(client, blocklist, fact, None).result


def _entry_in_file(client: IPAddress, blocklist: BlockList) -> Fact | None:
    """Give what a list that is a file says, in the form of an answer; None for a list in the DNS."""
    if blocklist.entry_of is None:
        return None
    entry, now = blocklist.entry_of(client), datetime.now(UTC)
    if entry is None:
        return Fact("", Kind.A, Status.NO_NAME, observed_at=now)
    return Fact("", Kind.A, Status.FOUND, entry[:1], observed_at=now)
