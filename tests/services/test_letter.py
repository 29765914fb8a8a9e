from dataclasses import replace

import pytest

from responder.domain.address import parse_network
from responder.domain.plea import Certainty, Software
from responder.services.letter import (
    SITE_VARIABLES,
    VARIABLES,
    clean_host,
    letter_context,
    names_software,
    site_context,
    software_words,
)
from responder.services.samples import SAMPLES
from responder.services.sandbox import Passage
from tests.support.answers import BLOCKLISTS, ORGANIZATION

LETTER = SAMPLES["dynamic"]


def software(product, version=None, name=None):
    return Software(product, version, name, Certainty.CERTAIN, "evidence of a stranger")


def test_every_variable_is_documented():
    site = site_context(ORGANIZATION, BLOCKLISTS, "bypass@example.com")

    assert site.keys() == SITE_VARIABLES.keys()
    parts = {"own_guide", "other_guides", "paragraphs"}
    assert site.keys() | letter_context(LETTER).keys() | parts == VARIABLES.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_context_is_plain_data(name):
    def plain(value):
        if isinstance(value, dict):
            return all(plain(key) and plain(each) for key, each in value.items())
        return all(map(plain, value)) if isinstance(value, list) else type(value) in {str, int, Passage}

    assert plain(letter_context(SAMPLES[name]))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("MX.Example.COM.", "mx.example.com"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        (None, ""),
        ("", ""),
        ("localhost", ""),
        ("buy now at http://evil.example/", ""),
        ("evil.example/path", ""),
        ("mx.example.com\nBcc: x", ""),
        ("a" * 64 + ".example", ""),
        ("a." * 60 + "example", ""),
        ("mx..example", ""),
        ("bücher.example", ""),
    ],
)
def test_who_refused_is_a_host_or_nothing(text, host):
    assert clean_host(text) == host


@pytest.mark.parametrize(
    ("what", "name"),
    [
        (software("exchange", "2003"), "Microsoft Exchange Server 2003"),
        (software("exchange", "se"), "Microsoft Exchange Server Subscription Edition"),
        (software("exchange"), "Microsoft Exchange Server"),
        (software("postfix", "3.7.11"), "Postfix 3.7.11"),
        (software("exim", "4 and buy now"), "Exim"),
        (software("other", "9.2", "Kerio Connect"), "Kerio Connect 9.2"),
        (software("other", "1", "Buy Now Server"), ""),
        (software("unheard-of"), ""),
        (None, ""),
    ],
)
def test_software_is_named_in_words_of_ours(what, name):
    assert software_words(what)["name"] == name


def test_a_guide_is_for_a_product_or_for_a_version():
    assert names_software(software("exchange", "2003"), ["exchange 2003"])
    assert names_software(software("postfix", "3.1"), ["postfix"])
    assert names_software(software("other", "3.1", "Kerio Connect"), ["kerio connect"])
    assert not names_software(software("exchange", "2003"), ["exchange 2007", "exchange 200"])
    assert not names_software(None, ["postfix"])


def test_networks_are_bounded_and_single_addresses_plain():
    networks = tuple(parse_network(f"192.0.2.{n}") for n in range(30))

    assert letter_context(replace(LETTER, networks=networks))["networks"] == [f"192.0.2.{n}" for n in range(16)]
    assert letter_context(replace(LETTER, networks=(parse_network("192.0.2.0/29"),)))["networks"] == ["192.0.2.0/29"]
