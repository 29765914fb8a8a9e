"""HTML to the text that a reader sees. Nothing is executed or fetched; every step is linear in the input."""

import html
import re

_COMMENT = (re.compile("<!--"), re.compile("-->"))
_INVISIBLE = tuple(
    (re.compile(rf"<{name}[\s>]", re.IGNORECASE), re.compile(rf"</{name}[^<>]{{0,100}}>", re.IGNORECASE))
    for name in ("script", "style", "title")
)
_TAG = re.compile(r"<(?:(/?[A-Za-z][A-Za-z0-9]*+)|[/!?])[^>]*>")
_TIGHT = re.compile(r"mso|margin", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f\0]+")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,20}|#[xX][0-9A-Fa-f]{1,20}|[A-Za-z][A-Za-z0-9]{1,30});?")
_MANY_LINES = re.compile(r"\n{3,}")
_BLOCKS = """address article blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 head header hr
    li main ol p pre section table tbody tr ul"""
# A zero octet marks where a block begins or ends: the text goes on at the start of a line.
_BREAKS = {"br": "\n", "td": " ", "th": " ", **{f"{end}{name}": "\0" for end in ("", "/") for name in _BLOCKS.split()}}


def hypertext_to_text(source: str) -> str:
    r"""Give the text of an HTML document: blocks on lines of their own, references decoded, tags dropped.

    A quotation (`blockquote`) stays as plain text; an unfinished comment, script or tag swallows the rest, as in a
    browser.
    """
    for opening, closing in (_COMMENT, *_INVISIBLE):
        source = _cut(source, opening, closing)
    # Behind the last `>` there is no whole tag; without this bound each `<` would be searched to the end.
    last = source.rfind(">") + 1
    pieces: list[str] = []
    end = 0
    for tag in _TAG.finditer(source, 0, last):
        start, stop = tag.span()
        if start > end:
            pieces.append(_BLANKS.sub(" ", source[end:start]))
        if tag[1]:
            pieces.append(_break(tag[1].lower(), tag[0]))
        end = stop
    pieces.append(_BLANKS.sub(" ", source[end:]))
    blocks = [block.strip(" ") for block in "".join(pieces).split("\0")]
    text = "\0".join([block for block in blocks if block]).replace("\n\0", "\n").replace("\0", "\n")
    lines = _REFERENCE.sub(_character, text).split("\n")
    return _MANY_LINES.sub("\n\n", "\n".join([line.strip(" ") for line in lines])).strip("\n")


def _cut(source: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    start = opening.search(source)
    if start is None:
        return source
    pieces: list[str] = []
    end = 0
    while start:
        pieces.append(source[end : start.start()])
        stop = closing.search(source, start.end())
        if stop is None:
            return "".join(pieces)
        end = stop.end()
        start = opening.search(source, end)
    return "".join((*pieces, source[end:]))


def _break(name: str, tag: str) -> str:
    if name == "p" and not _TIGHT.search(tag, 0, 300):
        return "\0\n"
    return _BREAKS.get(name, "")


def _character(reference: re.Match[str]) -> str:
    return html.unescape(reference[0])
