"""Networks found by address: the longest match comes first, families do not mix."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from responder.domain.network_map import NetworkMap


def find(networks, ip):
    return list(NetworkMap((ip_network(text), text) for text in networks).find(ip_address(ip)))


def test_the_longest_match_comes_first():
    networks = ["203.0.113.0/24", "203.0.113.9/32", "203.0.0.0/16", "203.0.113.8/29", "198.51.100.0/24"]
    assert find(networks, "203.0.113.9") == ["203.0.113.9/32", "203.0.113.8/29", "203.0.113.0/24", "203.0.0.0/16"]
    assert find(networks, "203.0.113.16") == ["203.0.113.0/24", "203.0.0.0/16"]
    assert find(networks, "192.0.2.1") == []


def test_the_first_and_the_last_address_belong_to_a_network_and_their_neighbours_do_not():
    for network, inside, outside in (
        ("203.0.113.8/29", ("203.0.113.8", "203.0.113.15"), ("203.0.113.7", "203.0.113.16")),
        (
            "2001:db8:1::/64",
            ("2001:db8:1::", "2001:db8:1::ffff:ffff:ffff:ffff"),
            ("2001:db8:0:ffff::", "2001:db8:1:1::"),
        ),
        ("0.0.0.0/0", ("0.0.0.0", "255.255.255.255"), ("::", "::1")),
        ("2001:db8::1/128", ("2001:db8::1",), ("2001:db8::", "2001:db8::2", "0.0.0.1")),
    ):
        assert all(find([network], ip) == [network] for ip in inside)
        assert all(find([network], ip) == [] for ip in outside)


def test_of_equal_networks_the_last_one_counts():
    network = ip_network("203.0.113.0/24")
    found = NetworkMap([(network, "first"), (network, "second")])
    assert list(found.find(ip_address("203.0.113.1"))) == ["second"]
    assert len(found) == 1


def test_numbers_say_the_same_as_networks():
    network = ip_network("2001:db8::/48")
    found = NetworkMap.from_numbers([(6, int(network.network_address), 48, "here")])
    assert list(found.find(ip_address("2001:db8:0:1::9"))) == ["here"]


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=20), st.integers(0, 2**32 - 1)
)  # fmt: skip
def test_it_finds_what_a_search_of_all_networks_finds(pairs, number):
    networks = {ip_network((first, prefix), strict=False) for first, prefix in pairs}
    ip = ip_address(number)
    expected = sorted((one for one in networks if ip in one), key=lambda one: -one.prefixlen)
    assert list(NetworkMap((one, one) for one in networks).find(ip)) == expected
