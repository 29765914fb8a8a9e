"""The filters that templates have, all of them our own, and the budget of steps that loops pay from."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.runtime import Context

from responder.services.templates.file import TemplateError

MAX_VALUE_CHARACTERS = 500
MAX_STEPS = 100_000
# Names that no template can write.
EACH, BUDGET = "_each", "_budget"


class Link(str):
    """A web address or mailbox to be shown as a link."""

    __slots__ = ()


class Joined(str):
    """Items of a list in one line."""

    __slots__ = ()


def _text(value: object, name: str) -> str:
    """Give `value` if it is text.

    Raises:
        TemplateError: it is not, and the filter `name` is of no use.
    """
    if isinstance(value, Undefined):
        str(value)  # raises, with the name
    if not isinstance(value, str):
        raise TemplateError(f"the filter {name!r} takes a text")
    return value


def _list(value: object, what: str) -> list[object]:
    if isinstance(value, Undefined):
        str(value)  # as above
    if not isinstance(value, list):
        raise TemplateError(f"{what} a list")
    return value


def _link(value: object) -> Link:
    return Link(_text(value, "link"))


def _join(value: object, separator: str = "") -> Joined:
    items = [_text(item, "join")[:MAX_VALUE_CHARACTERS] for item in _list(value, "the filter 'join' takes")]
    return Joined(separator.join(items))


def _length(value: object) -> int:
    return len(value if isinstance(value, str) else _list(value, "the filter 'length' takes"))


class Budget:
    """How many steps one run has left."""

    def __init__(self) -> None:
        self._left = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Take `steps` away.

        Raises:
            TemplateError: there are not so many.
        """
        self._left -= steps
        if self._left < 0:
            raise TemplateError("loops take too many steps; let them run over fewer things, or do less in them")


@pass_context
def _each(context: Context, value: object, steps: int) -> list[object]:
    """Give the list that a loop runs over, once it has paid `steps` for each turn."""
    items = _list(value, "a loop runs over")
    context[BUDGET].spend(steps * len(items))
    return items


FILTER_FUNCTIONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "join": _join,
        "length": _length,
        "link": _link,
        "lower": lambda value: _text(value, "lower").lower(),
        "upper": lambda value: _text(value, "upper").upper(),
        EACH: _each,
    }
)
