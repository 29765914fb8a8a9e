"""What a template may hold: output, choices, loops over given lists, comparisons, a few filters. Nothing that acts.

There is no call, import, arithmetic, assignment or subscript, so a template can name only what it was given.
"""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from jinja2 import nodes

from responder.services.templates.file import TemplateError

_MAX_NODES = 5_000
_MAX_DEPTH = 40
_MAX_LOOPS = 2
_MAX_CONSTANT = 500
_MAX_NUMBER = 1_000_000
_MAX_SEPARATOR = 20

LOOP_ATTRIBUTES = frozenset({"first", "last", "index", "length"})
FILTERS = frozenset({"join", "length", "link", "lower", "upper"})
_WHY_NOT = {
    nodes.Call: "round brackets after a name are not allowed: nothing can be called",
    nodes.Getitem: "square brackets after a name are not allowed: write NAME.KEY",
    nodes.Test: "'is' is not allowed: write {% if NAME %} or compare with ==",
    nodes.Concat: "'~' is not allowed: write one {{ NAME }} after the other",
    nodes.Assign: "'set' is not allowed: there are only the variables that are given",
    nodes.AssignBlock: "'set' is not allowed: there are only the variables that are given",
    nodes.Dict: "curly brackets within an expression are not allowed",
    nodes.FilterBlock: "'filter' is not allowed: write {{ NAME|FILTER }}",
}
_OPERATORS = frozenset({"eq", "ne", "lt", "lteq", "gt", "gteq", "in", "notin"})
_NODES: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Filter,
)


def find_faults(tree: nodes.Template, variables: frozenset[str]) -> Iterator[TemplateError]:
    """Give what does not belong into the parsed template `tree`, which may use `variables`."""
    return _Checker(variables).check(tree)


class _Checker:
    """Walks a parsed template and tells what does not belong there."""

    def __init__(self, variables: frozenset[str]) -> None:
        self._known = set(variables)
        self._count = 0
        self._rules: dict[type[nodes.Node], Callable[[Any], str | None]] = {
            nodes.Name: self._name,
            nodes.Getattr: self._attribute,
            nodes.Const: self._constant,
            nodes.Filter: self._filter,
            nodes.Operand: self._operand,
            nodes.For: self._loop,
        }

    def check(self, tree: nodes.Template) -> Iterator[TemplateError]:
        """Give what is wrong with `tree`."""
        self._known |= set(_loop_names(tree))
        yield from self._walk(tree, 1, 0, 0)
        if self._count > _MAX_NODES:
            yield TemplateError("too many expressions")

    def _walk(self, node: nodes.Node, line: int, depth: int, loops: int) -> Iterator[TemplateError]:
        self._count += 1
        line = node.lineno or line
        loops += isinstance(node, nodes.For)
        if self._count > _MAX_NODES:
            return
        if why := self._too_much(node, depth, loops):
            yield TemplateError(why, line)
            return
        rule = self._rules.get(type(node))
        if rule and (why := rule(node)):
            yield TemplateError(why, line)
        if not (loops and _is_loop_attribute(node)):
            for child in node.iter_child_nodes():
                yield from self._walk(child, line, depth + 1, loops)

    def _too_much(self, node: nodes.Node, depth: int, loops: int) -> str | None:
        if not isinstance(node, _NODES):
            return _why_not(node)
        if depth > _MAX_DEPTH:
            return "expressions are nested too deeply"
        return "loops are nested too deeply" if loops > _MAX_LOOPS else None

    def _name(self, node: nodes.Name) -> str | None:
        if node.name == "loop":
            return "'loop' is known by its attributes only: loop.first, loop.last, loop.index, loop.length"
        if node.name in self._known and not node.name.startswith("_") and node.name.isascii():
            return None
        near = get_close_matches(node.name, self._known, 1)
        return f"{node.name!r} is not a variable" + (f"; did you mean {near[0]!r}?" if near else "")

    def _attribute(self, node: nodes.Getattr) -> str | None:
        return f"{node.attr!r} cannot be read" if node.attr.startswith("_") else None

    def _constant(self, node: nodes.Const) -> str | None:
        if isinstance(node.value, str) and len(node.value) > _MAX_CONSTANT:
            return "text in quotes is too long"
        if not isinstance(node.value, str | int | None):
            return "only text and whole numbers are allowed"
        return "the number is too large" if isinstance(node.value, int) and abs(node.value) > _MAX_NUMBER else None

    def _filter(self, node: nodes.Filter) -> str | None:
        if node.name not in FILTERS:
            return f"the filter {node.name!r} is not known; there are {', '.join(sorted(FILTERS))}"
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs or len(node.args) > 1:
            return f"the filter {node.name!r} takes at most one plain argument"
        if node.args and (node.name != "join" or not _is_separator(node.args[0])):
            return f"the filter {node.name!r} takes no such argument; only join takes one, the text between the items"
        if node.name == "join" and not isinstance(node.node, nodes.Name | nodes.Getattr):
            return "the filter 'join' joins a variable"
        return None

    def _operand(self, node: nodes.Operand) -> str | None:
        return None if node.op in _OPERATORS else f"the operator {node.op!r} is not allowed"

    def _loop(self, node: nodes.For) -> str | None:
        if node.recursive or not isinstance(node.target, nodes.Name):
            return "a loop is 'for NAME in LIST'"
        if not isinstance(node.iter, nodes.Name | nodes.Getattr):
            return "a loop runs over one variable, such as blocklists"
        return None


def _loop_names(tree: nodes.Template) -> Iterator[str]:
    """Give the names that loops make; without recursion, since nothing is known of the depth yet."""
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name):
            yield node.target.name
        waiting.extend(node.iter_child_nodes())


def _is_separator(node: nodes.Expr) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str) and len(node.value) <= _MAX_SEPARATOR


def _why_not(node: nodes.Node) -> str:
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
        return "there is no arithmetic in a template"
    return _WHY_NOT.get(type(node), f"{type(node).__name__.lower()!r} is not allowed in a template")


def _is_loop_attribute(node: nodes.Node) -> bool:
    if not (isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name)):
        return False
    return node.node.name == "loop" and node.attr in LOOP_ATTRIBUTES
