"""The hand-over of a finished message to the service that stores it, tracked until its outcome is known."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from contextlib import suppress

from responder import maillog
from responder.domain.envelope import Content, Envelope
from responder.faces import smtp_replies as say
from responder.faces.smtp_replies import Reply
from responder.services.acceptance import Receipt
from responder.storage.errors import StorageUnavailable

Submit = Callable[[Envelope, Content], concurrent.futures.Future[Receipt]]


class HandOver:
    """Submits messages. A client that hangs up ends its own waiting, never the submission.

    Args:
        submit: stores a message; its future is resolved after the commit, in any thread.
        on_settled: called in the loop each time a submission has ended.
    """

    def __init__(self, submit: Submit, on_settled: Callable[[], None]) -> None:
        self._submit = submit
        self._on_settled = on_settled
        self._pending: set[concurrent.futures.Future[Receipt]] = set()
        self._gate = threading.Lock()
        self._ended: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._pending)

    def begin(self, envelope: Envelope, content: Content) -> asyncio.Future[Reply]:
        """Submit a message; the future becomes what its client is told, and never an exception."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Reply] = loop.create_future()
        try:
            submission = self._submit(envelope, content)
        except Exception as error:  # noqa: BLE001 - whatever broke, the client keeps the message
            answer.set_result(_failed(envelope, error))
            return answer
        if submission.done():
            answer.set_result(_outcome(envelope, submission))
            return answer
        self._pending.add(submission)

        def settle() -> None:
            self._pending.discard(submission)
            reply = _outcome(envelope, submission)
            if not answer.done():
                answer.set_result(reply)
            self._on_settled()

        submission.add_done_callback(lambda _: self._wake(loop, settle))
        return answer

    def _wake(self, loop: asyncio.AbstractEventLoop, settle: Callable[[], None]) -> None:
        """Let `settle` run in the loop, which is woken once for all that end together."""
        with self._gate:
            self._ended.append(settle)
            if len(self._ended) > 1:
                return
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._settle_all)

    def _settle_all(self) -> None:
        with self._gate:
            ended, self._ended = self._ended, []
        for settle in ended:
            settle()


def _outcome(envelope: Envelope, submission: concurrent.futures.Future[Receipt]) -> Reply:
    try:
        return say.recorded(submission.result().reference)
    except (Exception, concurrent.futures.CancelledError) as error:  # noqa: BLE001 - as above
        return _failed(envelope, error)


def _failed(envelope: Envelope, error: BaseException) -> Reply:
    if isinstance(error, StorageUnavailable):
        reply, why = say.NOT_NOW, str(error)
    else:
        incident = maillog.incident(where="smtp hand-over", error=error)
        reply, why = say.fault(incident), f"incident {incident}"
    maillog.not_recorded(reverse_path=envelope.reverse_path, client=envelope.client, why=why)
    return reply
