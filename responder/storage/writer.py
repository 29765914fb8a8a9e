"""The one writer of a process: what all threads have waiting is committed together.

One sync to disk serves many messages, and SQLite has one writer anyway. A batch that fails is rolled back and its
jobs are tried one by one, so that only the faulty one fails; where the database itself is in trouble all fail at once.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from responder import maillog
from responder.storage.engine import BUSY_TIMEOUT_SECONDS
from responder.storage.errors import StorageUnavailable, is_collision, is_passing
from responder.storage.lockfile import write_lock

T = TypeVar("T")
Item = TypeVar("Item")
Handler = Callable[[Connection, Sequence[Item]], Sequence[T]]

_LARGEST_BATCH = 500
_LONGEST_GATHERING_SECONDS = 0.005
_PATIENCE_SECONDS = 0.02  # for what can wait: each commit costs a sync, and keeps other processes out meanwhile
_ATTEMPTS = 5


@dataclass(slots=True)
class _Job:
    handler: Handler[Any, Any]
    item: Any
    future: Future[Any] = field(default_factory=Future)
    can_wait: bool = False


class Writer:
    """Runs every write of the process in one thread, in order, many to a transaction.

    Work may run more than once before it is committed, so it changes nothing but the database. It must not wait for
    the writer itself.
    """

    def __init__(self, engine: Engine, *, lock_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> None:
        self._engine = engine.execution_options(write=True)
        self._lock = write_lock(engine, lock_timeout_seconds)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._gate = threading.Lock()
        self._stopped = False
        self._expected = 0
        self._in_trouble = False

    def start(self) -> None:
        """Start the thread; what was submitted before waits for it."""
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, then end; what is submitted later fails with StorageUnavailable."""
        with self._gate:
            self._stopped = True
            self._jobs.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def run(self, work: Callable[[Connection], T], *, can_wait: bool = False) -> Future[T]:
        """Run `work` in a transaction; the future is done once that is committed.

        The future raises what `work` raised, or StorageUnavailable.

        Args:
            work: runs in the transaction.
            can_wait: it may be committed with what comes after it, by itself after some milliseconds at the latest.
        """
        return self._put(_Job(_run_each, work, can_wait=can_wait))

    def expect(self, more: int) -> None:
        """Say that `more` items than before are about to be submitted, or that so many are not if it is negative.

        What waits to be committed waits for them too, for some milliseconds at most: the larger a batch, the cheaper.
        """
        with self._gate:
            self._expected += more

    def submit(self, handler: Handler[Item, T], item: Item, future: Future[T] | None = None) -> Future[T]:
        """Hand `item` to `handler`, which gets all neighbouring items in one list and gives a result for each.

        Args:
            handler: runs in the transaction; compared by equality to find neighbours.
            item: what it is to store.
            future: to be done once the item is committed; a new one unless given.
        """
        return self._put(_Job(handler, item, Future() if future is None else future))

    def _put(self, job: _Job) -> Future[Any]:
        with self._gate:
            if not self._stopped:
                self._jobs.put(job)
                return job.future
        job.future.set_exception(StorageUnavailable("the writer has stopped"))
        return job.future

    def _serve(self) -> None:
        while jobs := self._take():
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            if jobs:
                self._store(jobs)

    def _take(self) -> list[_Job]:
        """Wait for jobs and give what is there, or expected; an empty list is the end."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        since = time.monotonic()
        can_wait = True
        while job is not None:
            jobs.append(job)
            if len(jobs) == _LARGEST_BATCH:
                return jobs
            can_wait &= job.can_wait
            try:
                job = self._jobs.get(timeout=max(since + self._patience(can_wait=can_wait) - time.monotonic(), 0))
            except queue.Empty:
                return jobs
        if jobs:
            self._jobs.put(None)
        return jobs

    def _patience(self, *, can_wait: bool) -> float:
        """Give how long what is there is kept for what may follow."""
        if can_wait:
            return _PATIENCE_SECONDS
        return _LONGEST_GATHERING_SECONDS if self._expected else 0.0

    def _store(self, jobs: list[_Job]) -> None:
        try:
            results = self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the futures tell
            self._settle_failure(jobs, error)
            return
        self._note_success()
        for job, result in zip(jobs, results, strict=True):
            job.future.set_result(result)

    def _settle_failure(self, jobs: list[_Job], error: Exception) -> None:
        if is_passing(error):
            self._fail(jobs, error)
        elif len(jobs) == 1:
            jobs[0].future.set_exception(error)
        else:
            self._store_singly(jobs)

    def _store_singly(self, jobs: list[_Job]) -> None:
        for number, job in enumerate(jobs):
            try:
                (result,) = self._commit([job])
            except Exception as error:  # noqa: BLE001 - as above
                if is_passing(error):
                    self._fail(jobs[number:], error)
                    return
                job.future.set_exception(error)
            else:
                self._note_success()
                job.future.set_result(result)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        """Fail `jobs` and all that waited behind them, who would otherwise wait for one time-out after another."""
        if not self._in_trouble:
            cause = error.orig if isinstance(error, DBAPIError) else None
            maillog.storage_trouble(what="write", error=cause or error)
        self._in_trouble = True
        for job in (*jobs, *self._drain()):
            job.future.set_exception(StorageUnavailable("the database cannot be written"))

    def _drain(self) -> list[_Job]:
        waiting: list[_Job] = []
        for _ in range(self._jobs.qsize()):
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
            elif job.future.set_running_or_notify_cancel():
                waiting.append(job)
        return waiting

    def _note_success(self) -> None:
        if self._in_trouble:
            maillog.storage_recovered(what="write")
        self._in_trouble = False

    def _commit(self, jobs: list[_Job]) -> list[Any]:
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._commit_once(jobs)
            except Exception as error:
                if not is_collision(error):
                    raise
        return self._commit_once(jobs)

    def _commit_once(self, jobs: list[_Job]) -> list[Any]:
        with self._lock.held(), self._engine.connect() as connection:
            try:
                with connection.begin():
                    return _handle(connection, jobs)
            except Exception as error:
                if is_passing(error):
                    connection.invalidate()
                raise


def _handle(connection: Connection, jobs: list[_Job]) -> list[Any]:
    results: list[Any] = []
    for handler, neighbours in groupby(jobs, key=lambda job: job.handler):
        items = [job.item for job in neighbours]
        given = handler(connection, items)
        if len(given) != len(items):
            raise RuntimeError("a batch handler must give one result for each item")
        results += given
    return results


def _run_each(connection: Connection, works: Sequence[Callable[[Connection], T]]) -> list[T]:
    return [work(connection) for work in works]
