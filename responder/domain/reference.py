"""References: the ten characters by which senders and staff name a request (Crockford's base32, `XXXXX-XXXXX`)."""

import re

REFERENCE_BITS = 50

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARACTERS = 10
_HALF = 5
_READ_AS = str.maketrans("OIL", "011")
# Found by its dash, which is rare, and what is before that looked at afterwards: many times as fast.
_IN_TEXT = re.compile(r"-(?<=(?<![0-9A-Za-z-])[0-9A-Za-z]{5}-)[0-9A-Za-z]{5}(?![0-9A-Za-z-])")
_SUBJECT_CHARACTERS = 1_000


class NoReferenceError(ValueError):
    """Text that is no reference."""


def make_reference(bits: int) -> str:
    """Give the reference that stands for `bits`, a number of which the lowest `REFERENCE_BITS` count."""
    characters = "".join(_ALPHABET[bits >> shift & 31] for shift in range(REFERENCE_BITS - 5, -1, -5))
    return _print(characters)


def parse_reference(text: str) -> str:
    """Give the reference that `text` spells as it is printed.

    Case, blanks around it and the dash do not matter; `O`, `I` and `L` are read as the digits that they look like.

    Raises:
        NoReferenceError: `text` is no reference.
    """
    characters = text.strip().upper().translate(_READ_AS)
    if len(characters) == _CHARACTERS + 1 and characters[_HALF] == "-":
        characters = characters[:_HALF] + characters[_HALF + 1 :]
    if len(characters) != _CHARACTERS or not set(characters) <= set(_ALPHABET):
        raise NoReferenceError("a reference has ten letters and digits, as in 7K3QW-0M9XT")
    return _print(characters)


def find_references(text: str, *, characters: int = _SUBJECT_CHARACTERS) -> tuple[str, ...]:
    """Give every reference that stands in the first `characters` of `text`, as printed, in order and without repeats.

    Words of the same shape are taken too (`first-class`): what looks like a reference still has to exist.
    """
    found: dict[str, None] = {}
    for match in _IN_TEXT.finditer(text, 0, characters):
        try:
            found[parse_reference(text[match.start() - _HALF : match.end()])] = None
        except NoReferenceError:
            continue
    return tuple(found)


def _print(characters: str) -> str:
    return f"{characters[:_HALF]}-{characters[_HALF:]}"
