"""Evidence in the running service: looked up after acceptance, used in the decision, and never waited for too long."""

import json
import re
import smtplib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from tests.support.dns_servers import nsd, rbldnsd
from tests.support.dns_servers import relay as dns_relay
from tests.support.nameserver import Nameserver, nameserver
from tests.support.relay import Relay
from tests.support.running import Running, running

LISTS = {"bl.example": "$DATASET ip4set:four @\n:127.0.0.10:Dynamic address $\n203.0.113.0/24\n127.0.0.2\n"}
ZONES = {
    "shop.example": '@ TXT "v=spf1 ip4:203.0.113.9 -all"\n@ MX 10 mail\nmail A 203.0.113.9\n',
    "poor.example": "@ MX 10 mail\nmail A 203.0.113.80\n",
    "null.example": "@ MX 0 .\n",
    "113.0.203.in-addr.arpa": "9 PTR mail.shop.example.\n80 PTR 203-0-113-80.dyn.isp.example.\n",
}
PLEA = """\
From: {sender}
To: bypass@example.com
Subject: our mail is refused
Message-ID: <{sender}.1>

The remote server said: 550 5.7.1 Your IP address {address} appears to be dynamically assigned.
"""
QUESTION = """\
From: {sender}
To: bypass@example.com
Subject: hello
Message-ID: <{sender}.2>

Why is my mail refused?
"""


@pytest.fixture(scope="module")
def names() -> Iterator[int]:
    """A resolver before real servers."""
    with ExitStack() as stack:
        lists, zones = stack.enter_context(rbldnsd(LISTS)), stack.enter_context(nsd(ZONES))
        nowhere = stack.enter_context(nameserver())
        routes = {"": nowhere.port, "bl.example": lists} | dict.fromkeys(ZONES, zones)
        yield stack.enter_context(dns_relay(routes)).port


@contextmanager
def serving(folder: Path, port: int, settings: Mapping[str, Any] | None = None) -> Iterator[tuple[Running, Relay]]:
    chosen = {
        "evidence.enabled": True,
        "dns.nameservers": [f"127.0.0.1:{port}"],
        "blocklists": [{"name": "A list", "zone": "bl.example", "codes": ["127.0.0.10"]}],
    }
    with Relay() as relay, running(folder, chosen | {"relay.url": relay.url} | dict(settings or {})) as service:
        yield service, relay


def send(service: Running, sender: str, client: str | None, text: str = PLEA) -> str:
    """Hand a message in as a front MTA does, and give its reference."""
    with smtplib.SMTP("127.0.0.1", service.port, timeout=20) as session:
        session.ehlo("mx.example.com")
        if client:
            session.docmd("XFORWARD", f"ADDR={client} HELO=mail.{sender.partition('@')[2]}")
        session.mail(sender)
        session.rcpt("bypass@example.com")
        message = text.format(sender=sender, address=client).replace("\n", "\r\n")
        _, reply = session.data(message.encode())
    return reply.decode().split()[1]


def shown(service: Running, reference: str) -> dict[str, Any]:
    return json.loads(service.run("queue", "show", reference, "--json").stdout)


def test_what_was_found_stands_in_the_queue(names: int, tmp_path: Path):
    with serving(tmp_path, names) as (service, _):
        honest = send(service, "ann@shop.example", "203.0.113.9")
        poor = send(service, "bob@poor.example", "203.0.113.80")
        for sender in ("ann@shop", "bob@poor"):
            service.wait_for(rf" handed-over .*recipient={sender}\.example")
        request, dynamic = shown(service, honest), shown(service, poor)
    assert (request["advice"], dynamic["advice"]) == ("static", "dynamic")
    found = {(one["check"], one["result"]) for one in request["findings"]}
    assert {("listing", "listed"), ("reverse-name", "confirmed"), ("helo-name", "matches"), ("spf", "pass")} <= found
    assert "A list lists 203.0.113.9 as dynamic (127.0.0.10: Dynamic address 203.0.113.9)." in request["reasons"]
    assert "bl.example" not in json.dumps(request)


def test_the_answer_says_which_list_has_the_address_and_what_it_is_called(names: int, tmp_path: Path):
    lists = [
        {"name": "A list", "zone": "bl.example", "codes": ["127.0.0.10"], "provider": "Spamhaus",
         "removal": "https://removal.example/"},
        {"name": "Another list", "zone": "gone.example", "removal": "https://other.example/"},
    ]  # fmt: skip
    with serving(tmp_path, names, {"blocklists": lists}) as (service, relay):
        send(service, "bob@poor.example", "203.0.113.80")
        service.wait_for(r" handed-over .*recipient=bob@poor\.example")
    (taken,) = relay.taken
    text = message_from_bytes(taken.content, policy=policy.default).get_body(("plain",)).get_content()
    words = " ".join(text.split())
    assert "The reverse name of this address is 203-0-113-80.dyn.isp.example. It looks as if it was made" in words
    assert "A list, kept by Spamhaus Look-up and removal: <https://removal.example/>" in words
    assert "This entry was made by whoever owns the address" in words
    assert "Another list" not in words
    assert "bl.example" not in words


