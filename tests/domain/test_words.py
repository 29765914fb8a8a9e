"""Words: the same for what was written and for what is looked for, in linear time whatever was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.words import domain_word, domain_words, has_terms, read_terms, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Our Server, refused!", ["our", "server", "refused"]),
        ("203.0.113.9", ["203", "0", "113", "9"]),
        ("Ünïcode Straße İstanbul", ["unicode", "strasse", "istanbul"]),
        ("snake_case a-b", ["snake", "case", "a", "b"]),
        ("\ufb01ne \uff12", ["fine", "2"]),
        ("доставка メール", ["доставка", "メール"]),
        ("\0\x1b[2J\u202e \ud800", ["2j"]),
        ("", []),
        ("x" * 100, ["x" * 64]),
    ],
)
def test_words_are_letters_and_digits_without_case_and_accents(text, words):
    assert split_words(text, 100) == words


def test_no_more_words_than_wanted():
    assert split_words("a b c", 2) == ["a", "b"]


@pytest.mark.parametrize(
    ("typed", "is_there"),
    [
        ("ref", True),
        ("efused", False),
        ("server OUR", True),
        ("113.9", True),
        ("113.10", False),
        ("ann@shop", True),
        ("shop@ann", False),
        ("server nothing", False),
        ("!!", True),
    ],
)
def test_terms_are_beginnings_of_words_that_follow_one_another(typed, is_there):
    words = " ".join(split_words("Our server 203.0.113.9 was refused, Ann <ann@shop.example>", 100))
    assert has_terms(words, read_terms(typed)) is is_there


def test_what_is_typed_is_bounded():
    assert len(read_terms("word " * 1000)) == 8
    assert len(read_terms("a." * 1000)[0]) == 16


def test_a_domain_is_found_by_those_above_it():
    words = domain_words("Mail.Shop.Example.")
    assert words == [domain_word("mail.shop.example"), domain_word("shop.example"), domain_word("example")]
    assert domain_word("hop.example") not in words
    assert all(word.isalnum() and word.isascii() for word in words)


@given(st.text())
def test_any_text_has_words_that_every_database_takes(text):
    for word in (*split_words(text, 1000), *domain_words(text)):
        assert word
        assert len(word) <= 64
        word.encode()
        assert " " not in word
        assert "\0" not in word


@pytest.mark.parametrize("piece", ["a\u0300", "\u0300", "\ufdfa", "_", "a_"])
def test_a_quarter_of_a_mebibyte_of_marks_is_split(piece):
    assert len(split_words(piece * (256 * 1024 // len(piece)), 1000)) <= 1000
