"""CommonMark to plain text of 72 columns and to HTML, from one parse; values are put in afterwards.

A value never passes through the Markdown parser: the source holds one private character in its place, so what stands in
it stays literal in both parts, and the parse of one source serves every answer.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink

from responder.services.plain_text import KEPT_SPACE, TextBlock, write_blocks
from responder.services.sandbox import FIRST_PLACEHOLDER
from responder.services.templates.file import TemplateError

_LINK_SCHEMES = ("http", "https", "mailto")
_PLACEHOLDER = re.compile("[\ue000-\uefff]")
_LINES_WITH_VALUES = re.compile("((?:^[^\n\ue000-\uefff]*[\ue000-\uefff][^\n]*(?:\n|\\Z))+)", re.MULTILINE)
_SPACES = re.compile(r"(?m:^ +)|  +")  # those that would be lost


def _normalize_link(url: str) -> str:
    if _PLACEHOLDER.search(url):
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
class Fragment:
    """A piece of Markdown in both forms, ready for its values.

    Attributes:
        blocks: its text; what holds no value is laid out already.
        htmls: its HTML in pieces of whole lines, by turns without values and with.
    """

    blocks: tuple[str | TextBlock, ...]
    htmls: tuple[str, ...]

    def fill(self, values: Sequence[Value]) -> tuple[list[str], list[str]]:
        """Give text and HTML with `values` in their places, both in pieces of whole lines; fixed ones stay the same."""

        def text_of(match: re.Match[str]) -> str:
            return values[ord(match[0]) - FIRST_PLACEHOLDER].text

        def html_of(match: re.Match[str]) -> str:
            return values[ord(match[0]) - FIRST_PLACEHOLDER].html

        texts = [
            block if isinstance(block, str) else block.lay_out(_PLACEHOLDER.sub(text_of, block.content))
            for block in self.blocks
        ]
        htmls = list(self.htmls)
        htmls[1::2] = [_PLACEHOLDER.sub(html_of, piece) for piece in htmls[1::2]]
        return texts, htmls


@lru_cache(maxsize=512)
def parse_fragment(source: str) -> Fragment:
    """Parse `source`, in which private characters stand for values.

    Raises:
        TemplateError: a line of code is too long for mail, or a variable stands in a link's address.
    """
    tokens = _parser.parse(source)
    for token in tokens:
        token.info = ""  # the language of a code block is for editors
    html: str = _parser.renderer.render(tokens, _parser.options, {})
    return Fragment(tuple(_merge(write_blocks(tokens))), tuple(_LINES_WITH_VALUES.split(html)))


def _merge(blocks: Iterable[TextBlock | str]) -> Iterable[str | TextBlock]:
    """Lay out what holds no value, and join what stands together."""
    fixed = ""
    for block in blocks:
        if isinstance(block, str):
            fixed += block
        elif not _PLACEHOLDER.search(block.content):
            fixed += block.lay_out(block.content)
        else:
            yield from (fixed, block)
            fixed = ""
    yield fixed
