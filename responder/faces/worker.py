"""The face that sends: one thread claims and words, several hand over, one settles, one keeps up the rest."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from responder import maillog
from responder.services.delivery import Batch, Delivery, Parcel
from responder.services.upkeep import BEAT_SECONDS, Upkeep
from responder.storage.errors import StorageUnavailable, is_passing
from responder.storage.outbox import Claim, Settlement

# Messages in hand for each connection: enough that wording the next ones and handing these over overlap.
_IN_HAND_FOR_EACH = 16
# Another process that accepts mail does not wake us. Who had work lately looks again soon, who had none ever later.
_FIRST_LOOK_SECONDS = 0.02
_LAST_LOOK_SECONDS = 0.25
_POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_REST_AFTER_SECONDS = 30.0


class WorkerFace:
    """Sends what is due, at once when woken and within a moment otherwise, until it is drained."""

    def __init__(self, delivery: Delivery, upkeep: Upkeep, *, connections: int) -> None:
        """Take the steps of delivery and the upkeep; at most `connections` messages are handed over at a time."""
        self._delivery = delivery
        self._upkeep = upkeep
        self._capacity = connections * _IN_HAND_FOR_EACH
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._given_up = threading.Event()
        self._settled = threading.Event()
        self._settled.set()
        self._parcels: queue.SimpleQueue[Parcel | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Settlement | Claim | None] = queue.SimpleQueue()
        self._count_lock = threading.Lock()
        self._in_hand = 0
        self._look_again_after = _FIRST_LOOK_SECONDS
        self._claimer = self._thread("claimer", self._claim_on)
        self._keeper = self._thread("upkeep", self._keep_up)
        self._settler = self._thread("settler", self._settle_on)
        self._carriers = [self._thread(f"carrier-{number}", self._carry_on) for number in range(connections)]

    @staticmethod
    def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=work, name=name, daemon=True)

    def start(self) -> None:
        """Start the threads."""
        for thread in (self._keeper, self._settler, *self._carriers, self._claimer):
            thread.start()

    def wake(self) -> None:
        """Say that something may be due; for any thread, and cheap."""
        self._wake.set()

    def drain(self, seconds: float) -> None:
        """Claim nothing more, finish what is being handed over, give the rest back, and end within `seconds`.

        What takes longer is left alone; its claim runs out and another process tries it again.
        """
        deadline = time.monotonic() + seconds
        self._stopping.set()
        self._wake.set()
        _join(self._claimer, deadline)
        for _ in self._carriers:
            self._parcels.put(None)
        for carrier in self._carriers:
            _join(carrier, deadline)
        self._outcomes.put(None)
        _join(self._settler, deadline)
        self._given_up.set()
        self._delivery.close()
        _join(self._keeper, max(deadline, time.monotonic() + _PAUSE_SECONDS))

    def _claim_on(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._claim_once()
            except Exception as error:  # noqa: BLE001 - this thread must outlive whatever the database does
                self._note(error)
                self._stopping.wait(_PAUSE_SECONDS)

    def _claim_once(self) -> None:
        if left := self._delivery.relay.left:
            self._stopping.wait(min(left, _POLL_SECONDS))
        elif not (room := self._room()):
            self._wake.wait(_POLL_SECONDS)
        elif self._delivery.is_any_due():
            self._look_again_after = _FIRST_LOOK_SECONDS
            self._take(room)
        else:
            self._wake.wait(self._look_again_after)
            self._look_again_after = min(2 * self._look_again_after, _LAST_LOOK_SECONDS)

    def _take(self, limit: int) -> None:
        """Claim messages and queue them for the carriers, as long as more come; wait where a limit holds them up.

        The next ones are claimed along with the octets of those at hand, but for a suspect, which has to be alone.
        """
        batch = self._delivery.claim(limit)
        while batch.claims:
            room = 0 if any(claim.is_suspect for claim in batch.claims) else self._room(len(batch.claims))
            claim_next = self._delivery.claim_along(room) if room else None
            self._queue(batch)
            if claim_next is None:
                return
            batch = claim_next()
        if batch.is_limited:
            self._stopping.wait(_PAUSE_SECONDS)

    def _room(self, more: int = 0) -> int:
        """Give how many messages may be claimed with so many `more` in hand than there are, 0 while none may."""
        in_hand = self._in_hand + more
        if self._stopping.is_set() or not self._settled.is_set() or in_hand > self._capacity // 2:
            return 0
        if self._delivery.relay.in_trouble:
            return 0 if in_hand else 1
        return self._capacity - in_hand

    def _queue(self, batch: Batch) -> None:
        try:
            parcels = self._delivery.prepare(batch)
        except Exception as error:  # noqa: BLE001 - as above; nothing was tried, so no attempt may count
            self._note(error)
            self._insist(lambda: self._delivery.release(batch.claims))
            return
        with self._count_lock:
            self._in_hand += len(parcels)
        for parcel in parcels:
            self._parcels.put(parcel)

    def _carry_on(self) -> None:
        while True:
            try:
                parcel = self._parcels.get(timeout=_REST_AFTER_SECONDS)
            except queue.Empty:
                self._delivery.close()
                continue
            if parcel is None:
                return
            if self._stopping.is_set() or not self._delivery.may_start(parcel):
                self._outcomes.put(parcel.claim)
            else:
                self._outcomes.put(self._delivery.hand_over(parcel))

    def _settle_on(self) -> None:
        """Settle what has come together; a relay's word that cannot be recorded yet holds up further claims."""
        while outcomes := self._gather():
            work = partial(self._settle, outcomes)
            if not self._attempt(work):
                self._settled.clear()
                self._insist(work)
                self._settled.set()
            with self._count_lock:
                self._in_hand -= len(outcomes)
            self._wake.set()

    def _settle(self, outcomes: Sequence[Settlement | Claim]) -> None:
        if settlements := [each for each in outcomes if isinstance(each, Settlement)]:
            self._delivery.settle(settlements)
        if claims := [each for each in outcomes if isinstance(each, Claim)]:
            self._delivery.release(claims)

    def _gather(self) -> list[Settlement | Claim]:
        """Wait for outcomes and give what comes together; an empty list is the end."""
        outcomes: list[Settlement | Claim] = []
        outcome = self._outcomes.get()
        while outcome is not None:
            outcomes.append(outcome)
            try:
                outcome = self._outcomes.get_nowait()
            except queue.Empty:
                return outcomes
        if outcomes:
            self._outcomes.put(None)
        return outcomes

    def _keep_up(self) -> None:
        self._insist(self._upkeep.enroll)
        self._wake.set()
        while not self._stopping.wait(BEAT_SECONDS):
            for work in self._upkeep.due(is_busy=self._in_hand > 0):
                self._attempt(work)
        self._given_up.wait()  # whoever starts once we are gone takes our claims for free
        self._attempt(self._upkeep.leave)

    def _insist(self, work: Callable[[], None]) -> None:
        """Do `work` as soon as the database can be used, unless we end before."""
        while not self._attempt(work):
            if self._given_up.wait(_PAUSE_SECONDS):
                return

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Do `work`, and tell whether there is no use in doing it again."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 - as above
            self._note(error)
            return not is_passing(error)
        return True

    @staticmethod
    def _note(error: Exception) -> None:
        if not is_passing(error):
            maillog.incident(where="worker", error=error)
        elif not isinstance(error, StorageUnavailable):  # of that the writer has told
            maillog.storage_trouble(what="read", error=error)


def _join(thread: threading.Thread, deadline: float) -> None:
    if thread.ident is not None:
        thread.join(max(deadline - time.monotonic(), 0.0))
