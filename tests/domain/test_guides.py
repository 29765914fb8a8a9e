"""Which guides an answer carries, and in which order."""

import pytest

from responder.domain.guides import choose_guides
from responder.domain.plea import Certainty, Software

CONFIGURED = ("exchange-2007", "exchange-2003-2000", "exchange-5.5", "generic")
EVERYTHING = {
    "exchange-2007": ("exchange 2007",),
    "exchange-2003-2000": ("exchange 2003", "exchange 2000"),
    "exchange-5.5": ("exchange 5.5", "exchange 5.0", "exchange 4.0"),
    "exchange-2010": ("exchange 2010",),
    "exchange-2013-later": ("exchange 2013", "exchange 2016", "exchange 2019", "exchange se"),
    "exchange-online": ("exchange online",),
    "exim": ("exim",),
    "exim-debian": ("exim debian",),
    "iis-smtp": ("windows-smtp",),
    "kerio": ("kerio connect",),
    "postfix": ("postfix",),
    "postfix-2": ("postfix 2.11",),
    "generic": (),
}


def software(product: str, version: str | None = None, evidence: str = "a line") -> Software:
    name = "Kerio Connect" if product == "other" else None
    return Software(product, version, name, Certainty.CERTAIN, evidence)


def only(*keys):
    return {key: EVERYTHING[key] for key in keys}


def first(runs: Software, available=EVERYTHING) -> str:
    return choose_guides(runs, CONFIGURED, available)[0]


def test_unknown_software_gets_the_configured_guides():
    assert choose_guides(None, CONFIGURED, EVERYTHING) == CONFIGURED


def test_own_guide_comes_first_and_no_guide_twice():
    assert choose_guides(software("exchange", "2003"), CONFIGURED, only(*CONFIGURED)) == (
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
        ("online", "exchange-online"),
        (None, "exchange-2007"),
    ],
)
def test_each_exchange_gets_its_guide(version, key):
    assert first(software("exchange", version)) == key


@pytest.mark.parametrize("version", ["2010", "2013", "2016", "2019", "se", None])
def test_an_exchange_without_a_guide_of_its_own_gets_the_steps_of_2007(version):
    assert first(software("exchange", version), only("exchange-2007", "postfix", "generic")) == "exchange-2007"
    assert choose_guides(software("exchange", version), ("generic",), only(*CONFIGURED)) == ("exchange-2007", "generic")


def test_a_guide_names_its_product_in_its_front_matter():
    assert choose_guides(software("windows-smtp", "6.0.3790"), CONFIGURED, EVERYTHING) == ("iis-smtp", *CONFIGURED)
    assert choose_guides(software("windows-smtp"), CONFIGURED, only(*CONFIGURED)) == CONFIGURED


def test_the_most_exact_guide_wins():
    assert first(software("postfix", "2.11")) == "postfix-2"
    assert first(software("postfix", "3.7")) == "postfix"
    assert first(software("postfix")) == "postfix"


def test_exim_gets_the_guide_of_debian_only_where_the_line_shows_debian():
    debian = software("exim", "4.96", "Received: from Debian-exim by mail.example.org with local (Exim 4.96)")
    assert first(debian) == "exim-debian"
    assert first(debian, only(*CONFIGURED, "exim")) == "exim"
    assert first(software("exim", "4.96")) == "exim"


def test_a_product_without_a_key_goes_by_its_name():
    assert first(software("other", "9.2")) == "kerio"
    assert choose_guides(software("other"), CONFIGURED, only(*CONFIGURED)) == CONFIGURED


def test_software_without_a_guide_leaves_the_configured_ones():
    assert choose_guides(software("groupwise"), CONFIGURED, EVERYTHING) == CONFIGURED


def test_the_generic_guide_is_always_last():
    assert choose_guides(software("postfix"), ("generic", "exchange-2007"), EVERYTHING) == (
        "postfix",
        "exchange-2007",
        "generic",
    )


def test_guides_that_are_not_there_are_left_out():
    assert choose_guides(None, ("exchange-2007", "gone", "generic"), EVERYTHING) == ("exchange-2007", "generic")
