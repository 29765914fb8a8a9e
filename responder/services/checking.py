"""Is a template fit to be sent? It is rendered with every sample before anybody gets it."""

import re
from collections.abc import Iterator
from html import unescape

from responder.services.letter import SITE_VARIABLES, VARIABLES, Letter
from responder.services.library import Problem, Template, TemplateError
from responder.services.rendering import MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, Page, Renderer
from responder.services.samples import SAMPLES
from responder.services.sandbox import check_source

_TAG = re.compile(r"<(?:style>[^<]*</style|[^<>]*)>")


def check_template(renderer: Renderer, template: Template) -> list[Problem]:
    """Give all that is wrong with `template`: what may not stand in it, or else what goes wrong with a sample."""
    errors = list(_source_errors(template)) or list(_sample_errors(renderer, template))
    problems = [template.problem(error) for error in errors]
    return list(dict.fromkeys(problems))


def _source_errors(template: Template) -> Iterator[TemplateError]:
    known = frozenset(SITE_VARIABLES if template.is_guide else VARIABLES)
    for error in check_source(template.subject, known):
        yield TemplateError(f"subject: {error.message}")
    for error in check_source(template.body, known):
        yield TemplateError(error.message, error.line and error.line + template.body_line - 1)


def _sample_errors(renderer: Renderer, template: Template) -> Iterator[TemplateError]:
    for name, letter in SAMPLES.items():
        try:
            page = renderer.page(template, letter)
        except TemplateError as error:
            yield error
            continue
        for message in _page_faults(template, letter, page):
            yield TemplateError(f"{message} (sample {name!r})")
            break


def _page_faults(template: Template, letter: Letter, page: Page) -> Iterator[str]:
    """Give what is wrong with one rendered page."""
    parts = {"text": _words(page.text), "HTML": _words(unescape(_TAG.sub("", page.html)))}
    wanted = [*template.literals] if template.is_guide else [*template.literals, letter.reference]
    for part, words in parts.items():
        if not words:
            yield f"the {part} part is empty"
        for literal in wanted:
            if _words(literal) not in words:
                yield f"{literal!r} does not come through unchanged in the {part} part"
    if len(page.text.encode()) > MAX_TEXT_BYTES:
        yield f"the text part is over {MAX_TEXT_BYTES:,} bytes"
    if len(page.text.encode()) + len(page.html.encode()) > MAX_MESSAGE_BYTES:
        yield f"the message is over {MAX_MESSAGE_BYTES:,} bytes"


def _words(text: str) -> str:
    """Give `text` with single spaces: where a line is broken is no matter."""
    return " ".join(text.split())
