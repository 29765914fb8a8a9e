"""A template as its author looks at it before anybody gets it: what it says in one case, and what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from responder.services.checking import check_source_of, check_text, variables_of
from responder.services.letter import Letter, letter_context
from responder.services.refusal_words import sample_refusals
from responder.services.rendering import Page, Renderer
from responder.services.templates.desk import TemplateDesk
from responder.services.templates.file import REFUSAL, Problem, Template, TemplateError, parse_template
from responder.services.templates.library import Library

_EXAMPLE_CHARACTERS = 60
_REFUSAL_EXAMPLES = {
    "address": "203.0.113.9",
    "reference": "9K3QF-2M7XA",
    "list_name": "Spamhaus PBL",
    "advice": "long",
}
_PARTS = {"own_guide": "group", "other_guides": "list", "paragraphs": "list"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A problem, with the line of the text that it is about, split where the problem begins."""

    problem: Problem
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What one text of a template looks like.

    Attributes:
        page: what it says in the case at hand; None where it cannot be rendered.
        faults: what keeps it from being published; empty where it was checked in the one case only and that worked.
        is_checked: it was tried with every case.
    """

    page: Page | None
    faults: tuple[Fault, ...]
    is_checked: bool

    @property
    def html(self) -> str:
        """What the HTML part holds; made by us of Markdown."""
        return self.page.inner_html if self.page else ""


@dataclass(frozen=True, slots=True)
class Variable:
    """What a template may use: its name, whether it is a text, a group or a list, what it means, and an example.

    `snippet` is what stands in a template to print it.
    """

    name: str
    kind: str
    meaning: str
    example: str
    snippet: str


def look_at(
    desk: TemplateDesk, library: Library, place: tuple[str, str], text: str, letter: Letter, *, thoroughly: bool
) -> Look:
    """Look at `text` as the template `place` (name, locale) in the case `letter`; in every case where `thoroughly`."""
    name, locale = place
    if thoroughly:
        template, problems = check_text(library, desk.make_renderer, name, locale, text)
    else:
        template, problems = _read(name, locale, text)
    page = None
    if template:
        try:
            page = _page(desk, library, template, letter)
        except TemplateError as error:
            problems = problems or [template.problem(error)]
    return Look(page, tuple(_fault(problem, text) for problem in problems), thoroughly)


def _read(name: str, locale: str, text: str) -> tuple[Template | None, list[Problem]]:
    try:
        template = parse_template(name, locale, text)
    except TemplateError as error:
        return None, [Problem(name, locale, error.line, error.message, error.column)]
    return template, [template.problem(error) for error in check_source_of(template)]


def _page(desk: TemplateDesk, library: Library, template: Template, letter: Letter) -> Page:
    if template.name == REFUSAL:
        return Page("", tuple(f"{line}\n\n" for line in sample_refusals(template)), ())
    renderer = desk.make_renderer(library.with_drafts([template]))
    return renderer.page(template, replace(letter, template=template.name, locale=template.locale))


def _fault(problem: Problem, text: str) -> Fault:
    lines = text.replace("\r\n", "\n").split("\n")
    if not problem.line or problem.line > len(lines):
        return Fault(problem)
    line, at = lines[problem.line - 1], (problem.column or 1) - 1
    return Fault(problem, line[:at], line[at:])


def describe_variables(renderer: Renderer, name: str, letter: Letter) -> list[Variable]:
    """Give what the template `name` may use, with examples from the case `letter`."""
    context: Mapping[str, Any] = renderer.site | letter_context(letter)
    if name == REFUSAL:
        context = {"bypass_address": renderer.bypass_address, **_REFUSAL_EXAMPLES}
    return [_variable(key, meaning, context.get(key)) for key, meaning in variables_of(name).items()]


def _variable(name: str, meaning: str, value: object) -> Variable:
    kind = _PARTS.get(name) or ("list" if isinstance(value, list) else "group" if isinstance(value, dict) else "text")
    first = value[0] if isinstance(value, list) and value else value
    keys = tuple(first) if isinstance(first, dict) else ("title", "body") if name in _PARTS else ()
    example = ", ".join(str(each) for each in first.values() if each) if isinstance(first, dict) else str(first or "")
    return Variable(name, kind, meaning, example[:_EXAMPLE_CHARACTERS], _snippet(name, kind, keys))


def _snippet(name: str, kind: str, keys: tuple[str, ...]) -> str:
    if kind == "text":
        return f"{{{{ {name} }}}}"
    if kind == "group":
        return " ".join(f"{{{{ {name}.{key} }}}}" for key in keys[:1])
    inner = "each" if not keys else f"each.{keys[0]}"
    return f"{{% for each in {name} %}}\n- {{{{ {inner} }}}}\n{{% endfor %}}"
