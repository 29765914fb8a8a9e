"""What a person claims in their own words, and what is not theirs to claim."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import IPNetwork
from responder.domain.claims import MAX_NETWORKS, Claims, merge_networks, read_claims
from responder.domain.message import read_message
from responder.domain.own_texts import find_own_texts

ADDRESS = "203.0.113.9"


def claims(text: str, subject: str = "blocked") -> Claims:
    message = read_message(f"From: admin@example.org\nSubject: {subject}\n\n{text}\n".encode())
    return read_claims(message, find_own_texts(message))


def networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(map(ip_network, texts))


@pytest.mark.parametrize(
    "text",
    [
        "our IP is 203.0.113.9, it is static",
        "Please whitelist 203.0.113.9.",
        "Please unblock the following address:\n203.0.113.9",
        "Unsere feste Adresse: 203.0.113.9",
        "Your server mx.example.com [192.0.2.25] refuses our server (203.0.113.9).",
        "Our server is 192.168.1.5 inside, from outside its address is 203.0.113.9",
        "We run Exchange Server 2010 SP3 14.3.123.4 on the static address 203.0.113.9",
        "IP:203.0.113.9",
        "we have 203.0.113.9/28",
        "> your address is 192.0.2.4\nno, our address is 203.0.113.9",
        "our address 203.0.\n113.9 is static",
    ],
)
def test_address(text):
    assert str(claims(text).address) == ADDRESS


def test_address_in_the_subject():
    assert str(claims("please help", "unblock 203.0.113.9").address) == ADDRESS


@pytest.mark.parametrize(
    "text",
    ["The address is 203.0.113.9", "It is 203.0.113.9", "Die Adresse ist 203.0.113.9", "La dirección es 203.0.113.9"],
)
def test_the_subject_that_we_wrote_says_nothing_about_whose_an_address_in_the_answer_is(text):
    assert str(claims(text, "Re: A question about your request [7K3QW-0M9XT]").address) == ADDRESS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing here: 1.2.3, 203.0.113, 300.1.2.3",
        "your server 192.0.2.25 refuses us",
        "We run Exchange 2010 (14.3.123.4)",
        "Our answer from the list was 127.0.0.4",
        "the list has our 9.113.0.203.zen.list.example",
        "> our IP is 192.0.2.4",
        "MD> our IP is 192.0.2.4",
        "-----Original Message-----\nour IP is 192.0.2.4",
        "Regards\n-- \nour gateway, version 1.2.3.4",
        "we have the whole of 203.0.113.0/28",
    ],
)
def test_no_address(text):
    assert claims(text).address is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("our net 203.0.113.0/28 please", ["203.0.113.0/28"]),
        ("our net 203.0.113.9/28", ["203.0.113.0/28"]),
        ("our net 203.0.113.8/255.255.255.248", ["203.0.113.8/29"]),
        ("our net 203.0.113.8 netmask 255.255.255.248", ["203.0.113.8/29"]),
        ("our net 203.0.113.8 - 203.0.113.15", ["203.0.113.8/29"]),
        ("our net 203.0.113.8 to 203.0.113.11", ["203.0.113.8/30"]),
        ("our net 203.0.113.8-15", ["203.0.113.8/29"]),
        ("our net 203.0.113.*", ["203.0.113.0/24"]),
        ("our net 2001:db8:25::/48", ["2001:db8:25::/48"]),
        ("our net 2001:db8::8 - 2001:db8::f", ["2001:db8::8/125"]),
        ("our IPs 203.0.113.9 and 198.51.100.7", ["203.0.113.9/32", "198.51.100.7/32"]),
    ],
)
def test_networks(text, named):
    assert merge_networks(claims(text).networks) == networks(*named)


@pytest.mark.parametrize(
    "text",
    [
        "our net 0.0.0.0/0",
        "our net 10.0.0.0/7",
        "our net ::/0",
        "our net 203.0.113.15 - 203.0.113.8",
        "our net 203.0.113.0/33",
        "our net 1.0.0.0 - 223.255.255.254",
        "version 203.0.113 of x.x.x.x",
    ],
)
def test_no_networks(text):
    assert claims(text).networks == ()


def test_networks_are_bounded():
    assert len(claims("\n".join(f"our net 203.0.{n}.0/24" for n in range(200))).networks) == MAX_NETWORKS


def test_words_of_a_refusal_are_not_the_persons():
    text = "we get 554 5.7.1 Client host [203.0.113.9] blocked, see http://l.example/?ip=203.0.113.77"
    assert claims(text) == Claims()


def test_merging_keeps_the_widest_in_order():
    given_ones = networks("203.0.113.9/32", "198.51.100.0/29", "203.0.113.0/28", "2001:db8::/32", "198.51.100.0/29")
    assert merge_networks(given_ones) == networks("198.51.100.0/29", "203.0.113.0/28", "2001:db8::/32")


@given(st.text(alphabet="0123456789.:/-abcdefx*our ip\n>", max_size=300))
def test_never_raises(text):
    claims(f"our ip {text}")