def test_a_forged_sender_and_one_that_cannot_be_answered_hear_nothing(names: int, tmp_path: Path):
    with serving(tmp_path, names) as (service, relay):
        forged = send(service, "eve@shop.example", "198.51.100.66")
        lost = send(service, "dan@null.example", "198.51.100.67")
        service.wait_for(r" cancelled .*recipient=eve@shop\.example reason=forged")
        service.wait_for(r" cancelled .*recipient=dan@null\.example reason=unanswerable-address")
        assert shown(service, forged)["state"] == "shelved"
        assert shown(service, lost)["state"] == "waiting"
        assert service.stop() == 0
    assert relay.taken == []


@pytest.mark.parametrize("client", [None, "203.0.113.80"])
def test_a_plain_question_from_a_domain_without_spf_is_answered(names: int, tmp_path: Path, client: str | None):
    with serving(tmp_path, names) as (service, _):
        send(service, "bob@poor.example", client, QUESTION)
        service.wait_for(r" handed-over .*recipient=bob@poor\.example")


def seconds_between(service: Running, first: str, second: str) -> float:
    times = [re.match(r"(\S+)", service.wait_for(pattern).string) for pattern in (first, second)]
    begin, end = (datetime.fromisoformat(match[1]) for match in times if match)
    return (end - begin).total_seconds()


def test_dead_servers_hold_an_answer_up_until_its_deadline_and_no_longer(tmp_path: Path):
    settings = {"evidence.deadline_seconds": 2, "dns.timeout_seconds": 30}
    with nameserver(is_dead=True) as dead, serving(tmp_path, dead.port, settings) as (service, _):
        reference = send(service, "ann@shop.example", "203.0.113.9")
        taken = seconds_between(service, " recorded ", " handed-over ")
        request = shown(service, reference)
    assert taken < 3
    results = {one["check"]: one["result"] for one in request["findings"]}
    assert results["listing"] == results["reverse-name"] == results["sender-domain"] == "timed-out"
    assert results["spf"] == "temperror"
    assert request["advice"] == "unclear"
    assert sum(dead.asked.values()) >= 5


def test_a_resolver_that_denies_every_name_tells_nothing(tmp_path: Path):
    with nameserver(rcodes={"": "NXDOMAIN"}) as closed, serving(tmp_path, closed.port) as (service, relay):
        reference = send(service, "ann@shop.example", "203.0.113.9")
        send(service, "bob@poor.example", "203.0.113.80", QUESTION)
        for sender in ("ann@shop", "bob@poor"):
            service.wait_for(rf" handed-over .*recipient={sender}\.example")
        request = shown(service, reference)
    results = {one["check"]: one["result"] for one in request["findings"]}
    assert results["listing"] == results["reverse-name"] == results["sender-domain"] == "unavailable"
    assert (results["spf"], results["dmarc"]) == ("temperror", "temperror")
    assert request["advice"] == "unclear"
    assert not any(b"found nothing for which our servers" in taken.content for taken in relay.taken)


def test_nothing_is_looked_up_without_evidence(tmp_path: Path):
    with nameserver() as watched, serving(tmp_path, watched.port, {"evidence.enabled": False}) as (service, _):
        reference = send(service, "ann@shop.example", "203.0.113.9")
        service.wait_for(" handed-over ")
        request = shown(service, reference)
    assert not watched.asked
    assert (request["advice"], request["findings"]) == (None, [])


def test_what_must_speak_for_a_sender_is_reread(tmp_path: Path, names: int):
    with serving(tmp_path, names) as (service, relay):
        text = service.config.read_text()
        service.config.write_text('reply.sender_evidence = "proven"\n' + text)
        service.process.send_signal(1)
        service.wait_for(" reread$")
        send(service, "bob@poor.example", "203.0.113.80")
        service.wait_for(r" cancelled .*recipient=bob@poor\.example reason=unproven")
        send(service, "ann@shop.example", "203.0.113.9")
        service.wait_for(r" handed-over .*recipient=ann@shop\.example")
    assert len(relay.taken) == 1


def test_a_stop_waits_for_no_server_and_the_answer_leaves_later(tmp_path: Path):
    settings = {"evidence.deadline_seconds": 60, "dns.timeout_seconds": 60}
    with nameserver(is_dead=True) as dead:
        with serving(tmp_path, dead.port, settings) as (service, _):
            send(service, "ann@shop.example", "203.0.113.9")
            assert _is_asked(dead)
            assert service.stop() == 0
        with serving(tmp_path, dead.port, settings | {"evidence.enabled": False}) as (service, _):
            service.wait_for(r" handed-over .*recipient=ann@shop\.example", seconds=60)


def _is_asked(server: Nameserver) -> bool:
    return server.asked_once.wait(20)
