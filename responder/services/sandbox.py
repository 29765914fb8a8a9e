"""Template expressions without power: a small part of Jinja2 over plain data.

Two walls stand one behind the other. The parsed tree may hold only what `responder.services.sandbox_rules` lists; and
the environment here resolves an attribute only as a key of a dictionary, in Jinja2's immutable sandbox. Time is bounded
because loops run over given lists, two deep at most, and size because output is counted while it is made.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError
from jinja2 import Template as CompiledTemplate
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from responder.services.library import TemplateError
from responder.services.sandbox_rules import FILTERS, LOOP_ATTRIBUTES, find_faults

MAX_OUTPUT_CHARACTERS = 64 * 1024
MAX_VALUE_CHARACTERS = 500

# Private characters around what an expression printed. The library lets none into a template, values lose theirs.
_VALUE, _LINK, _GUIDE, _END = "\uf8f0", "\uf8f1", "\uf8f2", "\uf8ff"
_PRINTED = re.compile(f"([{_VALUE}{_LINK}{_GUIDE}])([^{_END}]*){_END}")
# Control, bidirectional and zero-width characters, separators of lines, lone surrogates, private characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufeff\ufff0-\ufffb"
    "\U000e0000-\U000e0fff]+"
)


class _Link(str):
    """A web address or mailbox to be shown as a link."""

    __slots__ = ()


class GuideBody(str):
    """Stands for the body of a guide: the guide's key. Printed alone on a line, the guide appears there."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Printed:
    """What a template gave.

    Attributes:
        pieces: Markdown, with one private character for each value; between two pieces stands a guide.
        guides: the keys of those guides, one fewer than `pieces`.
        values: per piece the values in order, each with whether it is a link.
    """

    pieces: tuple[str, ...]
    guides: tuple[str, ...]
    values: tuple[tuple[tuple[str, bool], ...], ...]


FIRST_PLACEHOLDER = 0xE000
_MAX_PLACEHOLDERS = 0x1000


def clean_value(value: str) -> str:
    """Give `value` on one line without characters that hide, reorder or break text, at most 500 characters."""
    return _UNPRINTABLE.sub(" ", value[:MAX_VALUE_CHARACTERS]).strip()


def _finalize(value: object) -> str:
    """Mark what an expression printed, so that no Markdown is ever read out of it."""
    if isinstance(value, GuideBody):
        return f"{_GUIDE}{clean_value(value)}{_END}"
    if isinstance(value, _Link):
        return f"{_LINK}{clean_value(value)}{_END}"
    if isinstance(value, Undefined):
        str(value)  # raises, with the name
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise TemplateError(f"a {type(value).__name__} cannot be printed")
    return f"{_VALUE}{clean_value(str(value))}{_END}"


class _Environment(ImmutableSandboxedEnvironment):
    """Attributes are keys of dictionaries, and what a loop knows about itself; nothing else."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Give the value of a key, else an undefined value."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in LOOP_ATTRIBUTES:
            return getattr(obj, attribute)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Give the same as for an attribute."""
        return self.getattr(obj, str(argument))


def _make_environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, finalize=_finalize, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    shipped = environment.filters
    environment.globals.clear()
    environment.tests.clear()
    environment.filters = {name: shipped[name] for name in FILTERS & shipped.keys()} | {"link": _link}
    return environment


def _link(value: object) -> _Link:
    if not isinstance(value, str):
        raise TemplateError("only text can be a link")
    return _Link(value)


_environment = _make_environment()


@lru_cache(maxsize=256)
def compile_body(source: str, variables: frozenset[str]) -> CompiledTemplate:
    """Compile `source`, which may use `variables`.

    Raises:
        TemplateError: the first thing that is wrong, with its line in `source`.
    """
    if problems := check_source(source, variables):
        raise problems[0]
    try:
        return _environment.from_string(source)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise TemplateError("blocks are nested too deeply") from error


def check_source(source: str, variables: frozenset[str]) -> list[TemplateError]:
    """Give all that is not allowed in `source`, with lines counted from 1 in `source`."""
    try:
        tree = _environment.parse(source)
        return list(find_faults(tree, variables))
    except TemplateSyntaxError as error:
        return [TemplateError(error.message or "not a template", error.lineno)]
    except RecursionError:
        return [TemplateError("expressions are nested too deeply")]


def run(template: CompiledTemplate, context: Mapping[str, object]) -> Printed:
    """Give what `template` prints from `context` (text, numbers, lists, dictionaries).

    Raises:
        TemplateError: it cannot be rendered: an undefined variable, too much output.
    """
    return _separate(_generate(template, context))


def run_line(template: CompiledTemplate, context: Mapping[str, object]) -> str:
    """Give what `template` prints as plain text on one line, such as a subject.

    Raises:
        TemplateError: as `run`.
    """
    return clean_value(_PRINTED.sub(lambda match: match[2], _generate(template, context)))


def _generate(template: CompiledTemplate, context: Mapping[str, object]) -> str:
    try:
        return "".join(_bounded(template.generate(context)))
    except UndefinedError as error:
        raise TemplateError(error.message or "an undefined variable", _line_of(error)) from error
    except TemplateError as error:
        raise TemplateError(error.message, error.line or _line_of(error)) from error
    except Exception as error:  # comparing text with numbers, joining what is no list, ...
        raise TemplateError(f"{type(error).__name__}: {error}", _line_of(error)) from error


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    """Give `pieces` until they are too much."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_OUTPUT_CHARACTERS:
            raise TemplateError(f"prints more than {MAX_OUTPUT_CHARACTERS:,} characters")
        yield piece


def _line_of(error: BaseException) -> int | None:
    """Give the line of the template in which `error` arose: Jinja2 rewrites its frames so that they tell."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _separate(output: str) -> Printed:
    """Take the values and guides out of `output`."""
    pieces: list[str] = []
    guides: list[str] = []
    values: list[tuple[tuple[str, bool], ...]] = []
    text: list[str] = []
    here: list[tuple[str, bool]] = []
    # split gives: text, mark, printed, text, mark, printed, ..., text
    parts = cast("list[str]", _PRINTED.split(output))
    for before, mark, printed in zip(parts[0::3], parts[1::3], parts[2::3], strict=False):
        text.append(before)
        if mark == _GUIDE:
            pieces.append("".join(text))
            values.append(tuple(here))
            guides.append(printed)
            text, here = [], []
        elif printed:
            if len(here) >= _MAX_PLACEHOLDERS:
                raise TemplateError("prints too many values")
            text.append(chr(FIRST_PLACEHOLDER + len(here)))
            here.append((printed, mark == _LINK))
    pieces.append("".join([*text, parts[-1]]))
    values.append(tuple(here))
    return Printed(tuple(pieces), tuple(guides), tuple(values))
