"""Template expressions without power: a small part of Jinja2 over plain data.

Two walls stand one behind the other. The parsed tree may hold only what `responder.services.sandbox.rules` lists; and
the environment here resolves an attribute only as a key of a dictionary, in Jinja2's immutable sandbox, and has no
filters but our own. Time is bounded because loops run over given lists only and each pays for its turns before it
begins, and size because output is counted while it is made.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2 import Template as CompiledTemplate
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from responder.services.sandbox.filters import (
    BUDGET,
    EACH,
    FILTER_FUNCTIONS,
    MAX_VALUE_CHARACTERS,
    Budget,
    Joined,
    Link,
)
from responder.services.sandbox.rules import LOOP_ATTRIBUTES, find_faults
from responder.services.templates.file import TemplateError

MAX_OUTPUT_CHARACTERS = 32 * 1024
MAX_PASSAGE_CHARACTERS = 4_000

# Private characters around what an expression printed. The library lets none into a template, values lose theirs.
_VALUE, _LINK, _PART, _END = "\uf8f0", "\uf8f1", "\uf8f2", "\uf8ff"
_PRINTED = re.compile(f"([{_VALUE}{_LINK}{_PART}])([^{_END}]*){_END}")
# Control, bidirectional and zero-width characters, separators of lines, lone surrogates, private characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\uf8ff\ufeff\ufff0-\ufffb"
    "\U000e0000-\U000e0fff]+"
)


_QUOTED = re.compile("'([^']{1,60})'")


class Passage(str):
    """Text of several lines, which stays as it was typed."""

    __slots__ = ()


class PartBody(str):
    """Stands for the body of a guide or deny reason: its name. Printed alone on a line, that body appears there."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Printed:
    """What a template gave.

    Attributes:
        pieces: Markdown, with `PLACEHOLDER` for each value; between two pieces stands a part.
        parts: the names of those parts (guides, deny reasons), one fewer than `pieces`.
        values: per piece the values in order, each with whether it is a link.
    """

    pieces: tuple[str, ...]
    parts: tuple[str, ...]
    values: tuple[tuple[tuple[str, bool], ...], ...]


PLACEHOLDER = "\x1a"  # SUBSTITUTE, which as other control characters stands in no template and no value
_MAX_PLACEHOLDERS = 0x1000


def clean_value(value: str) -> str:
    """Give `value` on one line without characters that hide, reorder or break text, at most 500 characters."""
    return _replace_unprintable(value[:MAX_VALUE_CHARACTERS]).strip()


def clean_passage(value: str) -> str:
    """Give `value` with its lines, without what hides, reorders or breaks text, at most 4,000 characters."""
    lines = value[:MAX_PASSAGE_CHARACTERS].replace("\r\n", "\n").split("\n")
    return "\n".join([_replace_unprintable(line).rstrip() for line in lines]).strip("\n")


