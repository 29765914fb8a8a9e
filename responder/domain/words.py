"""Words of a text, and what people type to find them: the same on every database."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

from responder.domain.address import canonical_domain

_WORD = re.compile(r"[^\W_]+")
_LONGEST_WORD = 64
_MOST_TERMS = 8
_MOST_WORDS_OF_TERM = 16
_MOST_LABELS = 12

Term = tuple[str, ...]
"""Words that follow one another; the last one may go on."""


def split_words(text: str, most: int) -> list[str]:
    """Give the first `most` words of `text`: letters and digits, without case and accents, cut at 64 characters."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    if not plain.isascii():
        plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [found[0][:_LONGEST_WORD] for found in islice(_WORD.finditer(plain), most)]


def read_terms(typed: str) -> list[Term]:
    """Give what `typed` asks for: each piece between blanks is one term (`203.0.113.9` has four words)."""
    terms = (tuple(split_words(piece, _MOST_WORDS_OF_TERM)) for piece in typed.split()[:_MOST_TERMS])
    return [term for term in terms if term]


def has_terms(words: str, terms: Iterable[Term]) -> bool:
    """Tell whether every term stands somewhere in `words`, which have one blank between them."""
    text = f" {words}"
    return all(f" {' '.join(term)}" in text for term in terms)


def domain_words(domain: str) -> list[str]:
    """Give one made-up word for `domain` and for each domain above it, by which all that lies under it is found."""
    labels = canonical_domain(domain).split(".")[-_MOST_LABELS:]
    return [domain_word(".".join(labels[start:])) for start in range(len(labels))]


def domain_word(domain: str) -> str:
    """Give the word that stands for `domain` with all that lies under it; nobody writes it."""
    name = canonical_domain(domain).encode("utf-8", "surrogatepass")
    return "dm" + hashlib.blake2b(name, digest_size=10).hexdigest()
