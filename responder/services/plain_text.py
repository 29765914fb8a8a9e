"""Parsed Markdown as plain text: lists with their numbers, headings underlined, code as it is, lines of 72 columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it.token import Token

from responder.services.templates.file import TemplateError

COLUMNS = 72
_MAX_LINE = 900
KEPT_SPACE = "\uf8e0"  # a space at which no line is broken
_UNDERLINES = {"h1": "=", "h2": "=", "h3": "-"}

Layout = Literal["prose", "heading", "verbatim"]


@dataclass(frozen=True, slots=True)
class TextBlock:
    """One block of text that holds values, to be laid out once they are known.

    Attributes:
        first: what stands before its first line (a list marker, indentation).
        rest: what stands before its other lines.
        content: its text.
        layout: how lines are made.
        underline: the character a heading is underlined with, empty for none.
    """

    first: str
    rest: str
    content: str
    layout: Layout
    underline: str = ""

    def lay_out(self, content: str) -> str:
        """Give the lines of the block with `content` in the place of its own."""
        if self.layout == "verbatim":
            return "".join(f"{line}\n" for line in content.replace(KEPT_SPACE, " ").split("\n"))
        if self.layout == "heading":
            content = content.replace(KEPT_SPACE, " ")
            line = f"{self.first}{content}"
            return f"{line}\n{self.rest}{self.underline * len(content)}\n" if self.underline else f"{line}\n"
        return _wrap(content, self.first, self.rest)


def _wrap(content: str, first: str, rest: str) -> str:
    """Give the paragraph `content` in lines of at most `COLUMNS`, longer only for one long word."""
    lines: list[str] = []
    before = first
    for hard_line in content.split("\n"):
        words = hard_line.strip(" ")
        if "  " in words:
            words = " ".join(filter(None, words.split(" ")))
        start = 0
        while len(before) + len(words) - start > COLUMNS:
            end = words.rfind(" ", start, start + max(COLUMNS - len(before), 0) + 1)
            end = words.find(" ", start) if end < 0 else end
            if end < 0:
                break
            lines.append(before + words[start:end])
            before, start = rest, end + 1
        lines.append((before + words[start:]).rstrip())
        before = rest
    return "".join([f"{line}\n" for line in lines]).replace(KEPT_SPACE, " ")


def write_blocks(tokens: Sequence[Token]) -> list[TextBlock | str]:
    """Give the blocks of a document, with the empty lines between them.

    Raises:
        TemplateError: a line of code is too long for mail.
    """
    return _TextWriter().write(tokens)


@dataclass(slots=True)
class _List:
    """A list that is being written: the number of its next item (None for bullets), the width of its markers."""

    number: int | None
    width: int
    items: int = 0

    def next_marker(self) -> str:
        """Give the marker of the next item, wide enough for all of them."""
        self.items += 1
        if self.number is None:
            return "- "
        marker = f"{self.number}."
        self.number += 1
        return f"{marker:<{self.width}}"


@dataclass(slots=True)
class _TextWriter:
    """Walks the blocks of a document and keeps the indentation."""

    blocks: list[TextBlock | str] = field(default_factory=list)
    lists: list[_List] = field(default_factory=list)
    indents: list[str] = field(default_factory=list)
    marker: str | None = None

    def write(self, tokens: Sequence[Token]) -> list[TextBlock | str]:
        """Give the blocks of `tokens`, with the empty lines between them."""
        for index, token in enumerate(tokens):
            match token.type:
                case "ordered_list_open" | "bullet_list_open":
                    self.lists.append(_open_list(tokens, index))
                case "ordered_list_close" | "bullet_list_close":
                    self.lists.pop()
                case "list_item_open":
                    self._open_item()
                case "list_item_close":
                    self._close_item()
                case "inline":
                    self._write_inline(tokens[index - 1], token)
                case "fence" | "code_block":
                    self._write_code(token)
                case "hr":
                    self._add("-" * (COLUMNS // 2), "prose")
        return self.blocks

    def _open_item(self) -> None:
        if self.marker is not None:
            self._add("", "prose")
        self.marker = self.lists[-1].next_marker()
        self.indents.append(" " * len(self.marker))

    def _close_item(self) -> None:
        if self.marker is not None:
            self._add("", "prose")
        self.indents.pop()

    def _write_inline(self, opening: Token, token: Token) -> None:
        content = _inline_text(token.children or ())
        if opening.type == "heading_open":
            gap = 2 if opening.tag in {"h1", "h2"} else 1
            self._add(content.replace("\n", " "), "heading", _UNDERLINES.get(opening.tag, ""), gap=gap)
        else:
            tight = opening.hidden and (len(self.lists) > 1 or self.lists[-1].items > 1)
            self._add(content, "prose", gap=0 if tight else 1)

    def _write_code(self, token: Token) -> None:
        lines = token.content.rstrip("\n")
        if max(map(len, lines.split("\n"))) > _MAX_LINE:
            raise TemplateError(f"a line of code has more than {_MAX_LINE} characters")
        if self.marker is not None:
            self._add("", "prose")
        self._add(lines, "verbatim")

    def _add(self, content: str, layout: Layout, underline: str = "", *, gap: int = 1) -> None:
        """Add a block with `gap` empty lines before it, the first with one less: fragments are joined by one."""
        self.blocks.append("\n" * (gap if self.blocks else max(gap - 1, 0)))
        rest = "".join(self.indents)
        first = rest
        if self.marker is not None:
            first, self.marker = "".join(self.indents[:-1]) + self.marker, None
        self.blocks.append(TextBlock(first, rest, content, layout, underline))


def _open_list(tokens: Sequence[Token], opening: int) -> _List:
    if tokens[opening].type == "bullet_list_open":
        return _List(None, 2)
    start = int(tokens[opening].attrGet("start") or 1)
    last = start + _count_items(tokens, opening) - 1
    return _List(start, len(f"{last}. "))


def _count_items(tokens: Sequence[Token], opening: int) -> int:
    """Give the number of items of the list that `tokens[opening]` opens."""
    level = tokens[opening].level
    count = 0
    for token in tokens[opening + 1 :]:
        if token.level == level:
            break
        count += token.type == "list_item_open" and token.level == level + 1
    return count


_INLINE_MARKS = {
    "strong_open": "*",
    "strong_close": "*",
    "em_open": "_",
    "em_close": "_",
    "softbreak": " ",
    "hardbreak": "\n",
}
_VALUE_ALONE = re.compile("[\ue000-\uefff]")  # what stands for one value until it is known


def _inline_text(tokens: Sequence[Token]) -> str:
    """Give the words of a paragraph: emphasis as plain text writes it, links as `text <url>`.

    A value alone is not marked: an address or a number is there to be copied.
    """
    words: list[str] = []
    links: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            words.append("<" if token.markup == "autolink" else "")
            links.append(">" if token.markup == "autolink" else f" <{address.removeprefix('mailto:')}>")
        elif token.type == "link_close":
            words.append(links.pop())
        elif token.type == "code_inline":
            words.append(token.content.replace(" ", KEPT_SPACE))
        elif _marks_a_value(tokens, index):
            continue
        else:
            words.append(_INLINE_MARKS.get(token.type, token.content))
    return "".join(words)


def _marks_a_value(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether `tokens[index]` opens or closes the emphasis of one value and nothing else."""
    kind, _, side = tokens[index].type.rpartition("_")
    inner = index + 1 if side == "open" else index - 1
    if kind not in {"strong", "em"} or not 0 < inner < len(tokens) - 1:
        return False
    whole = (tokens[inner - 1].type, tokens[inner + 1].type) == (f"{kind}_open", f"{kind}_close")
    return whole and _VALUE_ALONE.fullmatch(tokens[inner].content) is not None
