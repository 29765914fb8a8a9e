from contextlib import suppress
from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import (
    AddressError,
    ip_key,
    is_public,
    key_to_ip,
    network_keys,
    parse_ip,
    parse_mailbox,
    parse_network,
    special_range,
)

IPS = st.ip_addresses()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::", "::"),
        ("::1", "::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"),
        ("::192.0.2.1", "::c000:201"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ],
)
def test_an_ip_address_is_read_in_each_of_its_spellings(text, printed):
    assert str(parse_ip(text)) == printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "192.0.2.1 ",
        " 192.0.2.1",
        "192.0.2.1\n",
        "192.0.2.1\r\nX",
        "192.0.2",
        "192.0.2.1.5",
        "192.0.2.256",
        "192.0.2.-1",
        "192.0.2.01",
        "0300.0.2.1",
        "0xc0.0.2.1",
        "3221225985",
        "192.0.2.1/32",
        "192.0.2.1:25",
        "[192.0.2.1]",
        "fe80::1%eth0",
        "fe80::1%evil\r\nX",
        "2001:db8::1%0",
        "2001:db8:::1",
        "2001:db8::1::2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "::ffff:192.0.2.01",
        "IPv6:2001:db8::1",
        "\uff11\uff19\uff12.0.2.1",
        "192\u30020\u30022\u30021",
        "\u0661.0.0.1",
        "localhost",
        "4.16.55.1.7",
        "1" * 10_000,
    ],
)
def test_what_is_no_ip_address_is_refused(text):
    with pytest.raises(AddressError):
        parse_ip(text)


@pytest.mark.parametrize("value", [True, 0, 3232235777, b"\xc0\x00\x02\x01", None, IPv4Address("192.0.2.1")])
def test_only_text_is_an_address(value):
    with pytest.raises(AddressError):
        parse_ip(value)
    with pytest.raises(AddressError):
        parse_network(value)
    with pytest.raises(AddressError):
        parse_mailbox(value)


@given(IPS)
def test_an_ip_address_that_is_printed_and_read_stays_the_same(ip):
    read = parse_ip(str(ip))
    assert parse_ip(str(read)) == read
    assert read == (getattr(ip, "ipv4_mapped", None) or ip)


@given(IPS, IPS)
def test_keys_sort_like_addresses_and_lead_back_to_them(one, other):
    one, other = parse_ip(str(one)), parse_ip(str(other))
    assert key_to_ip(ip_key(one)) == one
    assert len(ip_key(one)) == 16
    if one.version == other.version:
        assert (ip_key(one) < ip_key(other)) == (one < other)


@given(st.text())
def test_no_text_makes_the_ip_parsers_fail_in_another_way(text):
    for parse in (parse_ip, parse_network):
        with suppress(AddressError):
            parse(text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.1", "192.0.2.1/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ],
)
def test_a_network_is_read(text, printed):
    assert str(parse_network(text)) == printed


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.1/24",
        "2001:db8::1/64",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/+24",
        "192.0.2.0/024",
        "192.0.2.0/ 24",
        "192.0.2.0/24 ",
        "192.0.2.0/24\n",
        "192.0.2.0/",
        "192.0.2.0/24/24",
        "192.0.2.0/255.255.255.0",
        "192.0.2.0/0.0.0.255",
        "192.0.2.0/\u0662\u0664",
        "192.0.2.0-192.0.2.255",
        "192.0.2.*",
        "2001:db8::/129",
        "2001:db8::%1/64",
        "/24",
        "::/0",
        "::/32",
        "::/80",
        "::ffff:0:0/95",
        "::ffff:192.0.2.0/24",
    ],
)
def test_what_is_no_network_is_refused(text):
    with pytest.raises(AddressError):
        parse_network(text)


def test_the_keys_of_a_network_hold_its_addresses_only():
    first, last, prefix = network_keys(parse_network("198.51.100.0/25"))
    assert (first, last, prefix) == (ip_key(parse_ip("198.51.100.0")), ip_key(parse_ip("198.51.100.127")), 25)
    assert first <= ip_key(parse_ip("198.51.100.64")) <= last
    assert not first <= ip_key(parse_ip("198.51.100.128")) <= last


@given(IPS, st.integers(0, 128))
def test_a_network_that_is_printed_and_read_stays_the_same(ip, length):
    network = ip_network((parse_ip(str(ip)), min(length, parse_ip(str(ip)).max_prefixlen)), strict=False)
    if network.version == 6 and int(network.network_address) == 0 and network.prefixlen < 96:
        return
    assert parse_network(str(network)) == network


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("0.0.0.0", "this-network"),
        ("10.255.255.255", "private"),
        ("100.64.0.1", "shared"),
        ("127.0.0.1", "loopback"),
        ("169.254.0.1", "link-local"),
        ("172.31.255.255", "private"),
        ("192.0.0.9", "protocol"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4"),
        ("192.168.1.1", "private"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.255", "documentation"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::192.0.2.1", "embedded-ipv4"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::1", "translation"),
        ("64:ff9b:1::1", "translation"),
        ("100::1", "discard"),
        ("2001::1", "teredo"),
        ("2001:2::1", "benchmarking"),
        ("2001:1ff::1", "protocol"),
        ("2001:db8::1", "documentation"),
        ("2002:c000:201::1", "6to4"),
        ("3fff:fff::1", "documentation"),
        ("5f00::1", "segment-routing"),
        ("fd00::1", "private"),
        ("fe80::1", "link-local"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("1000::1", "reserved"),
        ("4000::1", "reserved"),
        ("e000::1", "reserved"),
    ],
)
def test_a_special_range_has_a_name_and_is_not_public(text, name):
    assert special_range(parse_ip(text)) == name
    assert not is_public(parse_ip(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "2003::1",
        "2600::1",
        "2a00::1",
        "3ffe::1",
        "3fff:1000::1",
    ],
)
def test_ordinary_addresses_beside_special_ranges_are_public(text):
    assert special_range(parse_ip(text)) is None
    assert is_public(parse_ip(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [("192.0.0.0/16", "protocol"), ("203.0.112.0/23", "documentation"), ("8.8.8.0/24", None), ("2001::/16", "teredo")],
)
def test_a_network_that_touches_a_special_range_is_special(text, name):
    assert special_range(parse_network(text)) == name
