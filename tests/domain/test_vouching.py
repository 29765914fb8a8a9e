"""The second decision: every combination of what speaks for a sender and what the settings want."""

from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import product

import pytest

from responder.domain.disposition import Reason
from responder.domain.findings import Check, Finding, Result
from responder.domain.vouching import Sender, SenderEvidence, decide_again, is_refused_client

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
CLIENT = ip_address("203.0.113.9")
ALL = tuple(SenderEvidence)


def finding(check: Check, result: Result, subject: object = "shop.example", value: str = "") -> Finding:
    return Finding(check, str(subject), result, value, "dns", NOON)


def spf(result: Result) -> Finding:
    return finding(Check.SPF, result)


def signed(domain: str = "shop.example", result: Result = Result.PASS) -> Finding:
    return finding(Check.DKIM, result, domain)


def named(name: str = "mail.shop.example", result: Result = Result.CONFIRMED) -> Finding:
    return finding(Check.REVERSE_NAME, result, CLIENT, name)


def decide(
    wanted: SenderEvidence, *findings: Finding, is_plea: bool = False, sender: str = "ann@shop.example"
) -> Reason | None:
    return decide_again(Sender(sender, CLIENT, is_plea), findings, wanted)


@pytest.mark.parametrize("wanted", ALL)
@pytest.mark.parametrize("result", [Result.NULL_MX, Result.NO_SUCH_DOMAIN, Result.NO_MAIL_HOST])
def test_nobody_can_be_answered_there(wanted: SenderEvidence, result: Result):
    findings = (finding(Check.SENDER_DOMAIN, result), spf(Result.FAIL))
    assert decide(wanted, *findings, is_plea=True) is Reason.UNANSWERABLE_ADDRESS


@pytest.mark.parametrize("result", [Result.TAKES_MAIL, Result.TIMED_OUT, Result.UNAVAILABLE])
def test_an_answer_can_go_there_or_nobody_knows(result: Result):
    assert decide(SenderEvidence.NOT_FORGED, finding(Check.SENDER_DOMAIN, result)) is None


@pytest.mark.parametrize("is_plea", [True, False])
@pytest.mark.parametrize("wanted", ALL)
def test_forged(wanted: SenderEvidence, is_plea):
    reason = None if wanted is SenderEvidence.NONE else Reason.FORGED
    assert decide(wanted, spf(Result.FAIL), is_plea=is_plea) is reason
    assert decide(wanted, spf(Result.FAIL), signed(), named(), is_plea=is_plea) is reason
    for policy in ("reject", "quarantine"):
        dmarc = finding(Check.DMARC, Result.FAIL, value=policy)
        assert decide(wanted, spf(Result.PASS), dmarc, is_plea=is_plea) is reason


def test_a_domain_that_asks_for_nothing_rejects_nothing():
    dmarc = finding(Check.DMARC, Result.FAIL, value="none")
    assert decide(SenderEvidence.NOT_FORGED, dmarc) is None
    error = finding(Check.DMARC, Result.TEMPERROR, value="reject")
    assert decide(SenderEvidence.NOT_FORGED, error) is None


# After SPF: answered without a plea, answered with one.
NOT_FORGED = {
    Result.PASS: (None, None),
    Result.SOFTFAIL: (Reason.UNPROVEN, None),
    Result.NEUTRAL: (None, None),
    Result.NONE: (None, None),
    Result.TEMPERROR: (None, None),
    Result.PERMERROR: (None, None),
    Result.NOT_CHECKED: (None, None),
}


@pytest.mark.parametrize(("result", "reasons"), NOT_FORGED.items())
def test_not_forged_is_enough_by_default(result: Result, reasons: tuple[Reason | None, Reason | None]):
    for is_plea, reason in zip((False, True), reasons, strict=True):
        assert decide(SenderEvidence.NOT_FORGED, spf(result), is_plea=is_plea) is reason
    assert decide(SenderEvidence.NOT_FORGED, spf(result), signed()) is None


@pytest.mark.parametrize("result", [one for one in NOT_FORGED if one is not Result.PASS])
def test_an_unvouched_sender_must_write_a_plea_where_that_is_wanted(result: Result):
    assert decide(SenderEvidence.PLEA, spf(result)) is Reason.UNPROVEN
    assert decide(SenderEvidence.PLEA, spf(result), is_plea=True) is None
    assert decide(SenderEvidence.PROVEN, spf(result), is_plea=True) is Reason.UNPROVEN


@pytest.mark.parametrize(
    ("findings", "vouches"),
    [
        ([spf(Result.PASS)], True),
        ([signed()], True),
        ([signed("mail.shop.example")], True),
        ([named()], True),
        ([signed("other.example")], False),
        ([signed(result=Result.FAIL)], False),
        ([signed(result=Result.POLICY)], False),
        ([signed(result=Result.TEMPERROR)], False),
        ([named("mail.other.example")], False),
        ([named(result=Result.NOT_CONFIRMED)], False),
        ([named(), finding(Check.GENERATED_NAME, Result.GENERATED, CLIENT)], False),
        ([finding(Check.REVERSE_NAME, Result.CONFIRMED, "198.51.100.1", "mail.shop.example")], False),
        ([], False),
    ],
)
def test_what_vouches(findings: list[Finding], vouches):
    for wanted in (SenderEvidence.PLEA, SenderEvidence.PROVEN):
        assert decide(wanted, *findings) is (None if vouches else Reason.UNPROVEN)


def test_the_domain_of_a_mailbox_provider_is_named_by_all_its_customers():
    findings = [named("mail-1.gmail.com")]
    assert decide(SenderEvidence.PROVEN, *findings, sender="ann@gmail.com") is Reason.UNPROVEN
    inside = [named("mail.shop.local")]
    assert decide(SenderEvidence.PROVEN, *inside, sender="ann@shop.local") is Reason.UNPROVEN


def test_nothing_is_known_and_everybody_is_answered_by_default():
    results = (Result.TIMED_OUT, Result.UNAVAILABLE, Result.NOT_CHECKED)
    for unknown, check in product(results, (Check.SPF, Check.DKIM, Check.DMARC, Check.REVERSE_NAME)):
        assert decide(SenderEvidence.NOT_FORGED, finding(check, unknown, CLIENT)) is None


def test_the_client_is_the_refused_server_only_where_that_shows():
    domain = "shop.example"
    listing = finding(Check.LISTING, Result.LISTED, CLIENT)
    assert is_refused_client(CLIENT, domain, [listing])
    assert is_refused_client(CLIENT, domain, [named()])
    assert not is_refused_client(CLIENT, domain, [named("mail.other.example")])
    assert not is_refused_client(CLIENT, domain, [])
    assert not is_refused_client(None, domain, [listing])
    assert not is_refused_client(CLIENT, domain, [listing, named("mail-1.google.com")])
    assert not is_refused_client(CLIENT, domain, [finding(Check.LISTING, Result.LISTED, "198.51.100.1")])
