"""Lists: which answers name a client, which name nobody, and what is remembered of them."""

import asyncio
from ipaddress import ip_address

import pytest

from responder.services.blockcheck import BlockCheck
from responder.services.evidence.checks import BlockList
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.lookups import Lookups
from tests.support.smtp import in_loop

CLIENT = ip_address("203.0.113.9")
PBL = BlockList("A policy list", "pbl.example", frozenset({"127.0.0.10", "127.0.0.11"}))
ANY = BlockList("Any list", "any.example")


class Zones:
    """A DNS of recorded answers, and a clock; what is not recorded does not exist."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []
        self.now = 100.0

    async def ask(self, name, kind):
        self.asked.append(name)
        answer = next((one for zone, one in self.answers.items() if name.endswith(f".{zone}")), Status.NO_NAME)
        if isinstance(answer, Status):
            return Fact(name, kind, answer, ttl_seconds=60)
        if answer is None:
            await asyncio.Event().wait()
        return Fact(name, kind, Status.FOUND, answer, ttl_seconds=60)

    def check(self, *lists):
        clock = lambda: self.now  # noqa: E731 - the shortest clock
        return BlockCheck(Lookups(self.ask, clock), lists, timeout_seconds=0.05, clock=clock)


@in_loop
async def test_a_list_is_asked_by_the_reversed_address():
    zones = Zones()
    await zones.check(PBL, ANY).look_up(CLIENT)
    assert zones.asked == ["9.113.0.203.pbl.example", "9.113.0.203.any.example"]
    await zones.check(PBL).look_up(ip_address("2001:db8::1"))
    assert zones.asked[-1] == f"1.{'0.' * 23}8.b.d.0.1.0.0.2.pbl.example"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (("127.0.0.10",), "A policy list"),
        (("127.0.0.4", "127.0.0.11"), "A policy list"),
        (("127.0.0.4",), ""),
        (("127.255.255.254",), ""),
        (("198.51.100.99",), ""),
        (Status.NO_NAME, ""),
        (Status.FAILED, ""),
        (Status.REFUSED, ""),
        (Status.TIMED_OUT, ""),
        (None, ""),
    ],
    ids=str,
)
@in_loop
async def test_only_an_answer_that_means_dynamic_names_a_client(answer, expected):
    assert await Zones(pbl_example=answer).check(PBL).look_up(CLIENT) == expected


@pytest.mark.parametrize(
    ("answer", "expected"), [(("127.0.0.2",), "Any list"), (("127.255.255.252",), ""), (("192.0.2.1",), "")]
)
@in_loop
async def test_without_codes_every_entry_counts_and_no_error_does(answer, expected):
    assert await Zones(any_example=answer).check(ANY).look_up(CLIENT) == expected


@in_loop
async def test_the_first_list_that_names_a_client_is_the_one_to_show_though_another_fails():
    zones = Zones(pbl_example=None, any_example=("127.0.0.2",))
    assert await zones.check(PBL, ANY).look_up(CLIENT) == "Any list"
    zones = Zones(pbl_example=("127.0.0.10",), any_example=("127.0.0.2",))
    assert await zones.check(PBL, ANY).look_up(CLIENT) == "A policy list"


@in_loop
async def test_what_was_looked_up_is_known_as_long_as_it_holds():
    zones = Zones(pbl_example=("127.0.0.10",))
    check = zones.check(PBL, ANY)
    assert check.known(CLIENT) is None
    await check.look_up(CLIENT)
    assert check.known(CLIENT) == "A policy list"
    zones.now += 61
    assert check.known(CLIENT) is None
    zones.answers.clear()
    await check.look_up(CLIENT)
    assert check.known(CLIENT) == ""


@in_loop
async def test_without_lists_nobody_is_listed():
    assert Zones().check().known(CLIENT) == ""


@in_loop
async def test_a_list_that_is_a_file_needs_no_dns():
    entries = {CLIENT: ("127.0.0.10", "a range of ours")}
    zones = Zones()
    check = zones.check(BlockList("Our own list", codes=PBL.codes, entry_of=entries.get))
    assert check.known(CLIENT) == await check.look_up(CLIENT) == "Our own list"
    assert check.known(ip_address("203.0.113.10")) == ""
    assert zones.asked == []


@in_loop
async def test_the_reverse_name_is_asked_for():
    zones = Zones(in_addr_arpa=None)
    zones.answers = {"in-addr.arpa": ("dsl-9.isp.example",)}
    fact = await zones.check().ask_name(CLIENT)
    assert (fact.kind, fact.values, zones.asked) == (Kind.PTR, ("dsl-9.isp.example",), ["9.113.0.203.in-addr.arpa"])
