"""The face that finds out: one thread begins what waits for evidence, one writes down what has come of it.

Thousands of messages may be under way at once, since waiting for the DNS takes no thread; each is written down when its
own evidence is there, together with all others that are ready by then.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from responder import maillog
from responder.domain.findings import Finding
from responder.services.inquiry import Case, Inquiry
from responder.storage.errors import StorageUnavailable, is_passing

_MOST_UNDER_WAY = 2_000
_AT_ONCE = 250
_UNADVISED_AT_ONCE = 50
_LATE_SECONDS = 1.0
_POLL_SECONDS = 0.25
_UNADVISED_SECONDS = 5.0
_PAUSE_SECONDS = 1.0

_Outcome = tuple[Case, tuple[Finding, ...]]


class InquirerFace:
    """Finds out about what is accepted, at once when woken and within a moment otherwise, until it is drained.

    Attributes:
        inquiry: the steps.
    """

    def __init__(self, inquiry: Inquiry, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Take the steps; `on_ready` is called, in a thread of this face, when answers have become due."""
        self.inquiry = inquiry
        self._on_ready = on_ready
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._outcomes: queue.SimpleQueue[_Outcome | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._under_way: set[int] = set()
        self._unadvised_at = 0.0
        self._late_at = 0.0
        self._beginner = threading.Thread(target=self._begin_on, name="inquirer", daemon=True)
        self._writer = threading.Thread(target=self._write_on, name="inquirer-writer", daemon=True)

    def start(self) -> None:
        """Start the threads."""
        self.inquiry.evidence.start()
        self._writer.start()
        self._beginner.start()

    def wake(self) -> None:
        """Say that something may have been accepted; for any thread, and cheap."""
        self._wake.set()

    def drain(self, seconds: float) -> None:
        """Begin nothing more, and end within `seconds`; what is not written down then comes due by itself."""
        deadline = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        self._beginner.join(max(deadline - time.monotonic(), 0.0))
        self.inquiry.evidence.stop()
        self._outcomes.put(None)
        self._writer.join(max(deadline - time.monotonic(), 0.0))

    def _begin_on(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                begun = self._begin_once()
            except Exception as error:  # noqa: BLE001 - this thread must outlive whatever the database does
                _note(error)
                self._stopping.wait(_PAUSE_SECONDS)
                continue
            if not begun:
                self._wake.wait(_POLL_SECONDS)

    def _begin_once(self) -> bool:
        """Begin what waits, and tell whether there was anything."""
        room = min(_MOST_UNDER_WAY - len(self._under_way), _AT_ONCE)
        if room <= 0:
            return False
        cases = self.inquiry.claim(room)
        if time.monotonic() >= self._late_at:
            self._late_at = time.monotonic() + _LATE_SECONDS
            cases += self.inquiry.find_late(_AT_ONCE)
        if not cases and time.monotonic() >= self._unadvised_at:
            self._unadvised_at = time.monotonic() + _UNADVISED_SECONDS
            cases = self.inquiry.find_unadvised(_UNADVISED_AT_ONCE)
        for case in cases:
            self._begin(case)
        return bool(cases)

    def _begin(self, case: Case) -> None:
        message_id: int = case.row["message_id"]
        with self._lock:
            if message_id in self._under_way:
                return
            self._under_way.add(message_id)
        self.inquiry.begin(case).add_done_callback(lambda future: self._take(case, future))

    def _take(self, case: Case, future: Future[tuple[Finding, ...]]) -> None:
        if not future.cancelled() and not future.exception():
            self._outcomes.put((case, future.result()))

    def _write_on(self) -> None:
        while outcomes := self._gather():
            self._write(outcomes)
            with self._lock:
                self._under_way -= {case.row["message_id"] for case, _ in outcomes}
            self._on_ready()

    def _gather(self) -> list[_Outcome]:
        """Wait for outcomes and give what is there, at most `_AT_ONCE`; an empty list is the end."""
        outcomes: list[_Outcome] = []
        outcome = self._outcomes.get()
        while outcome is not None:
            outcomes.append(outcome)
            if len(outcomes) == _AT_ONCE or self._outcomes.empty():
                return outcomes
            outcome = self._outcomes.get()
        if outcomes:
            self._outcomes.put(None)
        return outcomes

    def _write(self, outcomes: Sequence[_Outcome]) -> None:
        """Write outcomes down as soon as the database can be used; one that cannot be keeps no other one from it.

        The answers come due by themselves, and what is written down later counts for those that have not left.
        """
        while True:
            try:
                self.inquiry.conclude([self.inquiry.judge(case, findings) for case, findings in outcomes])
            except Exception as error:  # noqa: BLE001 - as above
                _note(error)
                if is_passing(error) and not self._stopping.wait(_PAUSE_SECONDS):
                    continue
                if len(outcomes) > 1 and not is_passing(error):
                    for outcome in outcomes:
                        self._write([outcome])
            return


def _note(error: Exception) -> None:
    if not is_passing(error):
        maillog.incident(where="inquirer", error=error)
    elif not isinstance(error, StorageUnavailable):  # of that the writer has told
        maillog.storage_trouble(what="read", error=error)
