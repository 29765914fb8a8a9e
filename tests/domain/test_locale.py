"""In which language an answer is: what the message declares, what it is written in, or the default one."""

from itertools import combinations

import pytest

from responder.domain.locale import WORDS, choose_locale
from responder.domain.message import read_message
from responder.domain.own_texts import find_own_texts
from responder.services.templates.library import Library

LOCALES = ("en", "de", "es", "fr")

GERMAN = "Guten Tag,\n\nunsere Adresse ist statisch, bitte geben Sie sie frei.\n\nVielen Dank"
FRENCH = "Bonjour,\n\nnotre serveur est bloqué, pouvez-vous nous aider ? Merci pour votre aide."
SPANISH = "Hola,\n\nnuestro servidor está bloqueado. Por favor, la dirección es fija.\n\nGracias"
ENGLISH = "Hello,\n\nour address is static. Could you please unblock it? Thank you"
REFUSAL = (
    "550 5.7.1 Your IP address 192.0.2.25 appears to be dynamically assigned. Please send your mail through the mail"
    " server of your provider. If your address is static, contact bypass@example.com"
)
GERMAN_REPORT = (
    "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n\nuser@example.com\n"
    "Ihre Nachricht wurde nicht zugestellt, weil sie abgelehnt wurde.\n\n" + REFUSAL
)
ENGLISH_REPORT = f"This is the mail system at host mail.example.org.\n\nI'm sorry to have to inform you\n\n{REFUSAL}"


def choose(body="", *fields, locales=LOCALES):
    header = "".join(f"{field}\n" for field in (*fields, "Content-Type: text/plain; charset=utf-8"))
    message = read_message(f"{header}\n{body}\n".encode())
    return choose_locale(message, find_own_texts(message), locales)


@pytest.mark.parametrize(
    ("field", "locale"),
    [
        ("Content-Language: de", "de"),
        ("Content-Language: de-AT", "de"),
        ("Content-Language: it, FR-ca", "fr"),
        ("Content-Language: it", "en"),
        ("Accept-Language: es-MX, en-US", "es"),
        ("Accept-Language: en;q=0.2, fr;q=0.8, de;q=0.5", "fr"),
        ("Accept-Language: en ; q = 0.4 , de", "de"),
        ("Accept-Language: it, de;q=0.1", "de"),
        ("Accept-Language: de;q=0, fr;q=0.001", "fr"),
        ("Accept-Language: (my first) fr, (then) de", "fr"),
        ("Accept-Language: *, de;q=0.5", "de"),
        ("Accept-Language: de;q=2, fr", "fr"),
        ("Accept-Language: de;q=NaN;;;,,, \x00, fr", "fr"),
    ],
)
def test_what_is_declared_decides(field, locale):
    assert choose(GERMAN if locale == "en" and "it" not in field else "", field) == locale


def test_content_language_goes_before_accept_language_and_both_before_words():
    assert choose(SPANISH, "Accept-Language: de", "Content-Language: fr") == "fr"
    assert choose(SPANISH, "Accept-Language: de", "Content-Language: it") == "de"
    assert choose(SPANISH, "Content-Language: it") == "es"


def test_a_regional_locale_is_found_by_its_whole_name():
    assert choose("", "Content-Language: pt-BR", locales=("en", "pt-br")) == "pt-br"


@pytest.mark.parametrize(("text", "locale"), [(GERMAN, "de"), (FRENCH, "fr"), (SPANISH, "es"), (ENGLISH, "en")])
def test_a_person_is_answered_in_the_language_they_write(text, locale):
    default = ("fr", "de", "en", "es") if locale != "fr" else LOCALES
    assert choose(text, locales=default) == locale
    assert choose(f"{text}\n\n{REFUSAL}", locales=default) == locale
    assert choose(f"{text}\n\n-----Original Message-----\n{GERMAN_REPORT}", locales=default) == locale
    assert choose(f"<html><body><p>{text}</p></body></html>", locales=default) == locale


def test_the_words_of_a_report_decide_where_the_person_says_nothing():
    assert choose(f"-----Original Message-----\n{GERMAN_REPORT}") == "de"


def test_a_report_in_english_says_nothing_about_its_reader():
    assert choose(ENGLISH_REPORT, locales=("de", "en")) == "de"
    assert choose(ENGLISH_REPORT, locales=("en", "de")) == "en"


@pytest.mark.parametrize(
    "text", ["", "bitte danke", "le la les der das die", "ich und bitte nous vous est", "\x00\xff" * 5000]
)
def test_what_is_not_clear_gets_the_default_language(text):
    assert choose(text, locales=("es", "en", "fr", "de")) == "es"


def test_a_language_without_templates_gets_the_default_one():
    assert choose(FRENCH, locales=("en", "de")) == "en"
    assert choose(FRENCH, locales=("en",)) == "en"


def test_no_word_stands_for_two_languages():
    for one, other in combinations(WORDS, 2):
        assert not WORDS[one] & WORDS[other]


def test_every_shipped_locale_is_recognised_by_its_own_answer():
    library = Library()

    assert WORDS.keys() == set(library.locales)
    for locale in library.locales:
        answer = library.find("answer", locale)
        assert choose(answer.body, locales=("xx", *library.locales)) == locale


@pytest.mark.parametrize("body", ["the " * 65_536, "(" * 262_144, "der,das." * 32_768, "> " * 131_072])
@pytest.mark.parametrize("field", ["Accept-Language: " + "(" * 60_000, "Accept-Language: " + "de;q=0." * 8_000])
def test_hostile_input_is_read_no_further_than_the_limits(body, field):
    assert choose(body, field, locales=("es", "en", "fr", "de")) == "es"
