"""A published guide as a page of its own."""

from dataclasses import dataclass

from responder.services.rendering import Renderer
from responder.services.samples import SAMPLES
from responder.services.templates.file import GUIDES, TemplateError

_NOBODY = next(iter(SAMPLES.values()))  # a guide says the same to all


@dataclass(frozen=True, slots=True)
class GuidePage:
    """A guide: its title, the language that it is in, and its HTML, made by us of checked Markdown."""

    title: str
    locale: str
    html: str


def read_guide(words: Renderer, locale: str, key: str) -> GuidePage | None:
    """Give the guide `key` in `locale`, else in the best language that there is; None where there is none."""
    for template in words.library.candidates(GUIDES + key, locale):
        try:
            page = words.page(template, _NOBODY)
        except TemplateError:
            continue
        return GuidePage(template.title, template.locale, page.html)
    return None