def _replace_unprintable(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(" ", text)


def _finalize(value: object) -> str:
    """Mark what an expression printed, so that no Markdown is ever read out of it."""
    if type(value) is str:
        return f"{_VALUE}{clean_value(value)}{_END}"
    if isinstance(value, PartBody):
        return f"{_PART}{clean_value(value)}{_END}"
    if isinstance(value, Passage | Joined):
        return f"{_VALUE}{clean_passage(value)}{_END}"
    if isinstance(value, Link):
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
    environment.globals.clear()
    environment.tests.clear()
    environment.filters = dict(FILTER_FUNCTIONS)
    return environment


_environment = _make_environment()


@lru_cache(maxsize=256)
def compile_body(source: str, variables: frozenset[str]) -> CompiledTemplate:
    """Compile `source`, which may use `variables`.

    Raises:
        TemplateError: the first thing that is wrong, with its line in `source`.
    """
    tree = _parse(source)
    for error in find_faults(tree, variables):
        raise _with_column(error, source)
    return _compile(tree)


def check_source(source: str, variables: frozenset[str]) -> list[TemplateError]:
    """Give all that is not allowed in `source`, with lines counted from 1 in `source`."""
    try:
        tree = _parse(source)
        faults = [_with_column(error, source) for error in find_faults(tree, variables)]
        if not faults:
            _compile(tree)
    except TemplateError as error:
        return [error]
    return faults


def _parse(source: str) -> nodes.Template:
    try:
        return _environment.parse(source)
    except TemplateSyntaxError as error:
        raise _with_column(TemplateError(error.message or "not a template", error.lineno), source) from error
    except (RecursionError, MemoryError) as error:
        raise TemplateError("expressions are nested too deeply") from error
    except ValueError as error:  # a number with more digits than Python reads
        raise TemplateError("there is a number that is too large") from error


def _compile(tree: nodes.Template) -> CompiledTemplate:
    """Compile what was found to be allowed; loops are made to pay."""
    for loop in tree.find_all(nodes.For):
        steps = sum(1 for _ in loop.find_all(nodes.Node))
        loop.iter = nodes.Filter(loop.iter, EACH, [nodes.Const(steps)], [], None, None).set_lineno(loop.lineno)
    tree.set_environment(_environment)
    try:
        return _environment.from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateError(error.message or "not a template", error.lineno) from error
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise TemplateError("blocks are nested too deeply") from error


def _with_column(error: TemplateError, source: str) -> TemplateError:
    """Point to the word that `error` quotes, or else to the first expression in its line."""
    lines = source.split("\n")
    if not error.line or error.line > len(lines):
        return error
    line, word = lines[error.line - 1], _QUOTED.search(error.message)
    places = [line.find(each) for each in ([word[1]] if word else []) + ["{{", "{%", "{#"]]
    column = next((place + 1 for place in places if place >= 0), None)
    return TemplateError(error.message, error.line, column)


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
    return clean_value(_PRINTED.sub(lambda match: match[2], "".join(_generate(template, context))))


def _generate(template: CompiledTemplate, context: Mapping[str, object]) -> list[str]:
    """Give what `template` prints, piece by piece, unless it is too much."""
    try:
        return _bounded(template.generate(context, **{BUDGET: Budget()}))
    except UndefinedError as error:
        raise TemplateError(error.message or "an undefined variable", _line_of(error)) from error
    except TemplateError as error:
        raise TemplateError(error.message, error.line or _line_of(error)) from error
    except Exception as error:  # comparing text with numbers, joining what is no list, ...
        raise TemplateError(f"{type(error).__name__}: {error}", _line_of(error)) from error


def _bounded(pieces: Iterable[str]) -> list[str]:
    bounded: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_OUTPUT_CHARACTERS:
            raise TemplateError(f"prints more than {MAX_OUTPUT_CHARACTERS:,} characters")
        bounded.append(piece)
    return bounded


def _line_of(error: BaseException) -> int | None:
    """Give the line of the template in which `error` arose: Jinja2 rewrites its frames so that they tell."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _separate(output: Iterable[str]) -> Printed:
    """Take the values and parts out of `output`."""
    pieces: list[str] = []
    parts: list[str] = []
    values: list[tuple[tuple[str, bool], ...]] = []
    text: list[str] = []
    here: list[tuple[str, bool]] = []
    for piece in output:
        if _END not in piece:
            text.append(piece)
            continue
        # split gives: text, mark, printed, text, mark, printed, ..., text
        split = cast("list[str]", _PRINTED.split(piece))
        for before, mark, printed in zip(split[0::3], split[1::3], split[2::3], strict=False):
            text.append(before)
            if mark == _PART:
                pieces.append("".join(text))
                values.append(tuple(here))
                parts.append(printed)
                text, here = [], []
            elif printed:
                if len(here) >= _MAX_PLACEHOLDERS:
                    raise TemplateError("prints too many values")
                text.append(PLACEHOLDER)
                here.append((printed, mark == _LINK))
        text.append(split[-1])
    pieces.append("".join(text))
    values.append(tuple(here))
    return Printed(tuple(pieces), tuple(parts), tuple(values))
