"""Ids are positive 64-bit numbers that grow with time, and no two processes make the same."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from responder.storage import ids
from responder.storage.ids import first_id_at, new_id


def many(count):
    return [new_id() for _ in range(count)]


def test_ids_of_many_threads_differ_and_grow_in_each():
    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(many, [5_000] * 4))
    assert all(numbers == sorted(numbers) for numbers in lists)
    together = [number for numbers in lists for number in numbers]
    assert len(set(together)) == 20_000
    assert all(0 < number < 2**63 for number in together)


FORK = """
import os
from responder.storage.ids import new_id
new_id()
child = os.fork()
numbers = "\\n".join(str(new_id()) for _ in range(2_000))
if child:
    os.waitpid(child, 0)
print(numbers, flush=True)
"""


def test_forked_processes_make_different_ids():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True, timeout=60)
    assert len(set(done.stdout.split())) == 4_000


def test_an_id_lies_between_the_bounds_of_its_time():
    before = datetime.now(UTC)
    number = new_id()
    assert first_id_at(before - timedelta(milliseconds=1)) <= number < first_id_at(before + timedelta(minutes=1))


def test_ids_grow_also_when_the_clock_is_set_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: 0)
    assert first < new_id() < new_id()


def test_bounds_of_times_past_the_range_are_still_64_bit():
    assert first_id_at(datetime(1999, 1, 1, tzinfo=UTC)) == 0
    assert first_id_at(datetime(9999, 1, 1, tzinfo=UTC)) == 2**63 - 1
