"""The line that a refused server is told: by the template where it is in order, always short, plain and complete."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import parse_ip
from responder.domain.refusal_text import LONGEST, refusal_text
from responder.services.refusal_words import RefusalWords, find_refusal_errors, sample_refusals
from responder.services.templates.file import parse_template
from responder.services.templates.library import Library
from tests.support.answers import write_library

SHIPPED = Library()
USUAL, WIDEST = parse_ip("203.0.113.9"), parse_ip("2001:db8:1234:5678:9abc:def0:1234:5678")
CONTACT, REFERENCE = "bypass@example.com", "9K3QF-2M7XA"
BEGINNING = "Your IP address {{ address }} appears to be dynamically assigned. "


def refusal(body):
    return parse_template("refusal", "en", f'+++\ntitle = "A line"\n+++\n{body}')


def faults(body):
    return [(error.line, error.message) for error in find_refusal_errors(refusal(body), CONTACT)]


@pytest.mark.parametrize("address", [USUAL, WIDEST])
@pytest.mark.parametrize("list_name", ["", "Spamhaus PBL", "a list of dynamic addresses with a long name", "Übersicht"])
@pytest.mark.parametrize(
    "contact", [CONTACT, "bypass@" + "mail." * 12 + "example.com", "bypass@" + "m" * 90 + ".example"]
)
def test_the_shipped_template_says_what_the_program_says(address, list_name, contact):
    words = RefusalWords(SHIPPED, CONTACT)

    assert words.problems == []
    text = words.text(address, contact, REFERENCE, list_name)
    assert text == refusal_text(address, contact, REFERENCE, list_name)
    assert len(text) <= LONGEST


def test_the_list_gives_way_before_the_advice():
    lines = sample_refusals(refusal(
        BEGINNING + "{{ bypass_address }} {{ reference }} {% if advice %}" + "a" * 98 + "{% endif %}"
        "{% if list_name %} in {{ list_name }}{% endif %}"
    ))  # fmt: skip

    assert ["a" * 98 in line for line in lines] == [True, True, True, True]
    assert ["Spamhaus" in line for line in lines] == [False, True, False, False]


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        (BEGINNING + "{{ bypass_address }}", None, "'reference' is missing"),
        (BEGINNING + "{{ reference }}", None, "'bypass_address' is missing"),
        ("No. {{ address }} {{ bypass_address }} {{ reference }}", None, "it must begin with 'Your IP address"),
        (BEGINNING + "Grüße {{ bypass_address }} {{ reference }}", None, "ASCII"),
        (BEGINNING + "{{ bypass_address }} {{ reference }} " + "x" * 130, None, "longer than 240 characters for 2001:"),
        (BEGINNING + "\n{{ recipient }}", 5, "'recipient' is not a variable"),
        (BEGINNING + "\n{{ address.x }}", 5, "has no attribute 'x'"),
    ],
)
def test_what_a_refusal_cannot_do_without_is_told(body, line, message):
    (found, *_) = faults(body)

    assert found[0] == line
    assert message in found[1]


def test_the_programs_own_words_stand_in_for_a_template_that_is_not_in_order(tmp_path):
    library = write_library(tmp_path, refusal='+++\ntitle = "x"\n+++\nGo away.\n')
    words = RefusalWords(library, CONTACT)

    assert [problem.name for problem in words.problems]
    assert words.text(USUAL, CONTACT, REFERENCE) == refusal_text(USUAL, CONTACT, REFERENCE)


@given(list_name=st.text(max_size=300), local=st.from_regex(r"[a-z]{1,60}", fullmatch=True))
def test_whatever_a_list_is_called_the_line_is_one_short_line_of_ascii(list_name, local):
    text = RefusalWords(SHIPPED, CONTACT).text(WIDEST, f"{local}@example.com", REFERENCE, list_name)

    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= LONGEST
    assert REFERENCE in text
    assert f"{local}@example.com" in text
