"""The threads that find out: at once, everything together, none held up by another, and an orderly end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from responder.faces import inquirer as module
from responder.faces.inquirer import InquirerFace
from responder.storage.errors import StorageUnavailable

SECONDS = 20


class FakeInquiry:
    """Cases that wait, futures to be done by the test, and what was written down."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting: list[Any] = []
        self.unadvised: list[Any] = []
        self.late: list[Any] = []
        self.futures: dict[int, Future[tuple[str, ...]]] = {}
        self.written: list[list[int]] = []
        self.errors: list[Exception] = []
        self.limits: list[int] = []
        self.evidence = SimpleNamespace(start=lambda: None, stop=lambda: None)
        self.refuses: Callable[[list[int]], bool] = lambda _: False

    def put(self, *numbers: int) -> None:
        self.waiting += [SimpleNamespace(row={"message_id": number}) for number in numbers]

    def claim(self, limit: int) -> list[Any]:
        self.limits.append(limit)
        if self.errors:
            raise self.errors.pop()
        taken, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return taken

    def find_late(self, limit: int) -> list[Any]:
        return self.late[:limit]

    def find_unadvised(self, limit: int) -> list[Any]:
        return self.unadvised[:limit]

    def begin(self, case: Any) -> Future[tuple[str, ...]]:
        future: Future[tuple[str, ...]] = Future()
        with self.changed:
            self.futures[case.row["message_id"]] = future
            self.changed.notify_all()
        return future

    def judge(self, case: Any, findings: tuple[str, ...]) -> int:
        assert findings == ("found",)
        return case.row["message_id"]

    def conclude(self, numbers: list[int]) -> None:
        with self.changed:
            if self.errors:
                raise self.errors.pop()
            if self.refuses(numbers):
                raise ValueError("a row that cannot be")
            self.written.append(numbers)
            self.changed.notify_all()

    def wait_until_begun(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.futures) >= count, SECONDS)

    def finish(self, *numbers: int) -> None:
        for number in numbers:
            self.futures[number].set_result(("found",))

    def all_written(self) -> list[int]:
        return sorted(number for numbers in self.written for number in numbers)

    def wait_until_written(self, *numbers: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.all_written() == sorted(numbers), SECONDS), self.written


@pytest.fixture
def inquiry() -> FakeInquiry:
    return FakeInquiry()


@pytest.fixture
def face(inquiry: FakeInquiry, monkeypatch: pytest.MonkeyPatch) -> Iterator[InquirerFace]:
    monkeypatch.setattr(module, "_PAUSE_SECONDS", 0.01)
    face = InquirerFace(inquiry)
    yield face
    face.drain(SECONDS)


def test_what_is_accepted_is_found_out_about_and_told(inquiry: FakeInquiry):
    ready = threading.Event()
    face = InquirerFace(inquiry, on_ready=ready.set)
    face.start()
    inquiry.put(1)
    face.wake()
    inquiry.wait_until_begun(1)
    assert not ready.is_set()
    inquiry.finish(1)
    inquiry.wait_until_written(1)
    assert ready.wait(SECONDS)
    face.drain(SECONDS)


def test_a_slow_one_holds_up_nobody(inquiry: FakeInquiry, face: InquirerFace):
    inquiry.put(*range(1000))
    face.start()
    inquiry.wait_until_begun(1000)
    inquiry.finish(*range(1, 1000))
    inquiry.wait_until_written(*range(1, 1000))
    inquiry.put(1000)
    face.wake()
    inquiry.wait_until_begun(1001)
    inquiry.finish(1000, 0)
    inquiry.wait_until_written(*range(1001))


def test_so_many_are_under_way_and_no_more(inquiry: FakeInquiry, face: InquirerFace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_MOST_UNDER_WAY", 3)
    inquiry.put(*range(5))
    face.start()
    inquiry.wait_until_begun(3)
    assert len(inquiry.waiting) == 2
    inquiry.finish(0, 1, 2)
    inquiry.wait_until_begun(5)
    inquiry.finish(3, 4)
    inquiry.wait_until_written(*range(5))


def test_what_is_under_way_is_not_begun_again(
    inquiry: FakeInquiry, face: InquirerFace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_UNADVISED_SECONDS", 0.0)
    inquiry.unadvised = [SimpleNamespace(row={"message_id": 7})]
    face.start()
    inquiry.wait_until_begun(1)
    begun = inquiry.futures[7]
    looked = len(inquiry.limits)
    while len(inquiry.limits) < looked + 3:
        face.wake()
    assert inquiry.futures[7] is begun
    inquiry.unadvised = []
    inquiry.finish(7)
    inquiry.wait_until_written(7)


def test_one_that_cannot_be_written_keeps_no_other_from_it(inquiry: FakeInquiry, face: InquirerFace, caplog):
    inquiry.refuses = lambda numbers: 2 in numbers
    inquiry.put(1, 2, 3)
    face.start()
    inquiry.wait_until_begun(3)
    inquiry.finish(1, 2, 3)
    inquiry.wait_until_written(1, 3)
    assert any("incident" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("at", ["claim", "conclude"])
def test_a_database_that_is_away_is_waited_for(inquiry: FakeInquiry, face: InquirerFace, at: str):
    away = [StorageUnavailable("away")] * 2
    inquiry.put(1)
    if at == "claim":
        inquiry.errors = away
    face.start()
    inquiry.wait_until_begun(1)
    if at == "conclude":
        inquiry.errors = away
    inquiry.finish(1)
    inquiry.wait_until_written(1)


def test_the_end_waits_for_nobody(inquiry: FakeInquiry):
    face = InquirerFace(inquiry)
    inquiry.put(1, 2)
    face.start()
    inquiry.wait_until_begun(2)
    inquiry.finish(1)
    inquiry.wait_until_written(1)
    face.drain(SECONDS)
    assert not face._beginner.is_alive()
    assert not face._writer.is_alive()
    assert inquiry.all_written() == [1]
