"""What an answer says of an address: only what was found out about it, from the newest findings, never a guess."""

import pytest

from responder.domain.address import parse_ip
from responder.services.letter import Blocklist, LetterEvidence, LetterListing
from responder.services.letter_evidence import read_evidence

ADDRESS = parse_ip("203.0.113.9")
PBL = Blocklist("Spamhaus PBL", "Spamhaus", "https://check.example/", "")
OTHER = Blocklist("Another list", "A provider", "", "removal@list.example")


def row(check, result, value="", source="dns", subject="203.0.113.9"):
    return {"check": check, "subject": subject, "result": result, "value": value, "source": source}


def read(*findings, advice=None):
    return read_evidence(findings, ADDRESS, advice, [PBL, OTHER])


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("127.0.0.10: https://check.example/query/203.0.113.9", "owner"),
        ("127.0.0.11", "list"),
        ("127.0.0.10, 127.0.0.11", "owner"),
        ("127.0.0.4: 127.0.0.10", "unknown"),
    ],
)
def test_the_code_of_a_known_list_tells_who_made_the_entry(value, entry):
    evidence = read(row("listing", "listed", value, "Spamhaus PBL"))
    assert evidence.listings == (LetterListing("Spamhaus PBL", "Spamhaus", "https://check.example/", "", entry),)


def test_of_another_list_nobody_knows_who_made_the_entry():
    evidence = read(row("listing", "listed", "127.0.0.10", "Another list"))
    assert evidence.listings == (LetterListing("Another list", "A provider", "", "removal@list.example", "unknown"),)


@pytest.mark.parametrize("result", ["not-listed", "other-code", "refused", "timed-out", "unavailable", "not-checked"])
def test_only_an_entry_is_a_listing(result):
    assert read(row("listing", result, "127.0.0.10", "Spamhaus PBL")).listings == ()


def test_a_list_that_is_not_configured_is_not_named():
    assert read(row("listing", "listed", "127.0.0.2", "A list of old settings")).listings == ()


@pytest.mark.parametrize(
    ("result", "name"),
    [
        ("confirmed", "mail.shop.example"),
        ("not-confirmed", "mail.shop.example"),
        ("missing", ""),
        ("timed-out", ""),
        ("unavailable", ""),
    ],
)
def test_a_reverse_name_is_one_that_was_seen(result, name):
    assert read(row("reverse-name", result, "mail.shop.example")).reverse_name == name


@pytest.mark.parametrize(("result", "generated"), [("generated", True), ("static", False), ("plain", False)])
def test_a_name_looks_generated_or_not(result, generated):
    assert read(row("generated-name", result)).reverse_name_generated is generated


def test_of_several_findings_about_the_same_the_newest_counts():
    old = row("listing", "listed", "127.0.0.10", "Spamhaus PBL"), row("reverse-name", "confirmed", "old.example")
    new = row("listing", "not-listed", "", "Spamhaus PBL"), row("reverse-name", "confirmed", "new.example")
    assert read(*old, *new) == LetterEvidence(reverse_name="new.example")


def test_what_was_found_about_another_address_says_nothing():
    assert read(row("listing", "listed", "127.0.0.10", "Spamhaus PBL", "198.51.100.7"), advice="dynamic") is None
    assert read_evidence([row("reverse-name", "confirmed", "x.example")], None, "unclear", [PBL]) is None


def test_advice_goes_with_what_was_found():
    assert read(row("listing", "not-listed", "", "Spamhaus PBL"), advice="not-refused-now") == LetterEvidence(
        advice="not-refused-now"
    )
    assert read(advice="static") is None
