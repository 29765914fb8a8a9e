"""What each format says, byte by byte, and that no value gets out of its line or cell."""

import csv
import json
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responder.services.exports import FORMATS, Exempt

MOMENT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
EXPECTED = Path(__file__).with_name("expected")
SAMPLES = (
    ("198.51.100.0/29", "7K3QW-0M9XT", "office, fixed line"),
    ("198.51.100.0/30", None, "inside the one above"),
    ("198.51.100.25/32", "2Q7RD-9XK0A", "=1+1"),
    ("203.0.113.0/24", None, "line\r\nbreak\x00 and \N{RIGHT-TO-LEFT OVERRIDE}more"),
    ("2001:db8:25::25/128", None, 'says "no", then @x'),
    ("2001:db8:26::/64", "0A1B2-C3D4E", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"),
    ("2001:db8:27::/63", None, ""),
)

V6_PREFIXES = (48, 59, 64, 76, 80, 124, 128)  # Sendmail writes up to 2**15 entries for those between


def exemptions(samples=SAMPLES) -> list[Exempt]:
    return [
        Exempt(number, ip_network(network), request, reason, MOMENT, "kim", MOMENT + YEAR)
        for number, (network, request, reason) in enumerate(samples, start=41)
    ]


def written(name: str, exempt: list[Exempt]) -> str:
    return "".join(FORMATS[name].write(exempt))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_written_as_expected(name: str) -> None:
    assert written(name, exemptions()) == (EXPECTED / name).read_text(encoding="ascii")


def test_every_expected_file_is_of_a_format() -> None:
    assert {path.name for path in EXPECTED.iterdir()} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_exempt_is_a_file_that_exempts_nothing(name: str) -> None:
    text = written(name, [])
    assert text.endswith("\n")
    assert list(FORMATS[name].read(text.splitlines(keepends=True))) == []


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network | IPv6Network:
    if draw(st.booleans()):
        return ip_network((draw(st.integers(0, 2**32 - 1)), draw(st.integers(22, 32))), strict=False)
    number = draw(st.integers(2**125, 2**126 - 1))
    return IPv6Network((number, draw(st.sampled_from(V6_PREFIXES))), strict=False)


hostile_texts = st.text() | st.text(alphabet="\r\n\0\t\"'=+-@,;# \u2028\u202e\ud800\x1b\x85")
hostile_exemptions = st.lists(
    st.builds(
        Exempt,
        id=st.integers(1, 2**63 - 1),
        network=networks(),
        request=st.none() | st.just("7K3QW-0M9XT"),
        reason=hostile_texts,
        created_at=st.just(MOMENT),
        created_by=hostile_texts,
        expires_at=st.integers(1, 10**8).map(lambda seconds: MOMENT + timedelta(seconds=seconds, microseconds=7)),
    ),
    max_size=6,
    unique_by=lambda each: each.network,
).map(lambda each: sorted(each, key=_order))


def _order(exempt: Exempt) -> tuple[int, int, int]:
    return exempt.network.version, int(exempt.network.network_address), exempt.network.prefixlen


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(exempt=hostile_exemptions)
def test_no_value_gets_out_of_its_line(name: str, exempt: list[Exempt]) -> None:
    text = written(name, exempt)
    assert text.isascii()
    assert all(character in "\n\t" or character.isprintable() for character in text)
    harmless = [Exempt(e.id, e.network, e.request, "", e.created_at, "kim", e.expires_at) for e in exempt]
    assert text.count("\n") == written(name, harmless).count("\n")


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(exempt=hostile_exemptions)
def test_what_was_written_is_read_back(name: str, exempt: list[Exempt]) -> None:
    lines = written(name, exempt).splitlines(keepends=True)
    found, wanted = list(FORMATS[name].read(lines)), [each.network for each in exempt]
    if name == "sendmail":  # which knows no prefix lengths
        assert len(set(found)) == len(found)
        assert _collapsed(found) == _collapsed(wanted)
    else:
        assert found == wanted


def _collapsed(found: list) -> list:
    families = [[each for each in found if each.version == version] for version in (4, 6)]
    return [network for family in families for network in collapse_addresses(family)]


@settings(deadline=None)
@given(exempt=hostile_exemptions)
def test_no_cell_is_a_formula(exempt: list[Exempt]) -> None:
    rows = list(csv.reader(written("csv", exempt).splitlines()))
    assert len(rows) == len(exempt) + 1
    for cell in (cell for row in rows for cell in row):
        assert not cell.lstrip(" \"'").startswith(("=", "+", "-", "@")) or cell.startswith("'")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@settings(deadline=None)
@given(exempt=hostile_exemptions)
def test_json_keeps_every_word(exempt: list[Exempt]) -> None:
    objects = json.loads(written("json", exempt))
    assert [each["reason"] for each in objects] == [each.reason for each in exempt]
    assert [each["id"] for each in objects] == [str(each.id) for each in exempt]


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)
@given(text=hostile_texts)
def test_a_file_of_somebody_else_is_read_without_fault(name: str, text: str) -> None:
    lines = text.splitlines(keepends=True)
    list(FORMATS[name].read(lines))
