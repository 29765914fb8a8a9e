"""Evidence: what a postmaster would look up before deciding, gathered for many messages at once.

Facts come from the DNS in an event loop and a thread of their own, shared by name and kept while they hold; checks are
pure functions over them. Whatever is not known when a message's time is over stays unknown and holds up nothing.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from responder import maillog
from responder.domain.findings import Check, Finding, Result
from responder.domain.plea import Proof
from responder.services.evidence.checks import BlockList
from responder.services.evidence.facts import Fact, Kind
from responder.services.evidence.hosts import examine_hosts
from responder.services.evidence.lookups import Lookups, Resolver
from responder.services.evidence.questions import EvidenceTerms, Question
from responder.services.evidence.senders import MESSAGE, examine_sender

__all__ = ["BlockList", "Evidence", "EvidenceTerms", "Question", "Resolver"]

_T = TypeVar("_T")
_THREADS = 2
_ORDER = list(Check)
_PROOFS = {Proof.CLIENT: Result.CLIENT, Proof.REFERENCE: Result.REFERENCE, Proof.NONE: Result.NONE}


class Evidence:
    """Gathers evidence; `terms` may be replaced at any time.

    Args:
        terms: by what lists and rules.
        resolver: asks name servers.
    """

    def __init__(self, terms: EvidenceTerms, resolver: Resolver) -> None:
        self.terms = terms
        self._lookups = Lookups(resolver.ask)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="evidence", daemon=True)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="evidence")

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End what is under way; futures that are not done are cancelled."""
        if self._thread.ident is not None:
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        self._loop.close()

    def deadline_of(self, received_at: datetime, now: datetime) -> float:
        """Give until when, on the monotonic clock, evidence for a message accepted at `received_at` may take."""
        left = self.terms.deadline_seconds - (now - received_at).total_seconds()
        return time.monotonic() + min(left, self.terms.deadline_seconds)

    def begin(self, question: Question, deadline: float) -> Future[tuple[Finding, ...]]:
        """Begin to gather, and give the future of the findings; it is done when `deadline` (monotonic) is over."""
        return asyncio.run_coroutine_threadsafe(self._examine_safely(question, deadline), self._loop)

    def gather(
        self, questions: Mapping[int, Question], deadlines: Mapping[int, float]
    ) -> dict[int, tuple[Finding, ...]]:
        """Give the findings for many messages at once, by the same numbers as the questions."""
        futures = {number: self.begin(question, deadlines[number]) for number, question in questions.items()}
        return {number: future.result() for number, future in futures.items()}

    async def _examine_safely(self, question: Question, deadline: float) -> tuple[Finding, ...]:
        try:
            return await self._examine(question, deadline)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep an answer from leaving
            maillog.incident(where="evidence", error=error)
            return ()

    async def _examine(self, question: Question, deadline: float) -> tuple[Finding, ...]:
        async def find(name: str, kind: Kind) -> Fact:
            return await self._lookups.find(name, kind, deadline)

        found = await asyncio.gather(
            examine_hosts(question, self.terms, find),
            examine_sender(question, find, partial(self._in_thread, deadline)),
        )
        findings = [*question.known, _proof(question), *(one for part in found for one in part)]
        return tuple(sorted(findings, key=lambda one: _ORDER.index(one.check)))

    async def _in_thread(self, deadline: float, work: Callable[[], _T]) -> _T | None:
        """Run `work` in a thread of ours; None when it has not ended in time."""
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        try:
            return await asyncio.wait_for(self._loop.run_in_executor(self._pool, work), left)
        except TimeoutError:
            return None


def _proof(question: Question) -> Finding:
    subject = str(question.address) if question.address else ""
    return Finding(Check.PROOF, subject, _PROOFS[question.proof], "", MESSAGE, datetime.now(UTC))


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
