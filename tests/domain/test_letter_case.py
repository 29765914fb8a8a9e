"""Lower case keeps every character's place, for those too who rely on it to find where a person's words end."""

import pytest

from responder.domain.letter_case import lower_case
from responder.domain.quotation import own_words, without_copy


def test_every_character_keeps_its_place() -> None:
    assert lower_case("A \u0130P \u03a3\u1e9e\u212a\U00010400") == "a ip \u03c3\u00df" + "k\U00010428"
    assert all(len(lower_case(chr(code))) == 1 for code in range(0x110000))


@pytest.mark.parametrize("capital", ["I", "\u0130"])
def test_words_end_where_a_forward_begins(capital: str) -> None:
    words = f"{capital}yi g\u00fcnler,\nsunucu {capital}P\n"
    assert own_words(f"{words}-----Original Message-----\nFrom: a@b.example\n") == words
    assert own_words(f"{words}Mail COULD not be delivered\n") == words
    assert without_copy(f"{words}This is a copy of your message\nrest") == words
