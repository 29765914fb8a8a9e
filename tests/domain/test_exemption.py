"""Which networks may be exempted, by whom and for how long; when somebody has to think twice or look again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import parse_ip, parse_network
from responder.domain.exemption import ExemptionError, ExemptionRules, doubts, expiry, flags, holds, wider_networks
from responder.domain.plea import Proof
from responder.domain.roles import Role

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RULES = ExemptionRules({4: 29, 6: 64}, {4: 24, 6: 48})


@pytest.mark.parametrize(
    ("network", "role", "why"),
    [
        ("8.8.8.8", Role.REVIEWER, None),
        ("8.8.8.0/29", Role.REVIEWER, None),
        ("8.8.8.0/28", Role.REVIEWER, "at most a /29; an admin may"),
        ("8.8.8.0/28", Role.EDITOR, "at most a /29"),
        ("8.8.8.0/24", Role.ADMIN, None),
        ("8.8.0.0/23", Role.ADMIN, "nobody may exempt more than a /24"),
        ("0.0.0.0/0", Role.ADMIN, "nobody may"),
        ("2a00::/64", Role.REVIEWER, None),
        ("2a00::/63", Role.REVIEWER, "at most a /64"),
        ("2a00::/48", Role.ADMIN, None),
        ("2a00::/47", Role.ADMIN, "nobody may"),
        ("8.8.8.8", Role.READER, "nobody decides"),
        ("10.0.0.1", Role.ADMIN, "private space"),
        ("127.0.0.1", Role.ADMIN, "loopback space"),
        ("224.0.0.1", Role.ADMIN, "multicast space"),
        ("fe80::1", Role.ADMIN, "link-local space"),
    ],
)
def test_widths_and_ranges_are_bounded_by_role(network, role, why):
    if why is None:
        RULES.check(parse_network(network), role)
        return
    with pytest.raises(ExemptionError, match=why):
        RULES.check(parse_network(network), role)


def test_no_setting_allows_what_is_hardly_a_network():
    careless = ExemptionRules({4: 0, 6: 0}, {4: 0, 6: 0}, (parse_network("0.0.0.0/0"),))
    with pytest.raises(ExemptionError, match="more than a /16"):
        careless.check(parse_network("8.0.0.0/15"), Role.ADMIN)
    with pytest.raises(ExemptionError, match="more than a /32"):
        careless.check(parse_network("2a00::/31"), Role.ADMIN)


@pytest.mark.parametrize(
    ("network", "is_allowed"), [("10.1.2.8/29", True), ("10.1.3.0/29", False), ("10.2.0.1", False)]
)
def test_special_ranges_are_exempted_only_where_they_are_named(network, is_allowed):
    rules = ExemptionRules({4: 24, 6: 64}, {4: 24, 6: 48}, (parse_network("10.1.2.0/24"),))
    if is_allowed:
        rules.check(parse_network(network), Role.REVIEWER)
        return
    with pytest.raises(ExemptionError, match="allow_networks"):
        rules.check(parse_network(network), Role.REVIEWER)


@pytest.mark.parametrize(
    ("network", "proof", "found"),
    [
        ("203.0.113.9", Proof.CLIENT, ()),
        ("203.0.113.9", Proof.REFERENCE, ()),
        ("203.0.113.8/29", Proof.CLIENT, ()),
        ("203.0.113.9", Proof.NONE, ("unproven",)),
        ("203.0.113.8/30", Proof.CLIENT, ("not-asked-for",)),
        ("203.0.113.10", Proof.CLIENT, ("unproven", "not-asked-for")),
        ("198.51.100.64/29", Proof.CLIENT, ("unproven",)),
        ("2001:db8::/64", Proof.CLIENT, ("unproven",)),
    ],
)
def test_doubts(network, proof, found):
    asked = (parse_network("203.0.113.8/29"), parse_network("198.51.100.64/29"), parse_network("2001:db8::/64"))
    assert doubts(parse_network(network), address=parse_ip("203.0.113.9"), asked=asked, proof=proof) == found


def test_an_exemption_holds_as_usual_or_for_some_days():
    assert expiry(NOON, None, timedelta(days=365)) == NOON + timedelta(days=365)
    assert expiry(NOON, 1, timedelta(days=365)) == NOON + timedelta(days=1)
    for days in (0, -1, 3651):
        with pytest.raises(ExemptionError, match="1 to 3650"):
            expiry(NOON, days, timedelta(days=365))


@pytest.mark.parametrize(
    ("days_unused", "ends_in", "names", "found"),
    [
        (59, 10, ["mail.shop.example"], ()),
        (60, 10, [], ("unused",)),
        (0, 10, ["mail.shop.example", "mail.shop.example"], ()),
        (0, 10, ["mail.shop.example", "dsl-9.example.net"], ("reverse-name-changed",)),
        (90, 10, ["a.example", "b.example"], ("unused", "reverse-name-changed")),
        (90, -1, ["a.example", "b.example"], ()),
    ],
)
def test_flags(days_unused, ends_in, names, found):
    used_at, expires_at = NOON - timedelta(days=days_unused), NOON + timedelta(days=ends_in)
    assert flags(at=NOON, used_at=used_at, expires_at=expires_at, reverse_names=names) == found


@given(st.integers(0, 2**32 - 1), st.integers(16, 32))
def test_a_network_lies_in_all_that_are_wider(address, prefix):
    network = parse_network(f"{parse_ip('0.0.0.0') + address}/32").supernet(new_prefix=prefix)
    wider = list(wider_networks(network))
    assert [each.prefixlen for each in wider] == list(range(16, prefix))
    assert all(holds(each, network) and not holds(network, each) for each in wider)
    assert holds(network, network)
    assert not holds(parse_network("2a00::/32"), network)
