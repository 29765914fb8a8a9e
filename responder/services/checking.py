"""Is a template fit to be sent? It is rendered with every sample, in every language in which it may be used."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from html import unescape

from responder.domain.outbound import Kind
from responder.domain.refusal_text import contact_for
from responder.services.letter import SITE_VARIABLES, VARIABLES, Letter, LetterDecision
from responder.services.refusal_words import REFUSAL_VARIABLES, find_refusal_errors
from responder.services.rendering import MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, Page, Renderer
from responder.services.samples import SAMPLES
from responder.services.sandbox import check_source
from responder.services.templates.file import (
    ANSWER,
    GUIDES,
    REFUSAL,
    Problem,
    Template,
    TemplateError,
    parse_template,
)
from responder.services.templates.library import Library

MAX_RENDER_SECONDS = 0.3
"""Of one processor, for one sample; shipped ones take some hundredths at the first time."""

_TRIES = 3
"""What is slow is slow each time; one slow time is compiling, which comes once, or a processor shared with others."""

_SHOWN = 60
_BEGINNING = 200
_TAG = re.compile(r"<(?:style>[^<]*</style|[^<>]*)>")
MakeRenderer = Callable[[Library], Renderer]


def variables_of(name: str) -> Mapping[str, str]:
    """Give what the template `name` may use, each with what it means."""
    if name == REFUSAL:
        return REFUSAL_VARIABLES
    return SITE_VARIABLES if "/" in name else VARIABLES


def samples_of(name: str) -> dict[str, Letter]:
    """Give the samples that the template `name` words: its own, or all where it has none."""
    own = {key: sample for key, sample in SAMPLES.items() if sample.template == name}
    return own or dict(SAMPLES)


def check_text(
    library: Library, make_renderer: MakeRenderer, name: str, locale: str, text: str
) -> tuple[Template | None, list[Problem]]:
    """Read and check the text of a template as if it were published in `library`; None where it cannot be read."""
    try:
        template = parse_template(name, locale, text)
    except TemplateError as error:
        return None, [Problem(name, locale, error.line, error.message, error.column)]
    return template, check_draft(library, make_renderer, template)


def check_draft(library: Library, make_renderer: MakeRenderer, draft: Template) -> list[Problem]:
    """Give all that is wrong with `draft`, and with the messages that would hold it, if it were published."""
    renderer = make_renderer(library.with_drafts([draft]))
    problems = check_template(renderer, draft)
    if problems or not draft.is_part:
        return problems
    holders = [template for template in library.templates if template.is_message and _may_hold(template, draft)]
    found = _problems_of(renderer, holders)
    if found:
        known = set(_problems_of(make_renderer(library), holders))
        found = [problem for problem in found if problem not in known]
    return [Problem(draft.name, draft.locale, None, f"with it, {problem}") for problem in found]


def _may_hold(message: Template, part: Template) -> bool:
    """Tell whether the samples of `message` have `part`."""
    if part.name.startswith(GUIDES):
        return any(part.key in sample.guides for sample in samples_of(message.name).values())
    decisions = (sample.decision or LetterDecision() for sample in samples_of(message.name).values())
    return any(part.key in decision.paragraphs for decision in decisions)


def _problems_of(renderer: Renderer, templates: Iterable[Template]) -> list[Problem]:
    return [problem for template in templates for problem in check_template(renderer, template)]


def check_template(renderer: Renderer, template: Template) -> list[Problem]:
    """Give all that is wrong with `template`: what may not stand in it, or else what goes wrong with a sample."""
    if template.name == REFUSAL:
        errors = list(find_refusal_errors(template, contact_for([renderer.bypass_address]) or renderer.bypass_address))
    else:
        errors = list(check_source_of(template)) or list(_sample_errors(renderer, template))
    problems = [template.problem(error) for error in errors]
    return list(dict.fromkeys(problems))


def find_problems(library: Library, renderer: Renderer) -> list[Problem]:
    """Give what is wrong with any template in use: its text, its words, or how it comes out with a sample."""
    return [*library.problems, *_problems_of(renderer, library.templates)]


def check_source_of(template: Template) -> Iterator[TemplateError]:
    """Give what may not stand in `template`, without rendering it."""
    known = frozenset(variables_of(template.name))
    for error in check_source(template.subject, known):
        yield TemplateError(f"subject: {error.message}", subject_line(template))
    for error in check_source(template.body, known):
        yield TemplateError(error.message, error.line and error.line + template.body_line - 1, error.column)


def subject_line(template: Template) -> int | None:
    """Give the line of the file in which the subject stands."""
    lines = template.text.split("\n")[: template.body_line]
    return next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith("subject")), None)


def _sample_errors(renderer: Renderer, template: Template) -> Iterator[TemplateError]:
    """Try every sample in every language; the same fault is told once, with the first that shows it."""
    told: set[tuple[str, int | None]] = set()
    for locale in _locales_of(renderer.library, template):
        for name, sample in samples_of(template.name).items():
            case = f"sample {name!r}" + ("" if locale == template.locale else f" in {locale}")
            for _ in range(_TRIES):
                started = time.thread_time()
                errors = list(_errors_with(renderer, template, replace(sample, locale=locale)))
                if time.thread_time() - started <= MAX_RENDER_SECONDS:
                    break
            else:
                yield TemplateError(f"takes too long to render; make it shorter and simpler ({case})")
                return
            for error in errors:
                if (error.message, error.line) not in told:
                    told.add((error.message, error.line))
                    yield TemplateError(f"{error.message} ({case})", error.line, error.column)
        if told:
            return


def _errors_with(renderer: Renderer, template: Template, letter: Letter) -> Iterator[TemplateError]:
    try:
        page = renderer.page(template, letter)
    except TemplateError as error:
        yield error
        return
    for message in _page_faults(renderer, template, letter, page):
        yield TemplateError(message)


def _locales_of(library: Library, template: Template) -> list[str]:
    """Give the languages in which `template` may be used: its own, and those that fall back to it."""
    if template.is_part:
        return [template.locale]
    names = dict.fromkeys((template.locale, *library.locales))
    return [
        name for name in names if template.locale in {each.locale for each in library.candidates(template.name, name)}
    ]


def _page_faults(renderer: Renderer, template: Template, letter: Letter, page: Page) -> Iterator[str]:
    """Give what is wrong with one rendered page."""
    parts = {"text": _words(page.text), "HTML": _words(unescape(_TAG.sub("", page.html)))}
    wanted = [*template.literals, *([] if template.is_part else _must_say(letter))]
    for part, words in parts.items():
        if not words:
            yield f"the {part} part is empty"
        for literal in wanted:
            if _words(literal) not in words:
                yield f"{_shortened(literal)!r} does not come through unchanged in the {part} part"
        if letter.kind is Kind.REPLY and template.is_message:
            yield from _missing_help(renderer, letter, part, words)
    if len(page.text.encode()) > MAX_TEXT_BYTES:
        yield f"the text part is over {MAX_TEXT_BYTES:,} bytes"
    if len(page.text.encode()) + len(page.html.encode()) > MAX_MESSAGE_BYTES:
        yield f"the message is over {MAX_MESSAGE_BYTES:,} bytes"


def _must_say(letter: Letter) -> list[str]:
    """Give what the receiver of `letter` cannot do without: the reference, and what a person wrote to them."""
    decision = letter.decision or LetterDecision()
    return [each for each in (letter.reference, decision.reason, decision.text) if each]


def _missing_help(renderer: Renderer, letter: Letter, part: str, words: str) -> Iterator[str]:
    """Give what an answer lacks: one guide at least, and a way to each list that has the address, or to all of ours."""
    bodies = list(_guide_bodies(renderer, letter, part)) if letter.template == ANSWER else []
    if bodies and not any(body in words for body in bodies):
        yield f"there is no guide in the {part} part; print {{{{ own_guide.body }}}} or loop over other_guides"
    for each in (letter.evidence and letter.evidence.listings) or renderer.blocklists:
        ways = [way for way in (each.removal, each.contact) if way]
        if ways and not any(way in words for way in ways):
            yield f"the {part} part leads nobody to {each.name}; print the .removal or .contact of each list"


def _guide_bodies(renderer: Renderer, letter: Letter, part: str) -> Iterator[str]:
    """Give how the guides of `letter` begin, those that can be rendered."""
    for key in letter.guides:
        for guide in renderer.library.candidates(GUIDES + key, letter.locale):
            try:
                page = renderer.page(guide, letter)
            except TemplateError:
                continue
            yield _words(page.text if part == "text" else unescape(_TAG.sub("", page.html)))[:_BEGINNING]


def _words(text: str) -> str:
    """Give `text` with single spaces: where a line is broken is no matter."""
    return " ".join(text.split())


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
