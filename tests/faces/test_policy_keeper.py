"""The thread beside the policy face: fresh exemptions within a second, refusals and uses on disk, trouble survived."""

import threading
import time
from datetime import timedelta
from ipaddress import ip_address

import pytest
from sqlalchemy import select

from responder.faces.policy_keeper import POLL_SECONDS, PolicyKeeper
from responder.services.allowlist import Allowlist
from responder.services.clock import SystemClock
from responder.services.policy.node import PolicyNode
from responder.services.refusals import Refusals
from responder.services.tally import Tally
from responder.storage import nodes
from responder.storage.allowlist import add_uses
from responder.storage.errors import StorageUnavailable
from responder.storage.policy_counts import add_answers, count_behind, read_answers
from responder.storage.schema import exemptions
from responder.storage.schema import nodes as node_table
from responder.storage.schema_desk import refusals as refusal_table
from responder.storage.writer import Writer
from tests.support.exemptions import exempt

CLIENT = ip_address("203.0.113.9")
SECONDS = 10


class Setup:
    def __init__(self, engine, *, has_worker=False):
        self.engine = engine
        self.writer = Writer(engine)
        self.writer.start()
        clock = SystemClock()
        self.allowlist = Allowlist(engine, clock)
        self.refusals = Refusals(self.writer, clock, remember_for=timedelta(days=30), on_first=self.wake)
        self.uses = Tally(self.writer, clock, add_uses)
        self.answers = Tally(self.writer, clock, add_answers)
        self.node = PolicyNode(
            self.writer, clock, instance="mx/1/2/3", faces="policy", version="1", has_worker=has_worker
        )
        self.keeper = PolicyKeeper(self.allowlist, self.refusals, (self.uses, self.answers), self.node)

    def wake(self):
        self.keeper.wake()

    def rows(self, table):
        with self.engine.connect() as connection:
            return connection.execute(select(table)).mappings().all()

    def stop(self):
        self.keeper.stop()
        self.writer.stop()


@pytest.fixture
def setup(engine):
    setup = Setup(engine)
    yield setup
    setup.stop()


def wait_until(look):
    ends = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < ends, "waited in vain"
        threading.Event().wait(0.01)


def test_a_decision_of_another_process_is_in_memory_within_a_second(setup):
    setup.keeper.start()
    wait_until(lambda: setup.allowlist.is_known)
    exempt(setup.engine, str(CLIENT))
    wait_until(lambda: setup.allowlist.find(CLIENT))
    assert POLL_SECONDS <= 0.5


def test_a_decision_of_this_process_need_not_wait_for_the_next_look(setup, monkeypatch):
    monkeypatch.setattr("responder.faces.policy_keeper.POLL_SECONDS", 60)
    setup.keeper.start()
    wait_until(lambda: setup.allowlist.is_known)
    exempt(setup.engine, str(CLIENT))
    setup.wake()
    wait_until(lambda: setup.allowlist.find(CLIENT))


def test_a_refusal_is_on_disk_soon_though_nobody_waits_for_it(setup, monkeypatch):
    monkeypatch.setattr("responder.faces.policy_keeper.POLL_SECONDS", 60)
    setup.keeper.start()
    wait_until(lambda: setup.allowlist.is_known)
    reference = setup.refusals.note(CLIENT, "ann@shop.example")
    wait_until(lambda: [row["reference"] for row in setup.rows(refusal_table)] == [reference])


def test_a_stop_writes_what_waits_and_goes_from_the_nodes(setup):
    exemption_id = exempt(setup.engine, str(CLIENT))
    setup.keeper.start()
    wait_until(lambda: setup.rows(node_table))
    setup.uses.add(exemption_id)
    setup.answers.add("exempt")
    setup.refusals.note(CLIENT, "ann@shop.example")
    setup.keeper.stop()
    assert len(setup.rows(refusal_table)) == 1
    assert setup.rows(exemptions)[0]["uses"] == 1
    assert setup.rows(node_table) == []
    with setup.engine.connect() as connection:
        hour = SystemClock().now() - timedelta(hours=1)
        assert read_answers(connection, hour) == {"exempt": 1}


def test_the_node_shows_which_exemptions_it_answers_from(setup):
    setup.keeper.start()
    wait_until(lambda: [row["exemptions_serial"] for row in setup.rows(node_table)] == [0])
    exempt(setup.engine, str(CLIENT))
    wait_until(lambda: [row["exemptions_serial"] for row in setup.rows(node_table)] == [1])


def test_beside_a_worker_the_node_is_the_workers_own(engine):
    setup = Setup(engine, has_worker=True)
    exempt(setup.engine, str(CLIENT))
    setup.keeper.start()
    wait_until(lambda: setup.allowlist.is_known)
    assert setup.rows(node_table) == []
    values = {"instance": "mx/1/2/3", "name": "mx", "faces": "policy,worker", "version": "1", "at": SystemClock().now()}
    setup.writer.run(lambda connection: nodes.register(connection, **values)).result()
    wait_until(lambda: [row["exemptions_serial"] for row in setup.rows(node_table)] == [1])
    setup.stop()
    assert len(setup.rows(node_table)) == 1


def test_trouble_with_the_database_ends_nothing(setup, monkeypatch, engine):
    setup.keeper.start()
    wait_until(lambda: setup.allowlist.is_known)
    tried = threading.Event()
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            tried.set()
            raise StorageUnavailable("gone")

        patch.setattr(type(engine), "connect", fail)
        setup.wake()
        assert tried.wait(SECONDS)
        assert setup.allowlist.find(CLIENT) is None
    exempt(setup.engine, str(CLIENT))
    wait_until(lambda: setup.allowlist.find(CLIENT))


def test_answers_of_all_nodes_are_counted_by_the_hour(setup):
    now = SystemClock().now()
    for at, counts in (
        (now, {"listed": 2, "bypass": 1}),
        (now, {"listed": 3}),
        (now - timedelta(hours=3), {"listed": 9}),
    ):
        setup.writer.run(lambda connection, at=at, counts=counts: add_answers(connection, counts, at)).result()
    with setup.engine.connect() as connection:
        assert read_answers(connection, now - timedelta(hours=1)) == {"listed": 5, "bypass": 1}


def test_a_node_that_is_behind_is_seen(setup):
    setup.keeper.start()
    wait_until(lambda: setup.rows(node_table))
    since = SystemClock().now() - timedelta(minutes=1)
    with setup.engine.connect() as connection:
        assert count_behind(connection, since) == 0
    setup.keeper.stop()
    values = {"instance": "mx/7/7/7", "name": "mx", "faces": "policy", "version": "1", "at": SystemClock().now()}
    setup.writer.run(lambda connection: nodes.register(connection, **values)).result()
    exempt(setup.engine, str(CLIENT))
    with setup.engine.connect() as connection:
        assert count_behind(connection, since) == 1
