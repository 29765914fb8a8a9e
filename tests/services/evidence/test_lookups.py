"""What the DNS says, told apart, shared and remembered."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.lookups import Lookups, Resolver
from tests.support.nameserver import Nameserver, nameserver

RECORDS = {
    ("mail.example.org", "A"): ["192.0.2.25", "192.0.2.26"],
    ("mail.example.org", "AAAA"): ["2001:db8::25"],
    ("example.org", "MX"): ["10 mail.example.org.", "20 mx.example.net."],
    ("null.example", "MX"): ["0 ."],
    ("25.2.0.192.in-addr.arpa", "PTR"): ["Mail.Example.org."],
    ("example.org", "TXT"): ['"v=spf1 " "mx -all"', '"other"'],
    ("www.example.org", "CNAME"): ["mail.example.org"],
}


@pytest.fixture
def server() -> Iterator[Nameserver]:
    with nameserver(RECORDS) as server:
        yield server


def find(server: Nameserver, name: str, kind: Kind, *, seconds: float = 5, timeout_seconds: float = 2) -> Fact:
    async def run() -> Fact:
        lookups = Lookups(Resolver((server.address,), timeout_seconds=timeout_seconds).ask)
        return await lookups.find(name, kind, time.monotonic() + seconds)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("mail.example.org", Kind.A, {"192.0.2.25", "192.0.2.26"}),
        ("MAIL.example.org.", Kind.AAAA, {"2001:db8::25"}),
        ("example.org", Kind.MX, {"10 mail.example.org", "20 mx.example.net"}),
        ("null.example", Kind.MX, {"0 ."}),
        ("25.2.0.192.in-addr.arpa", Kind.PTR, {"Mail.Example.org"}),
        ("example.org", Kind.TXT, {"v=spf1 mx -all", "other"}),
        ("www.example.org", Kind.A, {"192.0.2.25", "192.0.2.26"}),
    ],
)
def test_records_of_every_kind(server: Nameserver, name: str, kind: Kind, values: set[str]):
    fact = find(server, name, kind)
    assert (fact.status, set(fact.values), fact.ttl_seconds) == (Status.FOUND, values, 300)


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ({}, Status.NO_NAME),
        ({"rcodes": {"": "NXDOMAIN"}}, Status.FAILED),
        ({"rcodes": {"nowhere.example": "NXDOMAIN"}}, Status.NO_NAME),
        ({"records": {("nowhere.example", "TXT"): ['"x"']}}, Status.NO_DATA),
        ({"rcodes": {"": "SERVFAIL"}}, Status.FAILED),
        ({"rcodes": {"": "REFUSED"}}, Status.REFUSED),
        ({"is_dead": True}, Status.TIMED_OUT),
    ],
)
def test_ways_not_to_know_are_told_apart(behaviour: dict[str, object], status: Status):
    with nameserver(**behaviour) as server:
        assert find(server, "nowhere.example", Kind.A, timeout_seconds=0.2).status is status


def test_an_answer_that_is_cut_is_asked_for_again_over_tcp(server: Nameserver):
    server.truncates = True
    assert find(server, "mail.example.org", Kind.AAAA).values == ("2001:db8::25",)
    assert server.asked["mail.example.org", "AAAA"] == 2


@pytest.mark.parametrize("name", ["a" * 64 + ".example", ".".join(["a" * 60] * 5), "a..example", "\ud800.example", ""])
def test_what_is_no_name_is_not_known(server: Nameserver, name: str):
    assert find(server, name, Kind.TXT).status in {Status.FAILED, Status.NO_NAME, Status.NO_DATA}


class Servers:
    """Counts what is asked, and answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Kind]] = []
        self.may_answer = asyncio.Event()
        self.now = 1000.0

    async def ask(self, name: str, kind: Kind) -> Fact:
        self.asked.append((name, kind))
        await self.may_answer.wait()
        status = Status.NO_NAME if name.startswith("no") else Status.FOUND
        values = () if status is Status.NO_NAME else ("192.0.2.1",)
        return Fact(name, kind, status, values, None if name == "no-ttl" else 60)


