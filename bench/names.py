"""The names that the demonstration's look-ups find: a small DNS of its own, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from tests.support.nameserver import nameserver

LIST_ZONE = "pbl.demonstration.test"
# The reverse name of each address that is refused, and the code under which the list has it.
HOSTS = {
    "203.0.113.9": ("mail.kestrel.example", "127.0.0.10"),
    "198.51.100.77": ("198-51-100-77.dyn.isp.example", "127.0.0.11"),
    "203.0.113.66": (None, "127.0.0.10"),
    "198.51.100.140": ("mail.wren.example", None),
    "203.0.113.17": ("mx.osprey.example", "127.0.0.10"),
    "198.51.100.30": ("p5dd0c3a1.dip0.isp.example", "127.0.0.11"),
    "203.0.113.130": ("mx.avocet.example", "127.0.0.10"),
    "198.51.100.9": ("mail.curlew.example", None),
    "192.0.2.12": ("dsl-192-0-2-12.pool.isp.example", "127.0.0.10"),
    "192.0.2.33": ("mail.whimbrel.example", "127.0.0.10"),
}
SETTINGS = {
    "evidence.enabled": True,
    "blocklists": [
        {
            "name": "Spamhaus PBL",
            "zone": LIST_ZONE,
            "codes": ["127.0.0.10", "127.0.0.11"],
            "provider": "Spamhaus",
            "removal": "https://check.spamhaus.org/",
        }
    ],
}


def _records() -> dict[tuple[str, str], list[str]]:
    # Every sender's domain takes mail; none says who may send for it.
    records = {("*.example", "MX"): ["10 mail.isp.example."]}
    for address, (name, code) in HOSTS.items():
        if name:
            records[ip_address(address).reverse_pointer, "PTR"] = [f"{name}."]
            records[name, "A"] = [address]
        if code:
            listed = f"{'.'.join(reversed(address.split('.')))}.{LIST_ZONE}"
            records[listed, "A"] = [code]
            records[listed, "TXT"] = [f'"https://check.spamhaus.org/query/ip/{address}"']
    return records


@contextmanager
def names() -> Iterator[dict[str, Any]]:
    """Serve the names until the block ends; gives the settings of a service that asks there."""
    with nameserver(_records()) as server:
        yield SETTINGS | {"dns.nameservers": [f"127.0.0.1:{server.port}"]}
