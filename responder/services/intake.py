"""From the SMTP session to the disk: messages are read in threads of their own and stored together."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from responder import maillog
from responder.domain.disposition import Decision, Disposition, Reason
from responder.domain.envelope import Content, Envelope
from responder.domain.identity import Identity
from responder.domain.limits import WEEK
from responder.domain.message import Header, InboundMessage
from responder.domain.plea import Plea, Proof
from responder.domain.reading import Reading
from responder.services.acceptance import Receipt, Terms, accept
from responder.services.arrival import Arrival, make_arrival
from responder.storage.blocked import read_blocked
from responder.storage.errors import StorageUnavailable
from responder.storage.limits import forget_limits
from responder.storage.receipts import forget_receipts
from responder.storage.writer import Writer

# Octets up to which a message is read in the quick lane. A plea is seldom larger, and of no content does reading so
# much take longer than a few milliseconds.
_SMALL = 16 * 1024
_BLOCKED_FOR = timedelta(seconds=10)
_TIDY_EVERY = timedelta(minutes=10)
_RECEIPTS_KEPT_FOR = timedelta(days=5)
_COUNTS_KEPT_FOR = timedelta(hours=2)

Read = Callable[[Envelope, Content], Reading]


@dataclass(slots=True)
class _Submission:
    envelope: Envelope
    content: Content
    future: Future[Receipt]


_Lane = queue.SimpleQueue[_Submission | None]


class Intake:
    """Takes messages from every face; `terms` may be replaced at any time.

    Small messages and large ones wait in lanes of their own, so that no flood of large ones, which are slow to read,
    makes a plea wait.

    Args:
        writer: stores them.
        identity: who we are.
        terms: how answers are given.
        read: reads one message; runs in the reader threads.
        node: the name under which this process stores messages.
        clock: gives the aware time.
        on_answer: called, in the writer's thread, once an answer is queued.
    """

    def __init__(
        self,
        writer: Writer,
        identity: Identity,
        terms: Terms,
        *,
        read: Read,
        node: str,
        clock: Callable[[], datetime],
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self.terms = terms
        self._writer = writer
        self._identity = identity
        self._read = read
        self._node = node
        self._clock = clock
        self._on_answer = on_answer
        self._small: _Lane = queue.SimpleQueue()
        self._large: _Lane = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._serve, args=(lane,), name=name, daemon=True)
            for name, lane in (("reader-small", self._small), ("reader-large", self._large))
        ]
        self._gate = threading.Lock()
        self._stopped = False
        self._blocked: frozenset[str] = frozenset()
        self._blocked_at: datetime | None = None
        self._tidied_at: datetime | None = None

    def start(self) -> None:
        """Start the reader threads."""
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Read what waits and hand it to the writer, which is to be stopped after this."""
        with self._gate:
            self._stopped = True
            for lane in (self._small, self._large):
                lane.put(None)
        for reader in self._readers:
            if reader.ident is not None:
                reader.join()

    def submit(self, envelope: Envelope, content: Content) -> Future[Receipt]:
        """Read a message and store it with its request and its answer.

        The future is done once that is on disk. It raises StorageUnavailable when nothing was stored, or when that
        cannot be told; the message may be submitted again, and gets its first reference if it was stored after all.
        """
        submission = _Submission(envelope, content, Future())
        with self._gate:
            if not self._stopped:
                self._writer.expect(1)
                (self._small if content.size <= _SMALL else self._large).put(submission)
                return submission.future
        submission.future.set_exception(StorageUnavailable("the service stops"))
        return submission.future

    def _serve(self, lane: _Lane) -> None:
        while (submission := lane.get()) is not None:
            try:
                self._prepare(submission)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client keeps the message
                submission.future.set_exception(error)

    def _prepare(self, submission: _Submission) -> None:
        try:
            reading = self._read_safely(submission.envelope, submission.content)
            arrival = make_arrival(reading, submission.content, self._identity, self._node)
        finally:
            self._writer.expect(-1)
        submission.future.add_done_callback(lambda future: self._tell(arrival, future))
        self._writer.submit(self._accept, arrival, submission.future)

    def _read_safely(self, envelope: Envelope, content: Content) -> Reading:
        """Read a message; one on which reading breaks is kept all the same, as malformed."""
        try:
            return self._read(envelope, content)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not make mail bounce
            maillog.incident(where="reading", error=error)
            message = InboundMessage(Header(), "text/plain", None, None, (), (), "", (), (), (), malformed=True)
            plea = Plea(envelope.client, None, None, (), Proof.NONE, None, None, "en")
            return Reading(envelope, message, plea, Decision(Disposition.SILENT, Reason.MALFORMED))

    def _accept(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Receipt]:
        now = self._clock()
        self._tidy(connection, now)
        if _is_due(self._blocked_at, now, _BLOCKED_FOR):
            self._blocked = read_blocked(connection)
            self._blocked_at = now
        return accept(connection, arrivals, self.terms, self._identity, blocked=self._blocked, now=now)

    def _tidy(self, connection: Connection, now: datetime) -> None:
        if not _is_due(self._tidied_at, now, _TIDY_EVERY):
            return
        forget_receipts(connection, now - _RECEIPTS_KEPT_FOR)
        longest = max(WEEK, timedelta(hours=self.terms.limits.window_hours))
        forget_limits(connection, counts_before=now - _COUNTS_KEPT_FOR, slots_before=now - longest)
        self._tidied_at = now

    def _tell(self, arrival: Arrival, future: Future[Receipt]) -> None:
        """Log what was stored."""
        if future.cancelled() or future.exception():
            return
        receipt, envelope, plea = future.result(), arrival.reading.envelope, arrival.reading.plea
        software = plea.software
        maillog.recorded(
            reference=receipt.reference,
            reverse_path=envelope.reverse_path,
            client=plea.client,
            disposition=receipt.disposition,
            reason=receipt.reason,
            address=plea.address,
            software=" ".join(filter(None, (software.product, software.version))) if software else None,
            size=arrival.row["size"],
            repeated=receipt.repeated,
        )
        if receipt.disposition is Disposition.ANSWER and not receipt.repeated:
            self._on_answer()


def _is_due(last: datetime | None, now: datetime, period: timedelta) -> bool:
    """Tell whether `period` has passed, or the clock was set back."""
    return last is None or not timedelta() <= now - last < period
