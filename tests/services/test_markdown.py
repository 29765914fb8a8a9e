from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.services.markdown import fill, make_value
from responder.services.sandbox import PLACEHOLDER
from responder.services.templates.file import TemplateError

V = PLACEHOLDER


def render(source, *values):
    texts, htmls = fill(source, [make_value(value, link=False) for value in values])
    return "".join(texts).removesuffix("\n"), "".join(htmls)


def text_of(source, *values):
    return render(source, *values)[0]


def test_paragraphs_are_filled_to_72_columns():
    text = text_of("word " * 60 + "\n\n" + "x" * 100 + " y")

    assert max(map(len, text.splitlines()[:-2])) <= 72
    assert text.split() == ["word"] * 60 + ["x" * 100, "y"]


def test_lists_are_numbered_indented_and_nested():
    steps = "1. one\n2. two\n\n   Note.\n\n   ```\n   code  here\n   ```\n3. three\n   1. a\n   2. b\n\n"
    bullets = "End\n\n- x\n  - y\n- z\n"

    assert text_of(steps + bullets) == (
        "1. one\n\n2. two\n\n   Note.\n\ncode  here\n\n3. three\n   1. a\n   2. b\n\nEnd\n\n- x\n  - y\n- z\n"
    )


def test_numbers_of_two_digits_keep_the_text_in_one_column():
    lines = text_of("".join(f"{n}. s\n" for n in range(8, 12))).splitlines()

    assert lines == ["8.  s", "9.  s", "10. s", "11. s"]


def test_headings_are_underlined():
    assert text_of("# A\n\n## Bb\n\n### Ccc\n\n#### D\n\nx") == "\nA\n=\n\n\nBb\n==\n\nCcc\n---\n\nD\n\nx\n"


def test_a_value_alone_is_emphasised_in_html_and_ready_to_be_copied_in_text():
    text, html = render(f"See **{V}** and *{V}* for **{V} days**, **all** of it.", "192.0.2.1", "192.0.2.1", "9")

    assert text == "See 192.0.2.1 and 192.0.2.1 for *9 days*, *all* of it.\n"
    assert "<strong>192.0.2.1</strong> and <em>192.0.2.1</em>" in html


def test_links_stand_behind_their_text():
    text, html = render("See [the list](https://list.example/a?b=c&d) or <https://x.example/> or <a@x.example>.")

    assert text == ("See the list <https://list.example/a?b=c&d> or <https://x.example/> or\n<a@x.example>.\n")
    assert '<a href="https://list.example/a?b=c&amp;d">the list</a>' in html
    assert '<a href="mailto:a@x.example">a@x.example</a>' in html


def test_code_is_not_touched():
    code = "# not a heading\n  a_b_c *x* [192.0.2.25] <DOMAIN> \\ `\n\n\tlong " + "x" * 100

    text, html = render(f"```sh\n{code}\n```\n")

    assert text == code + "\n"
    assert "<pre><code># not a heading\n  a_b_c *x* [192.0.2.25] &lt;DOMAIN&gt;" in html


def test_inline_code_is_never_broken():
    text = text_of("word " * 13 + "`Get-Queue all of them`")

    assert "\nGet-Queue all of them\n" in text


@pytest.mark.parametrize(
    "literal", ["a_b_c", "[192.0.2.25]", "<DOMAIN>", "&amp;", "2 * 3 * 4", "5 < 6 & 7", "x.", "~a~"]
)
def test_markdown_leaves_what_only_looks_like_markup(literal):
    text, html = render(f"Type {literal} here.")

    assert text == f"Type {literal} here.\n"
    assert literal.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in html


@pytest.mark.parametrize(
    "source",
    ["<b>x</b>", "<script>alert(1)</script>", "<!-- x -->", "![x](https://x.example/x.png)", "[x](javascript:a)"],
)
def test_neither_html_nor_pictures_nor_odd_links_come_out(source):
    html = render(source)[1]

    assert "<b>" not in html
    assert "<script" not in html
    assert "<!--" not in html
    assert "<img" not in html
    assert 'javascript:a"' not in html


def test_a_value_in_a_links_address_is_refused():
    with pytest.raises(TemplateError, match=r"\|link"):
        fill(f"[x](https://{V}/)", [make_value("x.example", link=False)])


def test_a_line_of_code_too_long_for_mail_is_refused():
    with pytest.raises(TemplateError, match="900 characters"):
        fill("```\n" + "x" * 901 + "\n```\n", [])


BLOCKS = [
    "Text\nof two lines",
    f"{V} first",
    "## A heading",
    "#no heading",
    "Title\n---",
    "1. one\n2. two",
    "- a\n\n  b",
]
BLOCKS += [
    "- x",
    "-",
    f"3. {V}\n\n   - in\n     it",
    "    code",
    f"    code {V}\n\n    more",
    "   text",
    "*a* b",
    "***",
]
BLOCKS += [f"**{V}**", "7 x", "\u00b2 x", "End\\", f"`{V}", "", " ", "\n"]


@given(st.lists(st.tuples(st.sampled_from(BLOCKS), st.sampled_from(["\n", "\n\n", "\n\n\n", "\n \n"])), min_size=1))
def test_what_is_parsed_apart_reads_as_one(blocks):
    source = "Begin\n\n" + "".join(block + gap for block, gap in blocks) + "\n\nEnd"
    values = [f"value {number}" for number in range(source.count(V))]
    code = "```\nwith fences, a source is parsed as one\n```\n"

    apart, one = render(source, *values), render(f"{code}\n{source}", *values)

    assert one == tuple(
        f"{begin}{rest}" for begin, rest in zip((f"{text_of(code)}\n", render(code)[1]), apart, strict=True)
    )


HOSTILE = [
    "*x* _y_ `z` [a](https://evil.example/)",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "# heading",
    "1. list",
    "```",
    "\\",
    "&lt;b&gt;",
    "https://evil.example/",
    "\ue001\ue000",
    "{{ 7 }}{% x %}",
]


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.data += data


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("frame", [V, f"**{V}**", f"`{V}`", f"## {V}", f"- {V}", f"1. x {V}", f"```\n{V}\n```"])
def test_a_value_is_literal_wherever_it_stands(frame, value):
    text, html = render(frame, value)

    reader = Reader()
    reader.feed(html)
    assert value in text
    assert value in reader.data
    assert all(
        tag in {"p", "strong", "code", "h2", "ul", "ol", "li", "pre"} and not attrs for tag, attrs in reader.tags
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Co"]), max_size=200))
def test_any_value_comes_through_in_both_parts(value):
    text, html = render(f"a {V} b", value)

    assert text.split() == ["a", *value.split(), "b"]
    assert "<" not in html.removeprefix("<p>").removesuffix("</p>\n")


@pytest.mark.parametrize(
    ("value", "href"),
    [
        ("https://x.example/?a=1&b=2", "https://x.example/?a=1&amp;b=2"),
        ("help@x.example", "mailto:help@x.example"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("x.example", None),
        ("https://x.example/ y", None),
        ("http://[broken", None),
    ],
)
def test_only_web_addresses_and_mailboxes_become_links(value, href):
    texts, htmls = fill(V, [make_value(value, link=True)])
    text, html = "".join(texts), "".join(htmls)

    assert (f'href="{href}"' in html) == (href is not None)
    assert text.strip() == (f"<{value}>" if href else value)
    assert "href" in html or "<a" not in html
