"""Lists and names against real servers: rbldnsd, NSD, and such as are slow, lie, or are dead."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest

from responder.domain.findings import RESULTS, Check, Finding, Result
from responder.domain.plea import Proof
from responder.services.evidence import BlockList, Evidence, EvidenceTerms, Question, Resolver
from tests.support.dns_servers import Relay, nsd, rbldnsd, relay
from tests.support.nameserver import nameserver

KEY = "s3cr3tkey0123456789abcdefg"
LISTS = {
    f"{KEY}.bl.example": """
$DATASET ip4set:four @
:127.0.0.10:Dynamic address $, see S3cr3tKey0123456789abcdefg.BL.example
203.0.113.0/24
!203.0.113.77
198.51.100.7 :127.0.0.2:Seen sending junk
127.0.0.2
$DATASET ip6trie:six @
:127.0.0.11:Dynamic network
2001:db8:d::/48
""",
    "closed.example": "$DATASET ip4set:all @\n203.0.113.0/24 :127.255.255.254:Query volume\n",
}
ZONES = {
    "113.0.203.in-addr.arpa": """
9 PTR mail.example.org.
10 PTR p203-0-113-10.dyn.isp.example.
12 PTR mail.example.org.
13 PTR host.lost.example.
77 86400 PTR mx.example.org.
""",
    "8.b.d.0.1.0.0.2.ip6.arpa": f"{'1.' + '0.' * 22}0 PTR mail6.example.org.\n",
    "example.org": "mail A 203.0.113.9\nmx A 203.0.113.77\nmail6 AAAA 2001:db8::1\n",
    "isp.example": "p203-0-113-10.dyn A 203.0.113.10\n",
    "lying.example": "* A 192.0.2.80\n",
}
BLOCKLISTS = {
    "PBL": BlockList("PBL", f"{KEY}.bl.example", frozenset({"127.0.0.10", "127.0.0.11"})),
    "Any": BlockList("Any", f"{KEY}.bl.example"),
    "Closed": BlockList("Closed", "closed.example"),
    "Lying": BlockList("Lying", "lying.example"),
    "Dead": BlockList("Dead", "dead.example"),
    "Broken": BlockList("Broken", "broken.example"),
    "Unserved": BlockList("Unserved", "unserved.example"),
    "File": BlockList(
        "File", entry_of=lambda ip: ("127.0.0.2", "ours") if ip in ip_network("203.0.113.0/24") else None
    ),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[Relay]:
    with ExitStack() as stack:
        lists, names = stack.enter_context(rbldnsd(LISTS)), stack.enter_context(nsd(ZONES))
        dead = stack.enter_context(nameserver(is_dead=True))
        broken = stack.enter_context(nameserver(rcodes={"": "SERVFAIL"}))
        routes = {"": names, "bl.example": lists, "closed.example": lists, "dead.example": dead.port}
        routes |= {"lost.example": dead.port, "broken.example": broken.port}
        yield stack.enter_context(relay(routes))


@pytest.fixture
def evidence(servers: Relay) -> Iterator[Evidence]:
    servers.delay = 0
    alive = tuple(one for one in BLOCKLISTS.values() if one.name != "Dead")
    evidence = Evidence(EvidenceTerms(blocklists=alive), Resolver((servers.address,), timeout_seconds=1))
    evidence.start()
    yield evidence
    evidence.stop()
    servers.delay = 0


def ask(evidence: Evidence, address: str | None, *, seconds: float = 3, **changes: object) -> tuple[Finding, ...]:
    question = {
        "received_at": datetime.now(UTC), "reverse_path": "ann@shop.example", "header_from": "ann@shop.example",
        "client": None, "helo_name": "", "address": ip_address(address) if address else None, "proof": Proof.NONE,
        "came_by_relay": False, "read_raw": lambda: b"From: ann@shop.example\r\n\r\nhello\r\n",
    }  # fmt: skip
    found = evidence.gather({7: Question(**(question | changes))}, {7: time.monotonic() + seconds})
    assert list(found) == [7]
    assert all(one.result in RESULTS[one.check] for one in found[7])
    assert all(timedelta(seconds=-1) < datetime.now(UTC) - one.observed_at < timedelta(minutes=1) for one in found[7])
    assert KEY not in repr(found).lower()
    return found[7]


def of(findings: tuple[Finding, ...], check: Check, address: str | None = None) -> dict[str, tuple[Result, str]]:
    return {
        one.source: (one.result, one.value)
        for one in findings
        if one.check is check and (address is None or one.subject == address)
    }


def test_a_listed_address(evidence: Evidence):
    evidence.terms = EvidenceTerms(blocklists=tuple(BLOCKLISTS.values()))
    listings = of(ask(evidence, "203.0.113.9"), Check.LISTING)
    assert listings == {
        "PBL": (Result.LISTED, "127.0.0.10: Dynamic address 203.0.113.9, see PBL"),
        "Any": (Result.LISTED, "127.0.0.10: Dynamic address 203.0.113.9, see Any"),
        "Closed": (Result.REFUSED, ""),
        "Lying": (Result.REFUSED, ""),
        "Dead": (Result.TIMED_OUT, ""),
        "Broken": (Result.UNAVAILABLE, ""),
        "Unserved": (Result.REFUSED, ""),
        "File": (Result.LISTED, "127.0.0.2: ours"),
    }


def test_what_a_list_promises_is_kept(evidence: Evidence):
    (pbl,) = [one for one in ask(evidence, "203.0.113.9") if one.source == "PBL"]
    assert pbl.ttl_seconds == 2100  # rbldnsd's default
    assert pbl.subject == "203.0.113.9"


@pytest.mark.parametrize(
    ("address", "pbl", "unlimited"),
    [
        ("203.0.113.77", Result.NOT_LISTED, Result.NOT_LISTED),
        ("192.0.2.1", Result.NOT_LISTED, Result.NOT_LISTED),
        ("198.51.100.7", Result.OTHER_CODE, Result.LISTED),
        ("2001:db8:d::25", Result.LISTED, Result.LISTED),
        ("2001:db8::1", Result.NOT_LISTED, Result.NOT_LISTED),
    ],
)
def test_delisted_never_listed_and_listed_for_another_reason(
    evidence: Evidence, address: str, pbl: Result, unlimited: Result
):
    listings = of(ask(evidence, address), Check.LISTING)
    assert (listings["PBL"][0], listings["Any"][0]) == (pbl, unlimited)


@pytest.mark.parametrize(
    ("address", "result", "name"),
    [
        ("203.0.113.9", Result.CONFIRMED, "mail.example.org"),
        ("203.0.113.10", Result.CONFIRMED, "p203-0-113-10.dyn.isp.example"),
        ("203.0.113.11", Result.MISSING, ""),
        ("203.0.113.12", Result.NOT_CONFIRMED, "mail.example.org"),
        ("203.0.113.13", Result.TIMED_OUT, "host.lost.example"),
        ("2001:db8::1", Result.CONFIRMED, "mail6.example.org"),
        ("2001:db8::2", Result.MISSING, ""),
    ],
)
def test_reverse_names(evidence: Evidence, address: str, result: Result, name: str):
    assert of(ask(evidence, address), Check.REVERSE_NAME, address) == {"dns": (result, name)}


def test_a_generated_name_is_shown_with_what_shows_it(evidence: Evidence):
    (generated,) = of(ask(evidence, "203.0.113.10"), Check.GENERATED_NAME).values()
    assert generated == (Result.GENERATED, "p203-0-113-10.dyn.isp.example: all numbers of the address")
    assert of(ask(evidence, "203.0.113.9"), Check.GENERATED_NAME) == {"dns": (Result.PLAIN, "mail.example.org")}
    assert of(ask(evidence, "203.0.113.11"), Check.GENERATED_NAME) == {}


def test_a_name_is_shown_with_its_time_to_live(evidence: Evidence):
    (name,) = [one for one in ask(evidence, "203.0.113.77") if one.check is Check.REVERSE_NAME]
    assert name.ttl_seconds == 86_400


@pytest.mark.parametrize(
    ("helo_name", "result"),
    [
        ("mail.example.org", Result.MATCHES),
        ("MAIL.example.org.", Result.MATCHES),
        ("mx.example.org", Result.DIFFERS),
        ("nowhere.example.org", Result.MISSING),
        ("[203.0.113.9]", Result.MATCHES),
        ("203.0.113.10", Result.DIFFERS),
        ("host.lost.example", Result.TIMED_OUT),
    ],
)
def test_the_greeting(evidence: Evidence, helo_name: str, result: Result):
    client = ip_address("203.0.113.9")
    findings = ask(evidence, "203.0.113.9", client=client, helo_name=helo_name)
    assert [found for found, _ in of(findings, Check.HELO_NAME).values()] == [result]


def test_the_client_is_asked_about_where_no_address_is_known(evidence: Evidence):
    client = ip_address("203.0.113.9")
    findings = ask(evidence, None, client=client)
    assert of(findings, Check.LISTING, "203.0.113.9")["PBL"][0] is Result.LISTED
    findings = ask(evidence, "203.0.113.77", client=client)
    assert of(findings, Check.LISTING, "203.0.113.9") == {}
    assert of(findings, Check.REVERSE_NAME, "203.0.113.9") == {"dns": (Result.CONFIRMED, "mail.example.org")}


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "192.168.1.1", "fe80::1", "::1", None])
def test_nobody_is_asked_about_an_inner_network(evidence: Evidence, servers: Relay, address: str | None):
    evidence.gather({}, {})
    ask(evidence, address, reverse_path="x", header_from="")
    passed = servers.passed
    findings = ask(evidence, address, reverse_path="x", header_from="", client=ip_address("10.0.0.1"), helo_name="x.y")
    assert servers.passed == passed
    assert {one.check for one in findings} == {Check.SENDER_DOMAIN, Check.SPF, Check.DKIM, Check.DMARC, Check.PROOF}


def test_own_networks_and_patterns_count_as_lists_do(evidence: Evidence):
    terms = EvidenceTerms(
        dynamic_networks=(ip_network("203.0.113.0/28"),), dynamic_names=(re.compile(r"^mail\.", re.IGNORECASE),)
    )
    evidence.terms = terms
    findings = ask(evidence, "203.0.113.9")
    assert of(findings, Check.LISTING) == {"policy.dynamic_networks": (Result.LISTED, "203.0.113.0/28")}
    assert of(findings, Check.GENERATED_NAME)["dns"] == (
        Result.GENERATED,
        r"mail.example.org: the pattern ^mail\.",
    )


def test_a_slow_zone_is_waited_for_and_one_that_is_slower_than_the_deadline_is_unknown(
    evidence: Evidence, servers: Relay
):
    servers.delay = 0.2
    findings = ask(evidence, "203.0.113.9")
    assert of(findings, Check.LISTING)["PBL"][0] is Result.LISTED
    assert of(findings, Check.REVERSE_NAME)["dns"] == (Result.CONFIRMED, "mail.example.org")
    servers.delay = 0.6
    started = time.monotonic()
    findings = ask(evidence, "203.0.113.10", seconds=0.3)
    assert time.monotonic() - started < 1
    assert {one.result for one in findings if one.check in {Check.LISTING, Check.REVERSE_NAME}} <= {
        Result.TIMED_OUT,
        Result.UNAVAILABLE,
        Result.LISTED,  # the file's
    }


def test_a_message_whose_time_is_over_costs_no_question(evidence: Evidence, servers: Relay):
    passed = servers.passed
    findings = ask(evidence, "203.0.113.200", seconds=-1)
    assert servers.passed == passed
    assert of(findings, Check.LISTING)["PBL"] == (Result.TIMED_OUT, "")
    assert of(findings, Check.REVERSE_NAME) == {"dns": (Result.TIMED_OUT, "")}


def test_the_time_counts_from_acceptance(evidence: Evidence):
    now = datetime.now(UTC)
    left = evidence.deadline_of(now - timedelta(seconds=4), now) - time.monotonic()
    assert left == pytest.approx(1, abs=0.2)
    set_back = evidence.deadline_of(now + timedelta(hours=1), now) - time.monotonic()
    assert set_back == pytest.approx(5, abs=0.2)