def test_many_who_ask_the_same_at_once_share_one_question():
    async def run() -> None:
        servers = Servers()
        lookups = Lookups(servers.ask, lambda: servers.now)
        asking = [asyncio.create_task(lookups.find(f"Name{at % 2}.", Kind.A, 1005)) for at in range(100)]
        await asyncio.sleep(0)
        servers.may_answer.set()
        facts = await asyncio.gather(*asking)
        assert servers.asked == [("name0", Kind.A), ("name1", Kind.A)]
        assert {fact.name for fact in facts} == {"name0", "name1"}

    asyncio.run(run())


def test_an_answer_is_remembered_as_long_as_it_holds():
    async def run() -> None:
        servers = Servers()
        servers.may_answer.set()
        lookups = Lookups(servers.ask, lambda: servers.now)
        for passed, asked in ((0, 1), (59, 1), (61, 2), (100, 2)):
            servers.now = 1000 + passed
            await lookups.find("name", Kind.A, servers.now + 5)
            assert len(servers.asked) == asked, passed
        for passed, asked in ((0, 1), (299, 1), (301, 2)):
            servers.asked.clear() if passed == 0 else None
            servers.now = 2000 + passed
            await lookups.find("no-ttl", Kind.A, servers.now + 5)
            assert len(servers.asked) == asked, passed

    asyncio.run(run())


def test_whose_time_is_over_waits_for_nobody_and_the_others_get_the_answer():
    async def run() -> None:
        servers = Servers()
        lookups = Lookups(servers.ask, lambda: servers.now)
        assert (await lookups.find("name", Kind.A, 999)).status is Status.TIMED_OUT
        assert servers.asked == []
        hasty = await lookups.find("name", Kind.A, 1000.01)
        assert hasty.status is Status.TIMED_OUT
        patient = asyncio.create_task(lookups.find("name", Kind.A, 1005))
        await asyncio.sleep(0)
        servers.may_answer.set()
        assert (await patient).status is Status.FOUND
        assert len(servers.asked) == 1
        assert (await lookups.find("name", Kind.A, 0)).status is Status.FOUND

    asyncio.run(run())


def test_few_begin_at_once_and_whose_time_is_over_first_comes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("responder.services.evidence.lookups._BEGUN_AT_ONCE", 1)

    async def run() -> None:
        servers = Servers()
        lookups = Lookups(servers.ask, lambda: servers.now)
        asking = [asyncio.create_task(lookups.find(f"name{at}", Kind.A, 1000 + at)) for at in (30, 10, 20)]
        counts = []
        while len(servers.asked) < 3:
            counts.append(len(servers.asked))
            await asyncio.sleep(0)
        servers.may_answer.set()
        await asyncio.gather(*asking)
        assert [name for name, _ in servers.asked] == ["name10", "name20", "name30"]
        assert {1, 2} <= set(counts)

    asyncio.run(run())


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("responder.services.evidence.lookups._MOST_OCTETS", 10_000)

    async def run() -> None:
        servers = Servers()
        servers.may_answer.set()
        lookups = Lookups(servers.ask, lambda: servers.now)
        for number in range(200):
            await lookups.find(f"name{number}", Kind.A, 1005)
            await lookups.find("name0", Kind.A, 1005)
        assert len(lookups._known) < 40
        assert servers.asked.count(("name0", Kind.A)) == 1

    asyncio.run(run())


def test_whether_the_root_is_there_is_asked_once_for_many_names_that_are_not():
    async def run(server: Nameserver) -> list[Fact]:
        resolver = Resolver((server.address,))
        return await asyncio.gather(*(resolver.ask(f"name{at}.example", Kind.A) for at in range(20)))

    for rcodes, status in (({}, Status.NO_NAME), ({"": "NXDOMAIN"}, Status.FAILED)):
        with nameserver(rcodes=rcodes) as server:
            assert {fact.status for fact in asyncio.run(run(server))} == {status}
            assert server.asked["", "NS"] == 1
