"""Which host names look generated, and by what."""

import re
from ipaddress import ip_address

import pytest

from responder.domain.generated_names import Naming, judge_name

IP = "203.0.113.9"
SIX = "2001:db8:0:1:a:b:c:d"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("203-0-113-9.isp.example.net", "all numbers of the address"),
        ("p203x0x113x9.isp.net", "all numbers of the address"),
        ("host203.000.113.009.isp.net", "all numbers of the address"),
        ("9.113.0.203.isp.net", "all numbers of the address, in reverse"),
        ("ip-9-113-0-203.static-ip.net", "all numbers of the address, in reverse"),
        ("cpc1-0-113-9.isp.net", "the last three numbers of the address"),
        ("9-113-0.area.isp.net", "the last three numbers of the address, in reverse"),
        ("cust113-9.isp.net", "the last two numbers of the address"),
        ("client-9-113.isp.net", "the last two numbers of the address, in reverse"),
        ("cb007109.isp.net", "the address in hexadecimal"),
        ("x097100cb.isp.net", "the address in hexadecimal, in reverse"),
        ("h203000113009.isp.net", "the address with leading zeros"),
        ("3405803785.isp.net", "the address as one number"),
        ("dyn12.isp.net", "the word 'dyn'"),
        ("a12.pool.isp.net", "the word 'pool'"),
        ("ADSL-7.isp.net.", "the word 'adsl'"),
        ("dhcp.university.ac.uk", "the word 'dhcp'"),
    ],
)
def test_made_by_a_program(name: str, shown: str):
    verdict = judge_name(name, ip_address(IP))
    assert (verdict.naming, verdict.shown) == (Naming.GENERATED, shown)


@pytest.mark.parametrize(
    "name",
    [
        "mail.example.org", "mx9.example.org", "mail113.example.org", "smtp-9-1.example.org", "dsl.net", "www.dyn.com",
        "pool.org", "dynamo.example.org", "cablegate.example.org", "server2030.example.org", "", "localhost",
        "113-9.a.b", "mail.xn--bcher-kva.example", "\ud800", "203.0.113.9",
    ],
)  # fmt: skip
def test_given_by_a_person(name: str):
    assert judge_name(name, ip_address(IP)).naming is Naming.PLAIN


@pytest.mark.parametrize("name", ["static-203-0-113-9.isp.net", "203-0-113-9.fix.isp.net", "dsl-static7.isp.net"])
def test_a_word_that_says_static_comes_before_all_signs(name: str):
    assert judge_name(name, ip_address(IP)).naming is Naming.STATIC


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("2001-db8-0-1-a-b-c-d.isp.net", "the second half of the address"),
        ("20010db800000001000a000b000c000d.isp.net", "the whole address"),
        ("2001-0db8-0000-0001-000a-000b-000c-000d.isp.net", "the whole address"),
        ("d.0.0.0.c.0.0.0.b.0.0.0.a.0.0.0.1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.isp.net", "the whole address"),
        ("a-b-c-d.isp.net", "the second half of the address"),
        ("mail.isp.net", ""),
    ],
)
def test_ipv6(name: str, shown: str):
    assert judge_name(name, ip_address(SIX)).shown == shown


def test_own_patterns_come_first():
    own = (re.compile(r"^static\.", re.IGNORECASE),)
    verdict = judge_name("Static.example.org", ip_address(IP), own)
    assert verdict.naming is Naming.GENERATED
    assert verdict.shown == r"the pattern ^static\."
    assert judge_name("mail.example.org", ip_address(IP), own).naming is Naming.PLAIN


@pytest.mark.parametrize("octet", ["1", "a", ".", "-", "1-", "a1.", "1.", "ip1-", "\u0660"])
def test_any_length_is_looked_at_in_no_time(octet: str):
    judge_name(octet * (256 * 1024 // len(octet)), ip_address(IP))
    judge_name(octet * (256 * 1024 // len(octet)), ip_address(SIX))
