"""HTML as a reader sees it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.hypertext import hypertext_to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("one<br>two<BR/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ('<p class="MsoNormal">one</p>\n<p class=MsoNormal>two</p>', "one\ntwo"),
        ("<table><tr><td>Status</td><td>5.7.1</td></tr><tr><td>more</td></tr></table>", "Status 5.7.1\nmore"),
        ("  one\n  two\t three ", "one two three"),
        ("5 &lt; 6 &amp; 7 &#8211; &#x2d; &nbsp;x", "5 < 6 & 7 \u2013 - \u00a0x"),
        ("&#0;&#xd800;&bogus;&#99999999;", "\ufffd\ufffd&bogus;\ufffd"),
        ("203.0.<b>113</b>.<span style='x>y'>9</span>", "203.0.113.y'>9"),
        ("<blockquote>quoted</blockquote>after", "quoted\nafter"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("", ""),
    ],
)
def test_what_is_seen(source, text):
    assert hypertext_to_text(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- 192.0.2.1 -->",
        "<style>p { margin: 192.0.2.1 }</style>",
        "<SCRIPT type='x'>if (a < b) '192.0.2.1'</SCRIPT >",
        "<title>192.0.2.1</title>",
        "<a href='http://192.0.2.1/'></a>",
    ],
)
def test_what_is_not_seen(hidden):
    assert hypertext_to_text(f"before{hidden}after") == "beforeafter"


@pytest.mark.parametrize("opening", ["<!--", "<style>", "<script x>"])
def test_what_is_never_closed_swallows_the_rest(opening):
    assert hypertext_to_text(f"before{opening} 192.0.2.1") == "before"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<!--",
        "<script>",
        "</",
        "&",
        "&#",
        "<p>",
        "</div>",
        "\0",
        " ",
        "<td",
        "<td>",
        "a <b>",
        "-->",
        "&amp",
        "<br>\n",
    ],
)
def test_a_quarter_of_a_megabyte_of_one_piece_ends(piece):
    hypertext_to_text(piece * (256 * 1024 // len(piece)))


@given(st.lists(st.sampled_from(["<", ">", "p", "<!--", "-->", "<script", "/", "&", "#1;", "x", "\n", "\0", "é", '"'])))
def test_anything_has_a_text(pieces):
    hypertext_to_text("".join(pieces))
