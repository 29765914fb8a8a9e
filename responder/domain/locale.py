"""Which language to answer in: one that the message declares, else the one it is written in, else the default one."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from responder.domain.header import Header
from responder.domain.message import InboundMessage
from responder.domain.own_texts import OwnText

_FIELD_CHARACTERS = 500
_WORDS_CHARACTERS = 4_000
_REPORT_CHARACTERS = 8_000
_FEWEST_WORDS = 3
_ENGLISH = "en"

_COMMENT = re.compile(r"\([^()]{0,200}\)")
_RANGE = re.compile(r"\s*([a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3})\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?", re.ASCII)

# Words that only one of the languages has, of those that people and servers use when they write of refused mail.
_LISTS = {
    "en": """the and is are our your you we it this that have has been from with which please thank thanks hello dear
        address static dynamic blocked rejected sent sending could would should because why what cannot there their they
        them my mine regards unblock whitelist delivered following reached""",
    "de": """der das und ist sind nicht wir ihr ihre ihren ihrer unser unsere unserer unseren unserem mein meine meiner
        meinen bitte danke vielen dank hallo guten tag sehr geehrte damen herren mit von vom auf für wird werden wurde
        wurden kann können haben habe hat warum weil dass diese dieser dieses einen einer eine eines nachricht empfänger
        zugestellt fehler grüßen grüße freundlichen folgende konnte konnten abgelehnt gesperrt blockiert ich sie uns
        über beim zum zur""",
    "fr": """le les et est sont nous vous notre votre nos vos je mon mes avec dans pour sur pas ne ce cette qui une
        bonjour merci cordialement madame monsieur serveur courrier courriel messagerie refusé rejeté bloqué bloquée été
        être avons avez peut pouvez pourquoi parce destinataires n'a remis erreur suivant suivants aux au fixe s'il
        plaît plait""",
    "es": """el los las nosotros usted ustedes nuestro nuestra nuestros sus mi mis por para pero como esta este estos
        está están hola gracias saludos estimado estimados señor señores dirección servidor correo electrónico mensaje
        mensajes rechazado rechazados bloqueado bloqueada ha hemos puede pueden destinatario destinatarios entregado
        entregar siguiente siguientes desde hacia fija del al una""",
}
WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: frozenset(words.split()) for language, words in _LISTS.items()}
)
_KNOWN_WORDS = frozenset().union(*WORDS.values())


def choose_locale(message: InboundMessage, own: Sequence[OwnText], locales: Sequence[str]) -> str:
    """Give the one of `locales`, the default one first, in which to answer `message`, of which `own` are the own texts.

    Content-Language and Accept-Language (RFC 3282) come first, then the words of the person, then those of the report
    that they forward. That a report is in English says nothing: most servers write English to everybody.
    """
    for language in (*_content_languages(message.header), *_accepted_languages(message.header)):
        for locale in (language, language.partition("-")[0]):
            if locale in locales:
                return locale
    if len(locales) < 2:  # noqa: PLR2004 - nothing to choose from
        return locales[0]
    spoken = _language(_persons_words(message.subject, own)) or _foreign_language(_reports_words(message))
    return spoken if spoken is not None and spoken in locales else locales[0]


def _content_languages(header: Header) -> list[str]:
    declared = (header.first("content-language") or "")[:_FIELD_CHARACTERS]
    return declared.lower().replace(",", " ").replace(";", " ").split()


def _accepted_languages(header: Header) -> list[str]:
    """Give the languages of Accept-Language, the most wanted first; what has the weight 0 is not wanted."""
    field = header.first("accept-language")
    if not field:
        return []
    ranges = filter(None, map(_RANGE.fullmatch, _COMMENT.sub(" ", field[:_FIELD_CHARACTERS].lower()).split(",")))
    weighed = [(float(each[2] or 1), each[1]) for each in ranges]
    return [language for weight, language in sorted(weighed, key=lambda pair: -pair[0]) if weight]


def _persons_words(subject: str, own: Sequence[OwnText]) -> dict[str, int]:
    return _count_words(" ".join([subject, *(text.words_of_first(_WORDS_CHARACTERS) for text in own[:3])]))


def _reports_words(message: InboundMessage) -> dict[str, int]:
    return _count_words(" ".join([part.text[:_REPORT_CHARACTERS] for part in message.parts[:10]])[:_REPORT_CHARACTERS])


def _count_words(text: str) -> dict[str, int]:
    """Give for each language how many of its words stand in `text`."""
    known = _KNOWN_WORDS.intersection(text.lower().replace(",", " ").replace(".", " ").split())
    return {language: len(known & words) for language, words in WORDS.items()}


def _language(counts: dict[str, int]) -> str | None:
    """Give the language of a text in which so many words of each language stand; None unless it is clear.

    English next to another language is as a rule a refusal that was copied, so that it must be much more to count.
    """
    foreign = _foreign_language(counts)
    english = counts[_ENGLISH]
    if foreign and 2 * counts[foreign] >= english:
        return foreign
    others = max([count for language, count in counts.items() if language != _ENGLISH])
    return _ENGLISH if english >= max(_FEWEST_WORDS, 2 * others) else None


def _foreign_language(counts: dict[str, int]) -> str | None:
    """Give the language other than English that clearly leads: twice as many of its words as of any other."""
    foreign = sorted([(count, language) for language, count in counts.items() if language != _ENGLISH])
    (others, _), (most, best) = foreign[-2:]
    return best if most >= max(_FEWEST_WORDS, 2 * others) else None
