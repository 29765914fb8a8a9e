"""What speaks for a sender: SPF, DKIM, DMARC, its domain, and what our own relay found out."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from responder.domain.findings import RESULTS, Check, Finding, Result
from responder.domain.plea import Proof
from responder.services.evidence import Evidence, EvidenceTerms, Question, Resolver
from tests.support.nameserver import Nameserver, nameserver
from tests.support.opendkim import Signer, opendkim

CLIENT = ip_address("203.0.113.9")
MESSAGE = b"From: Ann <ann@example.org>\r\nTo: bypass@example.com\r\nSubject: x\r\nDate: y\r\n\r\nhello\r\n"
RECORDS = {
    ("example.org", "TXT"): ['"v=spf1 ip4:203.0.113.9 -all"'],
    ("example.org", "MX"): ["10 mx.example.org."],
    ("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=reject; sp=quarantine"'],
    ("news.example.org", "TXT"): ['"v=spf1 -all"'],
    ("strict.example", "TXT"): ['"v=spf1 ip4:203.0.113.9 -all"'],
    ("_dmarc.strict.example", "TXT"): ['"v=DMARC1;p=reject;aspf=s;adkim=s"'],
    ("soft.example", "TXT"): ['"v=spf1 ~all"'],
    ("null.example", "MX"): ["0 ."],
    ("bare.example", "A"): ["203.0.113.80"],
    ("six.example", "AAAA"): ["2001:db8::80"],
    ("nothing.example", "TXT"): ['"x"'],
    ("test.example", "TXT"): ['"v=spf1 -all"'],
    ("_dmarc.test.example", "TXT"): ['"v=DMARC1; p=reject; t=y"'],
    ("two.example", "TXT"): ['"v=spf1 -all"'],
    ("_dmarc.two.example", "TXT"): ['"v=DMARC1; p=reject"', '"v=DMARC1; p=none"'],
}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    with opendkim(tmp_path_factory.mktemp("dkim"), "example.org", "sel") as signer:
        yield signer


@pytest.fixture
def server() -> Iterator[Nameserver]:
    with nameserver(RECORDS) as server:
        yield server


@pytest.fixture
def evidence(server: Nameserver) -> Iterator[Evidence]:
    evidence = Evidence(EvidenceTerms(), Resolver((server.address,), timeout_seconds=0.5))
    evidence.start()
    yield evidence
    evidence.stop()


def ask(
    evidence: Evidence,
    sender: str = "ann@example.org",
    raw: bytes | None = MESSAGE,
    *,
    header_from: str | None = None,
    client: str | None = "203.0.113.9",
    came_by_relay: bool = False,
) -> dict[Check, list[Finding]]:
    question = Question(
        received_at=datetime.now(UTC),
        reverse_path=sender,
        header_from=sender if header_from is None else header_from,
        client=ip_address(client) if client else None,
        helo_name="",
        address=None,
        proof=Proof.NONE,
        came_by_relay=came_by_relay,
        read_raw=lambda: raw,
    )
    found = evidence.gather({1: question}, {1: time.monotonic() + 3})[1]
    assert all(one.result in RESULTS[one.check] for one in found)
    return {check: [one for one in found if one.check is check] for check in Check}


def told(findings: dict[Check, list[Finding]], check: Check) -> tuple[str, Result, str]:
    (one,) = findings[check]
    return one.subject, one.result, one.value


@pytest.mark.parametrize(
    ("sender", "client", "result"),
    [
        ("ann@example.org", "203.0.113.9", Result.PASS),
        ("ann@example.org", "203.0.113.10", Result.FAIL),
        ("ann@EXAMPLE.org", "203.0.113.9", Result.PASS),
        ("ann@soft.example", "203.0.113.9", Result.SOFTFAIL),
        ("ann@bare.example", "203.0.113.9", Result.NONE),
        ("ann@nowhere.example", "203.0.113.9", Result.NONE),
        ("ann@example.org", None, Result.NOT_CHECKED),
        ("ann@example.org", "10.1.2.3", Result.NOT_CHECKED),
        ("ann@example.org", "127.0.0.1", Result.NOT_CHECKED),
    ],
)
def test_spf(evidence: Evidence, sender: str, client: str | None, result: Result):
    assert told(ask(evidence, sender, client=client), Check.SPF)[1] is result


@pytest.mark.parametrize(
    ("domain", "result", "value"),
    [
        ("example.org", Result.TAKES_MAIL, "mx.example.org"),
        ("bare.example", Result.TAKES_MAIL, ""),
        ("six.example", Result.TAKES_MAIL, ""),
        ("null.example", Result.NULL_MX, ""),
        ("nowhere.example", Result.NO_SUCH_DOMAIN, ""),
        ("nothing.example", Result.NO_MAIL_HOST, ""),
    ],
)
def test_where_an_answer_would_go(evidence: Evidence, domain: str, result: Result, value: str):
    assert told(ask(evidence, f"ann@{domain}"), Check.SENDER_DOMAIN) == (domain, result, value)


def test_signed_and_not(evidence: Evidence, server: Nameserver, signer: Signer):
    text = [f'"{signer.key_record[at : at + 200]}"' for at in range(0, len(signer.key_record), 200)]
    server.records["sel._domainkey.example.org", "TXT"] = [" ".join(text)]
    signed = signer.sign(MESSAGE)
    assert told(ask(evidence, raw=signed), Check.DKIM) == ("example.org", Result.PASS, "selector sel")
    broken = ask(evidence, raw=signed + b"more\r\n")
    assert told(broken, Check.DKIM)[1] is Result.FAIL
    assert told(ask(evidence), Check.DKIM) == ("example.org", Result.NONE, "")
    assert told(ask(evidence, raw=None), Check.DKIM) == ("example.org", Result.NOT_CHECKED, "")


def test_a_signature_alone_satisfies_dmarc(evidence: Evidence, server: Nameserver, signer: Signer):
    server.records["sel._domainkey.example.org", "TXT"] = [f'"{signer.key_record[:200]}" "{signer.key_record[200:]}"']
    forwarded = ask(evidence, raw=signer.sign(MESSAGE), client="198.51.100.1")
    assert told(forwarded, Check.SPF)[1] is Result.FAIL
    assert told(forwarded, Check.DMARC) == ("example.org", Result.PASS, "reject")


@pytest.mark.parametrize(
    ("sender", "header_from", "client", "wanted"),
    [
        ("ann@example.org", "ann@example.org", "203.0.113.9", (Result.PASS, "reject")),
        ("ann@example.org", "ann@example.org", "203.0.113.10", (Result.FAIL, "reject")),
        ("ann@example.org", "ann@news.example.org", "203.0.113.9", (Result.PASS, "quarantine")),
        ("eve@strict.example", "ann@example.org", "203.0.113.9", (Result.FAIL, "reject")),
        ("ann@strict.example", "ann@strict.example", "203.0.113.9", (Result.PASS, "reject")),
        ("ann@strict.example", "ann@x.strict.example", "203.0.113.9", (Result.FAIL, "reject")),
        ("ann@soft.example", "ann@soft.example", "203.0.113.9", (Result.NONE, "")),
        ("ann@test.example", "ann@test.example", "203.0.113.9", (Result.FAIL, "none")),
        ("ann@two.example", "ann@two.example", "203.0.113.9", (Result.NONE, "")),
        ("ann@example.org", "ann@example.org", None, (Result.TEMPERROR, "reject")),
        ("ann@example.org", "", "203.0.113.9", (Result.NONE, "")),
    ],
)
def test_dmarc(evidence: Evidence, sender: str, header_from: str, client: str | None, wanted: tuple[Result, str]):
    assert told(ask(evidence, sender, header_from=header_from, client=client), Check.DMARC)[1:] == wanted


def test_dead_servers_speak_neither_way(evidence: Evidence, server: Nameserver):
    server.is_dead = True
    findings = ask(evidence, raw=b"DKIM-Signature: d=example.org; s=sel; b=x\r\n" + MESSAGE)
    assert told(findings, Check.SENDER_DOMAIN)[1] is Result.TIMED_OUT
    assert {findings[check][0].result for check in (Check.SPF, Check.DKIM, Check.DMARC)} == {Result.TEMPERROR}
    assert all(findings[check][0].is_unknown for check in (Check.SENDER_DOMAIN, Check.SPF, Check.DKIM, Check.DMARC))


RELAY = (
    b"Received: from mail.example.org (mail.example.org [203.0.113.9])\r\n"
    b"\tby mx.example.com (Postfix) with ESMTP id A\r\n"
)
OLDER = b"Received: from inside by mail.example.org with ESMTP id B\r\n"


def results_of(name: str, results: str) -> bytes:
    return f"Authentication-Results: {name};\r\n\t{results}\r\n".encode()


def relayed(evidence: Evidence, header: bytes, **changes: object) -> dict[Check, list[Finding]]:
    changes = {"client": None, "came_by_relay": True} | changes
    return ask(evidence, raw=header + MESSAGE, **changes)


GOOD = (
    "spf=pass smtp.mailfrom=ann@example.org; dkim=pass (2048-bit key) header.d=example.org;"
    " dmarc=pass header.from=example.org"
)


@pytest.mark.parametrize(
    "header", [results_of("mx.example.com", GOOD) + RELAY, RELAY + results_of("mx.example.com", GOOD)]
)
def test_our_relay_is_believed_where_we_know_nothing(evidence: Evidence, header: bytes):
    findings = relayed(evidence, header + OLDER)
    assert told(findings, Check.SPF) == ("example.org", Result.PASS, "")
    assert told(findings, Check.DMARC) == ("example.org", Result.PASS, "reject")
    assert findings[Check.SPF][0].source == "mx.example.com"


@pytest.mark.parametrize(
    "header",
    [
        results_of("mx.example.net", GOOD) + RELAY,
        RELAY + OLDER + results_of("mx.example.com", GOOD),
        results_of("mx.example.com", GOOD),
        b"Received: (qmail 1 invoked by uid 0); x\r\n" + results_of("", GOOD),
        results_of("mx.example.com", "((((" * 900) + RELAY,
        results_of("mx.example.com", "spf=splendid smtp.mailfrom=example.org") + RELAY,
        results_of("mx.example.com", "none") + RELAY,
    ],
)
def test_nobody_else_is(evidence: Evidence, header: bytes):
    assert told(relayed(evidence, header), Check.SPF)[1] is Result.NOT_CHECKED


def test_what_we_find_out_ourselves_comes_first(evidence: Evidence):
    header = results_of("mx.example.com", GOOD) + RELAY
    findings = relayed(evidence, header, client="203.0.113.10")
    assert told(findings, Check.SPF)[1] is Result.FAIL
    assert told(findings, Check.DMARC)[1] is Result.FAIL


def test_a_stranger_brings_no_results(evidence: Evidence):
    findings = relayed(evidence, results_of("mx.example.com", GOOD) + RELAY, came_by_relay=False)
    assert told(findings, Check.SPF)[1] is Result.NOT_CHECKED


def test_what_strangers_write_has_no_control_characters(evidence: Evidence, server: Nameserver, tmp_path: Path):
    server.records["evil.example", "MX"] = [r"10 a\027[2J\010b.example."]
    findings = ask(evidence, "ann@evil.example")
    (one,) = findings[Check.SENDER_DOMAIN]
    assert one.value.isprintable()
    assert one.result is Result.TAKES_MAIL


def test_a_fault_of_ours_is_an_incident_and_holds_up_nothing(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def fail(*_: object) -> None:
        raise RuntimeError("fault")

    monkeypatch.setattr("responder.services.evidence.examine_hosts", fail)
    assert set(map(len, ask(evidence).values())) == {0}
    assert any("incident" in record.getMessage() for record in caplog.records)


def test_a_thousand_are_found_out_about_together(server: Nameserver):
    server.delay = 2
    server.records["*.example.org", "MX"] = ["10 mx.example.org."]
    questions = {
        number: Question(
            datetime.now(UTC), f"a@n{number}.example.org", "", None, "", None, Proof.NONE, False, lambda: MESSAGE
        )
        for number in range(1000)
    }
    evidence = Evidence(EvidenceTerms(), Resolver((server.address,), timeout_seconds=30))
    evidence.start()
    found = evidence.gather(questions, dict.fromkeys(questions, time.monotonic() + 60))
    evidence.stop()
    results = [one.result for findings in found.values() for one in findings if one.check is Check.SENDER_DOMAIN]
    assert results == [Result.TAKES_MAIL] * 1000
    assert server.most_waiting > 500
