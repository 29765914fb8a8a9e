"""The short form of the crash and fault loops; `make faults` runs the long one."""

from bench.faults import PASSING, full, kills, locked, relay_faults
from tests.support.mortal import POINTS
from tests.support.root import needs_root

KILLS = 1 + len(POINTS) + 7
SEED = 7
A_FEW = PASSING[::7]


def test_killed_at_every_point_it_loses_nothing_and_answers_nobody_differently(tmp_path):
    assert kills(tmp_path / "service", KILLS, SEED) == []


def test_what_a_relay_does_wrong_is_made_good(tmp_path):
    assert {step for step, _ in A_FEW} == {step for step, _ in PASSING}
    assert list(relay_faults(tmp_path, A_FEW)) == []


def test_a_locked_database_costs_a_451_and_nothing_else(tmp_path):
    assert list(locked(tmp_path / "service", 6)) == []


@needs_root
def test_a_full_disk_costs_a_451_and_nothing_else(tmp_path):
    assert list(full(tmp_path / "disk")) == []
