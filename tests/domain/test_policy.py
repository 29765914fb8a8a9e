"""The order of the decision: what lets a recipient pass comes before all that could refuse it."""

import re
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from responder.domain.policy import (
    REFUSING,
    Ground,
    PolicyRequest,
    PolicyRules,
    judge_client,
    judge_request,
    read_request,
)
from tests.support.pleas import IDENTITY

RULES = PolicyRules(
    identity=IDENTITY,
    own_networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8:1::/48")),
    dynamic_networks=(ip_network("203.0.113.0/24"),),
    dynamic_names=(re.compile("flat-rate"),),
)
REQUEST = PolicyRequest("RCPT", ip_address("198.51.100.7"), "mail.shop.example", "ann@shop.example", "user@example.com")


def ground(**changes):
    verdict = judge_request(replace(REQUEST, **changes), RULES)
    return verdict.ground if verdict else None


def test_what_is_not_known_by_itself_depends_on_the_client():
    assert ground() is None


@pytest.mark.parametrize("state", ["CONNECT", "EHLO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "", "rcpt"])
def test_only_a_recipient_at_rcpt_is_judged(state):
    assert ground(state=state) is Ground.NOT_RCPT


def test_a_recipient_that_is_not_there_is_not_judged():
    assert ground(recipient="") is Ground.NOT_RCPT


@pytest.mark.parametrize("recipient", ["bypass@example.com", "Bypass@EXAMPLE.com", "bypass+r-token@example.com"])
def test_a_bypass_address_is_open_to_everybody(recipient):
    assert ground(recipient=recipient) is Ground.BYPASS


@pytest.mark.parametrize("recipient", ["postmaster@example.com", "ABUSE@example.com", "postmaster"])
def test_mailboxes_of_staff_are_open_to_everybody(recipient):
    assert ground(recipient=recipient) is Ground.STAFF


@pytest.mark.parametrize(
    "recipient", ["postmaster@elsewhere.example", "bypass@elsewhere.example", "xbypass@example.com"]
)
def test_other_mailboxes_of_such_names_are_not(recipient):
    assert ground(recipient=recipient) is None


def test_who_signed_in_passes_from_anywhere():
    assert ground(is_authenticated=True, client=ip_address("203.0.113.9")) is Ground.AUTHENTICATED


def test_a_client_that_the_server_does_not_know_passes():
    assert ground(client=None) is Ground.CLIENT_UNKNOWN


@pytest.mark.parametrize(
    "client",
    ["192.0.2.1", "2001:db8:1::25", "127.0.0.1", "::1", "10.1.2.3", "192.168.7.1", "172.31.0.1", "fd00::1", "fe80::1",
     "169.254.1.1", "100.64.0.1"],
)  # fmt: skip
def test_own_and_internal_networks_pass(client):
    assert ground(client=ip_address(client)) is Ground.OWN_NETWORK


def test_own_networks_pass_even_where_they_are_called_dynamic():
    rules = replace(RULES, own_networks=(ip_network("203.0.113.0/28"),))
    inside, outside = (replace(REQUEST, client=ip_address(ip)) for ip in ("203.0.113.9", "203.0.113.77"))
    assert judge_request(inside, rules).ground is Ground.OWN_NETWORK
    assert judge_request(outside, rules) is None


@pytest.mark.parametrize(
    ("client", "name", "expected"),
    [
        ("203.0.113.9", "mail.shop.example", Ground.DYNAMIC_NETWORK),
        ("198.51.100.7", "198-51-100-7.dyn.isp.example", Ground.DYNAMIC_NAME),
        ("198.51.100.7", "FLAT-RATE-17.isp.example", Ground.DYNAMIC_NAME),
        ("198.51.100.7", "mail.shop.example", None),
        ("198.51.100.7", "198-51-100-7.static.isp.example", None),
        ("198.51.100.7", "", None),
    ],
)
def test_networks_and_names_of_the_operator_make_a_client_dynamic(client, name, expected):
    verdict = judge_client(ip_address(client), name, RULES)
    assert (verdict and verdict.ground) is expected
    assert verdict is None or verdict.refuses


def test_what_refuses_is_about_the_client_alone():
    assert {Ground.DYNAMIC_NETWORK, Ground.DYNAMIC_NAME, Ground.LISTED} == REFUSING


ATTRIBUTES = {
    "request": "smtpd_access_policy",
    "protocol_state": "RCPT",
    "client_address": "2001:DB8::9",
    "client_name": "unknown",
    "reverse_client_name": "mail.shop.example",
    "sender": "ann@shop.example",
    "recipient": "user@example.com",
    "sasl_username": "",
    "ccert_subject": "",
}


def test_a_request_is_read_from_its_attributes():
    assert read_request(ATTRIBUTES) == PolicyRequest(
        "RCPT", ip_address("2001:db8::9"), "mail.shop.example", "ann@shop.example", "user@example.com"
    )


@pytest.mark.parametrize(("name", "value"), [("sasl_username", "ann"), ("ccert_subject", "mx.shop.example")])
def test_a_name_or_a_certificate_means_authenticated(name, value):
    assert read_request(ATTRIBUTES | {name: value}).is_authenticated


@pytest.mark.parametrize("address", ["", "unknown", "203.0.113", "203.0.113.9\x00", "fe80::1%eth0", "x" * 1000])
def test_an_address_that_is_none_is_an_unknown_client(address):
    assert read_request(ATTRIBUTES | {"client_address": address}).client is None


def test_a_mapped_address_is_the_ipv4_address():
    assert read_request(ATTRIBUTES | {"client_address": "::ffff:203.0.113.9"}).client == ip_address("203.0.113.9")


def test_no_name_and_no_word_about_a_name_are_two_things():
    assert read_request(ATTRIBUTES | {"reverse_client_name": "unknown"}).reverse_name == ""
    assert read_request({}).reverse_name is None
