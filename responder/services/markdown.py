"""CommonMark to plain text of 72 columns and to HTML, from one parse; values are put in afterwards.

A value never passes through the Markdown parser: the source holds `PLACEHOLDER` in its place, so what stands in
it stays literal in both parts, and the parse of one source serves every answer. Answers differ by whole paragraphs too,
so what can be parsed apart is: section by section, and a section that was not seen before block by block.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import TypeVar
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink

from responder.services.plain_text import KEPT_SPACE, TextBlock, write_blocks
from responder.services.sandbox import PLACEHOLDER
from responder.services.templates.file import TemplateError

_Piece = TypeVar("_Piece")

_LINK_SCHEMES = ("http", "https", "mailto")
# While a block is parsed, its values are numbered, since it may give them in another order or not at all.
_FIRST_NUMBER = 0xE000
_NUMBERED = re.compile("([\ue000-\uefff])")
_LINES_WITH_VALUES = re.compile("((?:^[^\n\ue000-\uefff]*[\ue000-\uefff][^\n]*(?:\n|\\Z))+)", re.MULTILINE)
# Outside of fenced code, a line that begins with a letter, a value or # below an empty one ends whatever stands above.
_SECTION = "\n\n#"
_NEXT_BLOCK = re.compile(f"\n\n(?=[^\\W\\d_]|[#{PLACEHOLDER}])")
_SPACES = re.compile(r"(?m:^ +)|  +")  # those that would be lost


def _normalize_link(url: str) -> str:
    if _NUMBERED.search(url):
        raise TemplateError("a variable cannot stand in the address of a link; write {{ name|link }}")
    return normalizeLink(url)


def _is_safe_link(url: str) -> bool:
    return url.partition(":")[0].lower() in _LINK_SCHEMES


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20})
    parser.disable(["blockquote", "image", "html_block", "html_inline", "reference", "entity"])
    parser.normalizeLink = _normalize_link  # type: ignore[method-assign]
    parser.validateLink = _is_safe_link  # type: ignore[method-assign]
    return parser


_parser = _make_parser()


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it stands in the text and in the HTML part."""

    text: str
    html: str


@lru_cache(maxsize=512)  # most values are names and addresses of ours
def make_value(value: str, *, link: bool) -> Value:
    """Give `value` literally, its lines and spaces too, or as a link if it is a web address or a mailbox."""
    target = _link_target(value) if link else None
    if target is None:
        html = _SPACES.sub(lambda spaces: "&nbsp;" * len(spaces[0]), escape(value)).replace("\n", "<br>\n")
        return Value(_SPACES.sub(lambda spaces: KEPT_SPACE * len(spaces[0]), value), html)
    return Value(f"<{value}>", f'<a href="{escape(target)}">{escape(value)}</a>')


def _link_target(value: str) -> str | None:
    if "@" in value and ":" not in value and " " not in value:
        return f"mailto:{value}"
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in _LINK_SCHEMES and " " not in value else None


@dataclass(frozen=True, slots=True)
class _Gaps:
    """Text with gaps for values.

    Attributes:
        parts: by turns what is fixed and a gap.
        places: which value goes into each gap.
    """

    parts: tuple[str, ...]
    places: tuple[int, ...]

    def fill(self, values: Sequence[str]) -> str:
        """Give the text with `values` in its gaps."""
        parts = list(self.parts)
        parts[1::2] = [values[place] for place in self.places]
        return "".join(parts)

    def after(self, count: int) -> "_Gaps":
        """Give the same behind `count` other values."""
        return _Gaps(self.parts, tuple([place + count for place in self.places]))


@dataclass(frozen=True, slots=True)
class _TextGaps:
    """A block of text whose content has gaps."""

    block: TextBlock
    content: _Gaps

    def fill(self, values: Sequence[str]) -> str:
        """Give the lines of the block with `values` in its gaps."""
        return self.block.lay_out(self.content.fill(values))

    def after(self, count: int) -> "_TextGaps":
        """Give the same behind `count` other values."""
        return _TextGaps(self.block, self.content.after(count))


