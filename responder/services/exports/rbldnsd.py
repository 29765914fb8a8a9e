"""A DNS list of what is exempt, for rbldnsd."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from responder.domain.address import IPNetwork
from responder.services.exports.lines import about, head, network_text, networks, rules
from responder.storage.exported import Exempt

# A revocation should act soon, so resolvers may keep an answer for a minute.
_TTL = "$TTL 60\n"
# What an entry answers with: the address, and the text of the TXT record.
_VALUE = ":127.0.0.2:Exempt from the check of dynamic addresses\n"
# Every list has these test entries, by which one sees that it works (RFC 5782 section 5).
_SECTIONS = {
    4: f"$DATASET ip4trie:exempt4 @\n{_VALUE}127.0.0.2\n",
    6: f"$DATASET ip6trie:exempt6 @\n{_VALUE}::ffff:7f00:2\n",
}
_TEST_ENTRIES = frozenset({"127.0.0.2", "::ffff:7f00:2"})


def write_rbldnsd(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write a file for a zone of type `combined` (rbldnsd(8)), with a section for each family.

    It has no SOA and NS records: whose names these are, a file of the operator's own says, loaded for the same zone.
    """
    yield from head()
    yield _TTL
    left = dict(_SECTIONS)
    for version, each in groupby(exempt, key=lambda one: one.network.version):
        yield left.pop(version)
        yield from (f"{about(one)}{network_text(one.network)}\n" for one in each)
    yield from left.values()


def read_rbldnsd(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read such a file, without its test entries."""
    return networks(rule for rule in rules(lines) if rule[0] not in "$:" and rule not in _TEST_ENTRIES)
