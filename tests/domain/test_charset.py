"""Octets and encoded words as text, whatever character set they declare."""

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.charset import decode_base64, decode_text, decode_words, one_line, readable


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("utf-8", "utf-8", "Größe"),
        ("UTF-8", "utf-8", "Größe"),
        ("iso-8859-1", "latin-1", "Größe"),
        ("iso-8859-15", "iso8859-15", "5 €"),
        ("windows-1252", "cp1252", "“5 €”"),
        ("Windows-1251", "cp1251", "почта"),
        ("koi8-r", "koi8-r", "почта"),
        ("iso-2022-jp", "iso2022_jp", "拒否"),
        ("shift_jis", "shift_jis", "拒否"),
        ("gb2312", "gb2312", "退信"),
        ("big5", "big5", "退信"),
        ("euc-kr", "euc_kr", "반송"),
        ("unicode-1-1-utf-7", "utf-7", "Größe"),
        ("utf-16", "utf-16", "Größe"),
    ],
)
def test_declared_character_set(charset, codec, text):
    assert decode_text(text.encode(codec), charset) == text


@pytest.mark.parametrize("charset", ["utf-8", "utf8", "", "x-unknown"])
def test_byte_order_mark_of_utf_8_is_no_text(charset):
    assert decode_text("\ufeffGröße".encode(), charset) == "Größe"
    assert decode_text("a\ufeffb".encode(), charset) == "a\ufeffb"


def test_byte_order_mark_of_utf_8_is_text_elsewhere():
    assert decode_text("\ufeffa".encode(), "iso-8859-1") == "ï»¿a"


def test_latin_1_is_read_as_windows_does():
    assert decode_text(b"\x80 5", "iso-8859-1") == "€ 5"


@pytest.mark.parametrize(
    "charset", ["", "x-unknown", "hex", "rot13", "zlib", "idna", "undefined", "utf\0-8", "a" * 9999]
)
def test_unknown_character_set_is_guessed(charset):
    assert decode_text("Größe".encode(), charset) == "Größe"
    assert decode_text("Größe".encode("latin-1"), charset) == "Größe"


@given(st.binary(max_size=200), st.one_of(st.text(max_size=20), st.sampled_from(["utf-7", "iso-2022-kr", "gb18030"])))
def test_any_octets_are_decoded(octets, charset):
    decode_text(octets, charset)


def test_readable_text_has_plain_line_ends_and_blanks():
    assert readable("a\r\nb\rc\nd\u2028e\u0085f") == "a\nb\nc\nd\ne\nf"
    assert readable("203.0.113.9\u00a0is\u2003listed\tnow") == "203.0.113.9 is listed\tnow"


def test_readable_text_hides_nothing():
    assert readable("2\u200b03.0.1\u00ad13.\u202e9\x00\x07\x1b[31m") == "203.0.113.9[31m"


@given(st.text())
def test_one_line_holds_nothing_that_is_no_character(text):
    line = one_line(text, 50)
    assert len(line) <= 50
    assert line == line.strip()
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line)


@pytest.mark.parametrize(
    "mark", ["\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\ufeff", "\u200b", "\u3164", "\U000e0041"]
)
def test_one_line_drops_what_turns_or_hides_text(mark):
    assert one_line(f"admin{mark}@example.org", 50) == "admin@example.org"


def test_one_line_parts_lines_by_blanks():
    assert one_line("one\r\n\ttwo\u2028three\x00", 50) == "one two three"


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_base64_that_is_cut_or_holds_other_octets(cut):
    encoded = base64.encodebytes(b"Your IP address 203.0.113.9 is listed" * 5)
    decoded = decode_base64(b"*" + encoded[: len(encoded) - 1 - cut] + b"!")
    assert decoded.startswith((b"Your IP address 203.0.113.9 is listed" * 5)[:-4])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "Größe"),
        ("=?ISO-8859-1?Q?Gr=F6=DFe_2?= now", "Größe 2 now"),
        ("=?utf-8?b?R3LDtsOfZQ==?=", "Größe"),
        ("=?utf-8*de?b?R3LDtsOfZQ?=", "Größe"),
        ("=?utf-8?b?R3LD?= =?utf-8?b?tsOfZQ==?=", "Größe"),
        ("=?utf-8?q?one?= =?utf-8?q?_two?=", "one two"),
        ("=?utf-8?q?one?= and =?utf-8?q?two?=", "one and two"),
        ("=?koi8-r?b?8M/e1ME=?= =?utf-8?q?!?=", "Почта!"),
        ("=?x?q?unfinished", "=?x?q?unfinished"),
        ("=?utf-8?x?other?=", "=?utf-8?x?other?="),
        ("=?hex?q?4142?=", "4142"),
        ("=?undefined?b?QUI=?=", "AB"),
    ],
)
def test_encoded_words(value, text):
    assert decode_words(value) == text


@given(st.lists(st.sampled_from(["=?", "?=", "utf-8", "hex", "?q?", "?b?", "=0D=0A", "Zm9v", " ", "\0", "é", "="])))
def test_any_encoded_words_are_decoded(pieces):
    decode_words("".join(pieces))


def test_twenty_thousand_encoded_words_are_decoded():
    assert decode_words("=?utf-8?q?a?= " * 20_000).count("a") == 20_000