@dataclass(frozen=True, slots=True)
class _Fragment:
    """A piece of Markdown in both forms, ready for its values; what holds none is laid out already.

    Attributes:
        texts: its text in pieces of whole lines, an empty line at its end.
        htmls: its HTML in pieces of whole lines.
        count: of its values.
    """

    texts: tuple[str | _TextGaps, ...]
    htmls: tuple[str | _Gaps, ...]
    count: int


def fill(source: str, values: Sequence[Value]) -> tuple[list[str], list[str]]:
    """Give text and HTML of `source`, with `values` in the places of `PLACEHOLDER`.

    Both come in pieces of whole lines, and those that hold no value are the same objects each time; an empty line ends
    the text.

    Raises:
        TemplateError: a line of code is too long for mail, or a variable stands in a link's address.
    """
    texts: list[str] = []
    htmls: list[str] = []
    start = 0
    for section in _sections(source):
        fragment = _parse_section(section)
        here = values[start : start + fragment.count]
        start += fragment.count
        words = [value.text for value in here]
        texts += [piece if isinstance(piece, str) else piece.fill(words) for piece in fragment.texts]
        words = [value.html for value in here]
        htmls += [piece if isinstance(piece, str) else piece.fill(words) for piece in fragment.htmls]
    return texts, htmls


def _sections(source: str) -> list[str]:
    if _has_fence(source):
        return [source]
    first, *others = source.split(_SECTION)
    sections = [f"#{section}" for section in others]
    return [first, *sections] if first.strip() else sections


def _has_fence(source: str) -> bool:
    return "```" in source or "~~~" in source


@lru_cache(maxsize=512)
def _parse_section(source: str) -> _Fragment:
    texts: list[str | _TextGaps] = []
    htmls: list[str | _Gaps] = []
    count = 0
    for block in [source] if _has_fence(source) else _NEXT_BLOCK.split(source):
        if block.strip():
            fragment = _parse_block(block)
            texts += [piece if isinstance(piece, str) else piece.after(count) for piece in fragment.texts]
            htmls += [piece if isinstance(piece, str) else piece.after(count) for piece in fragment.htmls]
            count += fragment.count
    return _Fragment(tuple(_join_fixed(texts)), tuple(_join_fixed(htmls)), count)


@lru_cache(maxsize=1024)
def _parse_block(source: str) -> _Fragment:
    fixed = source.split(PLACEHOLDER)
    numbered = fixed[0] + "".join([chr(_FIRST_NUMBER + number) + text for number, text in enumerate(fixed[1:])])
    tokens = _parser.parse(numbered)
    for token in tokens:
        token.info = ""  # the language of a code block is for editors
    html: str = _parser.renderer.render(tokens, _parser.options, {})
    texts = [_lay_out(block) for block in write_blocks(tokens)]
    htmls = [_find_gaps(lines) or lines for lines in _LINES_WITH_VALUES.split(html)]
    return _Fragment((*texts, "\n"), tuple(htmls), len(fixed) - 1)


def _lay_out(block: TextBlock | str) -> str | _TextGaps:
    """Lay out what holds no value."""
    if isinstance(block, str):
        return block
    gaps = _find_gaps(block.content)
    return _TextGaps(block, gaps) if gaps else block.lay_out(block.content)


def _find_gaps(text: str) -> _Gaps | None:
    """Give `text` with gaps where values are; None where there are none."""
    parts = _NUMBERED.split(text)
    if len(parts) == 1:
        return None
    return _Gaps(tuple(parts), tuple([ord(character) - _FIRST_NUMBER for character in parts[1::2]]))


def _join_fixed(pieces: Iterable[str | _Piece]) -> Iterable[str | _Piece]:
    """Join what is fixed and stands together."""
    fixed = ""
    for piece in pieces:
        if isinstance(piece, str):
            fixed += piece
            continue
        if fixed:
            yield fixed
        yield piece
        fixed = ""
    if fixed:
        yield fixed
