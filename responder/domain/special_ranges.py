"""Address ranges that are not ordinary unicast space on the internet.

Sources: the IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and what updated it), the multicast
registries, and the IPv6 address space registry, which gives out global unicast addresses from 2000::/3 alone. The
standard library's own judgement is not used: it calls multicast and several of these ranges global, and differs
between patch levels.
"""

from ipaddress import IPv4Network, IPv6Network

# First and last address as numbers, and the range's name; more specific ranges stand before the wider that hold them.
Range = tuple[int, int, str]


def _range(network: IPv4Network | IPv6Network, name: str) -> Range:
    return int(network.network_address), int(network.broadcast_address), name


IPV4_RANGES: tuple[Range, ...] = tuple(
    _range(IPv4Network(text), name)
    for text, name in (
        ("0.0.0.0/8", "this-network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "anycast"),
        ("192.52.193.0/24", "anycast"),
        ("192.88.99.0/24", "6to4"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "anycast"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)

IPV6_RANGES: tuple[Range, ...] = tuple(
    _range(IPv6Network(text), name)
    for text, name in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "embedded-ipv4"),
        ("::ffff:0:0/96", "embedded-ipv4"),
        ("::ffff:0:0:0/96", "embedded-ipv4"),
        ("64:ff9b::/96", "translation"),
        ("64:ff9b:1::/48", "translation"),
        ("100::/64", "discard"),
        ("100:0:0:1::/64", "discard"),
        ("2001::/32", "teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001::/23", "protocol"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "anycast"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment-routing"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
        ("::/3", "reserved"),
        ("4000::/2", "reserved"),
        ("8000::/1", "reserved"),
    )
)
