import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.reference import (
    REFERENCE_BITS,
    NoReferenceError,
    find_references,
    make_reference,
    parse_reference,
)

BITS = st.integers(0, 2**REFERENCE_BITS - 1)


def test_the_ends_of_the_range_are_printed_in_ten_characters():
    assert make_reference(0) == "00000-00000"
    assert make_reference(1) == "00000-00001"
    assert make_reference(2**REFERENCE_BITS - 1) == "ZZZZZ-ZZZZZ"


@given(BITS, BITS)
def test_different_numbers_have_different_references(one, other):
    assert (make_reference(one) == make_reference(other)) is (one == other)


@given(BITS)
def test_a_reference_is_read_in_each_of_its_spellings(bits):
    reference = make_reference(bits)
    assert not set(reference) & set("ILOU")
    for spelling in (reference, reference.lower(), reference.replace("-", ""), f" {reference}\n"):
        assert parse_reference(spelling) == reference
    assert parse_reference(reference.replace("0", "O").replace("1", "l")) == reference
    assert parse_reference(reference.replace("0", "o").replace("1", "I")) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "7K3QW",
        "7K3QW-0M9X",
        "7K3QW-0M9XTT",
        "7K3Q-W0M9XT",
        "7K3QW--0M9XT",
        "7K3QW 0M9XT",
        "UUUUU-UUUUU",
        "7K3QW-0M9X\u0660",
        "7K3QW-0M9X\u212a",
        "\uff17K3QW-0M9XT",
    ],
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(NoReferenceError):
        parse_reference(text)


@pytest.mark.parametrize(
    ("subject", "references"),
    [
        ("Re: Auto: Your mail [7K3QW-0M9XT]", ("7K3QW-0M9XT",)),
        ("7k3qw-om9xt", ("7K3QW-0M9XT",)),
        ("7K3QW-0M9XT, 00000-00001; 7K3QW-0M9XT", ("7K3QW-0M9XT", "00000-00001")),
        ("(7K3QW-0M9XT).", ("7K3QW-0M9XT",)),
        ("x7K3QW-0M9XT 7K3QW-0M9XTx 7K3QW-0M9XT-1", ()),
        ("7K3QW0M9XT", ()),
        ("mailserver refused", ()),
        ("UUUUU-UUUUU", ()),
        ("", ()),
    ],
)
def test_references_are_found_in_a_subject(subject, references):
    assert find_references(subject) == references


@given(st.text(max_size=200))
def test_what_is_found_is_always_a_reference(subject):
    assert all(parse_reference(reference) == reference for reference in find_references(subject))
