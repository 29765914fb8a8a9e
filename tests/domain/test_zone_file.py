"""Lists in files, as rbldnsd reads them."""

from ipaddress import ip_address

import pytest

from responder.domain.zone_file import parse_zone

ZONE = """
# a list of our own
$SOA 1h ns.example.net hostmaster.example.net 0 15m 5m 1w 5m
$NS 1h ns.example.net
:127.0.0.10:Dynamic $, see https://example.net/dyn?$
203.0.113.0/24
!203.0.113.77
!203.0.113.128/28
203.0.113.200  :11:A single one
198.51.100
192.0.2.10-20
192.0.2.30-192.0.2.32 only a text
; the other family
$DATASET ip6trie:six @
:127.0.0.10:Dynamic, too
2001:db8::/32
2001:db8:1::25 :127.0.0.11:One of six
$DATASET dnset:names @
shop.example
"""


def find(ip):
    return parse_zone(ZONE.splitlines()).find(ip_address(ip))


@pytest.mark.parametrize(
    ("ip", "code"),
    [
        ("203.0.113.1", "127.0.0.10"),
        ("203.0.113.77", None),
        ("203.0.113.129", None),
        ("203.0.113.144", "127.0.0.10"),
        ("203.0.113.200", "127.0.0.11"),
        ("203.0.114.1", None),
        ("198.51.100.255", "127.0.0.10"),
        ("198.51.101.0", None),
        ("192.0.2.9", None),
        ("192.0.2.10", "127.0.0.10"),
        ("192.0.2.20", "127.0.0.10"),
        ("192.0.2.21", None),
        ("192.0.2.32", "127.0.0.10"),
        ("2001:db8:7::1", "127.0.0.10"),
        ("2001:db8:1::25", "127.0.0.11"),
        ("2001:db9::1", None),
    ],
)
def test_the_narrowest_entry_counts(ip, code):
    entry = find(ip)
    assert (entry and entry[0]) == code


def test_the_text_names_the_address():
    assert find("203.0.113.1")[1] == "Dynamic 203.0.113.1, see https://example.net/dyn?203.0.113.1"
    assert find("203.0.113.200")[1] == "A single one"
    assert find("192.0.2.31") == ("127.0.0.10", "only a text")


def test_without_a_word_about_it_an_entry_has_the_usual_code():
    assert parse_zone(["203.0.113.9"]).find(ip_address("203.0.113.9")) == ("127.0.0.2", "")


@pytest.mark.parametrize(
    "line",
    ["shop.example", "203.0.113.9/33", "203.0.113.9/24", "300.1", "203.0.113.20-10", "a-b", "!", "203.0.113.9 :x:y",
     "2001:db8::1-2", "::1::", "1.2.3.4.5", "\x00", "-"],
)  # fmt: skip
def test_a_line_that_cannot_be_read_is_skipped_and_the_rest_counts(line):
    table = parse_zone([line, "203.0.113.9"])
    assert (table.skipped, len(table.entries)) == (1, 1)


def test_the_files_of_all_ranges_are_whole():
    table = parse_zone(["10", "172.16-31"])
    assert [bool(table.find(ip_address(ip))) for ip in ("10.255.0.1", "11.0.0.1", "172.16.0.0", "172.31.255.255")] == [
        True, False, True, True,
    ]  # fmt: skip
    assert table.find(ip_address("172.32.0.1")) is None
