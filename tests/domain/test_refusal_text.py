"""The text of a refusal: one ASCII line that nobody has to cut, and what never gives way in it."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.causes import find_cause
from responder.domain.plea import Cause
from responder.domain.reference import find_references
from responder.domain.refusal_text import LONGEST, LONGEST_CONTACT, contact_for, refusal_text
from responder.domain.rejection import refused_address

REFERENCE = "7K3QW-0M9XT"
ADDRESS = IPv4Address("203.0.113.9")
LONG_V6 = IPv6Address("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")


def test_it_says_what_is_wrong_whom_to_ask_and_what_to_do_instead():
    assert refusal_text(ADDRESS, "bypass@example.com", REFERENCE, "Spamhaus PBL") == (
        "550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned. If it is static or you need help, "
        "write to bypass@example.com (ref 7K3QW-0M9XT). Else send through your provider's mail server (smart host). "
        "Listed: Spamhaus PBL."
    )


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.from_regex(r"[a-z]{1,64}@[a-z]{1,41}\.com", fullmatch=True),
    st.text(max_size=300),
)
def test_address_bypass_address_and_reference_never_give_way(address, contact, list_name):
    text = refusal_text(address, contact, REFERENCE, list_name)
    assert len(text) <= LONGEST
    assert text.startswith(f"550 5.7.1 Your IP address {address} appears to be dynamically assigned. ")
    assert contact in text
    assert REFERENCE in text


def test_the_list_gives_way_first_and_the_advice_next():
    short = refusal_text(ADDRESS, "a@b.example", REFERENCE, "A list")
    assert ("A list" in short, "smart host" in short) == (True, True)
    longer = refusal_text(ADDRESS, f"{'a' * 20}@b.example", REFERENCE, "A list with a name of many words")
    assert ("A list" in longer, "provider's mail server (smart host)" in longer) == (False, True)
    longest = refusal_text(LONG_V6, f"{'a' * 64}@{'b' * 34}.example.com"[:LONGEST_CONTACT], REFERENCE, "A list")
    assert "smart host" not in longest


@pytest.mark.parametrize("name", ["Liste schw\u00e4rz", ""])
def test_a_list_that_ascii_cannot_name_is_left_out(name):
    assert "Listed" not in refusal_text(ADDRESS, "a@b.example", REFERENCE, name)


@pytest.mark.parametrize("address", [ADDRESS, LONG_V6])
def test_we_read_out_of_it_what_we_put_into_it(address):
    text = refusal_text(address, "bypass@example.com", REFERENCE, "Spamhaus PBL")
    assert find_cause(text) is Cause.DYNAMIC
    assert refused_address(text, Cause.DYNAMIC) == address
    assert find_references(text) == (REFERENCE,)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (("bypass@example.com", "other@example.com"), "bypass@example.com"),
        (("hilfe@m\u00fcller.example",), "hilfe@xn--mller-kva.example"),
        (("h\u00efllfe@example.com", "help@example.com"), "help@example.com"),
        ((f"{'a' * LONGEST_CONTACT}@example.com", "help@example.com"), "help@example.com"),
        (("h\u00efllfe@example.com",), None),
    ],
)
def test_a_refusal_names_the_first_bypass_address_that_is_short_and_plain(addresses, expected):
    assert contact_for(addresses) == expected
