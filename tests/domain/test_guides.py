"""Which guides an answer carries, and in which order."""

import pytest

from responder.domain.guides import choose_guides
from responder.domain.plea import Certainty, Software

CONFIGURED = ("exchange-2007", "exchange-2003-2000", "exchange-5.5", "generic")
EVERYTHING = (
    *CONFIGURED,
    *("exchange-2010", "exchange-2013-later", "postfix", "exim", "exim-debian", "sendmail", "qmail", "iis-smtp"),
    *("hmailserver", "mdaemon", "zimbra", "domino", "macos-server", "opensmtpd", "stalwart", "kumomta", "haraka"),
)


def software(product: str, version: str | None = None, evidence: str = "a line") -> Software:
    name = "Kerio Connect" if product == "other" else None
    return Software(product, version, name, Certainty.CERTAIN, evidence)


def first(runs: Software, available=EVERYTHING) -> str:
    return choose_guides(runs, CONFIGURED, available)[0]


def test_unknown_software_gets_the_configured_guides():
    assert choose_guides(None, CONFIGURED, EVERYTHING) == CONFIGURED


def test_own_guide_comes_first_and_no_guide_twice():
    assert choose_guides(software("exchange", "2003"), CONFIGURED, CONFIGURED) == (
        "exchange-2003-2000",
        "exchange-2007",
        "exchange-5.5",
        "generic",
    )


@pytest.mark.parametrize(
    ("version", "key"),
    [
        ("4.0", "exchange-5.5"),
        ("5.0", "exchange-5.5"),
        ("5.5", "exchange-5.5"),
        ("2000", "exchange-2003-2000"),
        ("2003", "exchange-2003-2000"),
        ("2007", "exchange-2007"),
        ("2010", "exchange-2010"),
        ("2013", "exchange-2013-later"),
        ("2016", "exchange-2013-later"),
        ("2019", "exchange-2013-later"),
        ("se", "exchange-2013-later"),
        (None, "exchange-2007"),
    ],
)
def test_each_exchange_gets_its_guide(version, key):
    assert first(software("exchange", version)) == key


@pytest.mark.parametrize("version", ["2010", "2013", "2016", "2019", "se"])
def test_later_exchanges_get_the_steps_of_2007_without_a_guide_of_their_own(version):
    assert first(software("exchange", version), (*CONFIGURED, "postfix")) == "exchange-2007"


@pytest.mark.parametrize(
    "product",
    [key for key in EVERYTHING if key not in CONFIGURED and not key.startswith(("exchange-", "exim", "iis-"))],
)
def test_other_products_get_the_guide_of_their_name(product):
    assert choose_guides(software(product), CONFIGURED, EVERYTHING) == (product, *CONFIGURED)
    assert choose_guides(software(product), CONFIGURED, CONFIGURED) == CONFIGURED


def test_the_windows_service_gets_the_guide_of_iis():
    assert first(software("windows-smtp", "6.0.3790.4675")) == "iis-smtp"
    assert choose_guides(software("windows-smtp"), CONFIGURED, CONFIGURED) == CONFIGURED


def test_exim_gets_the_guide_of_debian_only_where_the_line_shows_debian():
    debian = software("exim", "4.96", "Received: from Debian-exim by mail.example.org with local (Exim 4.96)")
    assert first(debian) == "exim-debian"
    assert first(software("exim", "4.96")) == "exim"
    assert first(software("exim", "4.96"), (*CONFIGURED, "exim-debian")) == "exim-debian"


@pytest.mark.parametrize("runs", [software("exchange", "online"), software("other"), software("groupwise")])
def test_software_without_a_guide_leaves_the_configured_ones(runs):
    assert choose_guides(runs, CONFIGURED, EVERYTHING) == CONFIGURED


def test_the_generic_guide_is_always_last():
    assert choose_guides(software("postfix"), ("generic", "exchange-2007"), EVERYTHING) == (
        "postfix",
        "exchange-2007",
        "generic",
    )


def test_guides_that_are_not_there_are_left_out():
    assert choose_guides(None, ("exchange-2007", "gone", "generic"), EVERYTHING) == ("exchange-2007", "generic")
