"""How the templates stand: which are edited, which wait as drafts, which languages lack one or are behind."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping

from responder.services.templates.file import Template
from responder.services.templates.library import Library


@dataclass(frozen=True, slots=True)
class Standing:
    """How one template stands in one locale.

    Attributes:
        template: what is in use; None where there are only drafts, or what was taken back.
        draft: number of the version that waits to be published, None without one: the newest, if it never was.
        shipped_changed: the shipped text is no longer the one that staff had before them when they wrote theirs.
        is_behind: it translates an English text that has changed since.
    """

    name: str
    locale: str
    template: Template | None
    draft: int | None = None
    shipped_changed: bool = False
    is_behind: bool = False


def standings(library: Library, newest: Iterable[RowMapping], published: Iterable[RowMapping]) -> list[Standing]:
    """Give how every template stands, by name and locale."""
    newest_of = {(row["name"], row["locale"]): row for row in newest}
    published_of = {(row["name"], row["locale"]): row for row in published}
    in_use = {(template.name, template.locale): template for template in library.templates}
    found: list[Standing] = []
    for name, locale in sorted(in_use.keys() | newest_of.keys()):
        template, newer = in_use.get((name, locale)), newest_of.get((name, locale))
        base, shipped = published_of.get((name, locale)), library.shipped(name, locale)
        found.append(
            Standing(
                name,
                locale,
                template,
                draft=newer["version"] if newer and not newer["was_published"] else None,
                shipped_changed=bool(base and shipped and base["shipped_sha256"] not in {None, shipped.sha256}),
                is_behind=bool(template and _is_behind(template, library.exact(name, "en"))),
            )
        )
    return found


def missing_locales(library: Library) -> dict[str, list[str]]:
    """Give the locales that each template lacks, of those that have an answer; names that lack none are left out."""
    have: dict[str, set[str]] = {}
    for template in library.templates:
        have.setdefault(template.name, set()).add(template.locale)
    lacking = {name: [locale for locale in library.locales if locale not in there] for name, there in have.items()}
    return {name: locales for name, locales in lacking.items() if locales}


def _is_behind(translation: Template, english: Template | None) -> bool:
    """Tell whether the English text is newer: by its digest where the translation names one, else by the time."""
    if english is None or translation.locale == "en":
        return False
    if translation.translates:
        return not english.sha256.startswith(translation.translates.lower())
    at: datetime | None = english.published_at
    return at is not None and (translation.published_at is None or translation.published_at < at)
