import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.services.sandbox import PLACEHOLDER, PartBody, check_source, clean_value, compile_body, run, run_line
from responder.services.templates.file import TemplateError

VARIABLES = frozenset({"name", "names", "who", "guide"})
CONTEXT = {"name": "a *b* <c>", "names": ["x", "y"], "who": {"name": "W", "size": 3}, "guide": PartBody("postfix")}


def printed(source):
    return run(compile_body(source, VARIABLES), CONTEXT)


SAMPLES = Path(__file__).parents[2] / "samples" / "sandbox"
# The published escapes of Jinja2's sandbox and compiler (CVE-2016-10745, CVE-2019-10906, CVE-2024-22195,
# CVE-2024-56201, CVE-2024-56326, CVE-2025-27516), the usual ways to an object, and whatever else is not allowed.
ESCAPES = (SAMPLES / "escapes.txt").read_text(encoding="utf-8").splitlines()
BOMBS = [
    "{{ 'A' * 50000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 7 // 0 }}",
    "{{ -1 }}",
    "{{ name|center(30000000) }}",
    "{{ name|indent(30000000) }}",
    "{{ name|wordwrap(1) }}",
    "{{ '%0*d'|format(30000000, 1) }}",
    "{{ '{:>20000000}'.format(name) }}",
    "{{ name|replace('a', name) }}",
    "{% for a in names %}{% for b in names %}{% for c in names %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in [1, 2]|batch(1) %}{% endfor %}",
    "{% for a in 'abc' %}{% endfor %}",
    "{{ '" + "x" * 600 + "' }}",
    "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "{{ " + "not " * 2000 + "name }}",
    "{% if name %}" * 100 + "{% endif %}" * 100,
    "{{ name }}" * 6000,
    "{{ [" + "1," * 6000 + "1] }}",
    "{{ name " + "|upper" * 200 + " }}",
    "{{ 'a'|join('b')|join('c')|join('d') }}",
    "{{ name|upper|join('x') }}",
    "{{ names|join('" + "x" * 21 + "') }}",
    "{{ names|join(name) }}",
    "{{ names|join(7) }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ 0x" + "f" * 5000 + " }}",
    "{{ 1_000_001 }}",
    "{% for a in names %}" * 200 + "{% endfor %}" * 200,
    "{% if name %}x" * 2000,
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ " + "name and " * 3000 + "name }}",
    "{{ name if " * 2000 + "name" + " }}" * 2000,
    "{{ name " + "== name " * 6000 + "}}",
    "{{ '" + "\\\\" * 600 + "' }}",
]
# What only shows when it is run: the lists are long, not the source.
RUNAWAYS = [
    "{% for a in many %}{% for b in many %}{% endfor %}{% endfor %}",
    "{% for a in many %}{% for b in many if a == b and b == a %}x{% else %}{% endfor %}{% endfor %}",
    "{% for a in many %}{% if a in [" + "0," * 900 + "1] %}{% endif %}{% endfor %}",
    "{% for a in many %}{{ many|join }}{% endfor %}",
    "{% for a in many %}{% endfor %}" * 100,
]


@pytest.mark.parametrize("source", ESCAPES)
def test_an_escape_is_refused(source):
    with pytest.raises(TemplateError) as caught:
        printed(source)

    assert "object at 0x" not in caught.value.message
    assert caught.value.line == 1


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
def test_a_bomb_is_refused_before_it_is_run(source):
    with pytest.raises(TemplateError):
        compile_body(source, VARIABLES)


@pytest.mark.parametrize("source", RUNAWAYS, ids=range(len(RUNAWAYS)))
def test_what_runs_too_long_is_stopped_by_the_count_of_its_steps(source):
    template = compile_body(source, frozenset({"many"}))

    with pytest.raises(TemplateError, match=r"too many steps|more than 32,768 characters"):
        run(template, {"many": ["x"] * 20_000})


def test_output_is_counted_while_it_is_made():
    source = "{% for a in names %}{% for b in names %}{{ name }}{% endfor %}{% endfor %}"
    made = []

    class Counted(list):
        def __iter__(self):
            for item in super().__iter__():
                made.append(item)
                yield item

    with pytest.raises(TemplateError, match="prints more than 32,768 characters"):
        run(compile_body(source, VARIABLES), {"name": "x" * 400, "names": Counted(["n"] * 1000)})

    assert len(made) < 300


def test_each_problem_is_told_with_its_line():
    source = "{{ nmae }}\n\n{{ name.upper() }}\n{% if name|foo %}{% endif %}\n{% include 'x' %}"

    assert [(error.line, error.column, error.message) for error in check_source(source, VARIABLES)] == [
        (1, 4, "'nmae' is not a variable; did you mean 'name'?"),
        (3, 1, "round brackets after a name are not allowed: nothing can be called"),
        (4, 12, "the filter 'foo' is not known; there are join, length, link, lower, upper"),
        (5, 4, "'include' is not allowed in a template"),
    ]


def test_a_broken_template_is_told_with_its_line():
    assert [error.line for error in check_source("a\n{% if name %}\n", VARIABLES)] == [2]


def test_an_undefined_key_is_an_error_with_its_line():
    with pytest.raises(TemplateError, match="nothing") as caught:
        printed("a\nb\n{{ who.nothing }}")

    assert caught.value.line == 3


def test_what_is_allowed_works():
    source = (
        "{% for each in names %}{{ loop.index }}/{{ loop.length }}{{ each|upper }}{% if not loop.last %}, {% endif %}"
        "{% endfor %} {{ names|join('+') }} {{ 'yes' if who.size >= 3 and name in [name, 'q'] else 'no' }}"
        "{# gone #} {{ names|length }}"
    )

    assert run_line(compile_body(source, VARIABLES), CONTEXT) == "1/2X, 2/2Y x+y yes 2"


def test_values_and_guides_are_taken_out_of_the_markdown():
    result = printed("**{{ name }}**\n\n{{ guide }}\n\n## {{ who.name|link }}\n")

    assert result.pieces == (f"**{PLACEHOLDER}**\n\n", f"\n\n## {PLACEHOLDER}")
    assert result.parts == ("postfix",)
    assert result.values == ((("a *b* <c>", False),), (("W", True),))


@given(st.text())
def test_no_value_leaves_its_line_or_hides(text):
    value = clean_value(text)

    assert len(value) <= 500
    assert value.splitlines() in ([], [value])
    assert not {unicodedata.category(character) for character in value} & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(value) & {chr(n) for n in range(0xE000, 0xF900)}
    assert not set(value) & set("\u200b\u200e\u200f\u202a\u202e\u2066\u2069\ufeff")


@given(st.text())
def test_a_value_cannot_leave_its_place(text):
    result = run(compile_body("<{{ name }}>", VARIABLES), {"name": text})

    assert result.pieces in ((f"<{PLACEHOLDER}>",), ("<>",))
    assert result.parts == ()
    assert [value for value, _ in result.values[0]] in ([], [clean_value(text)])


TOKENS = [
    "{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-%}", "for", "in", "if", "else", "elif", "endif", "endfor", "not",
    "and", "or", "is", "name", "names", "who", "who.name", "loop.index", "_x", "|", "join", "link", "upper", "length",
    "attr", "(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "==", "~", "*", "**", "//", "%", "-", "+", "<", "'", '"',
    "'a'", "\\", "\\N{", "\\x", "0", "9" * 30, "1e9", "0x", "1_", "\n", " ", "set", "macro", "call", "include", "raw",
    "block",
]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join) | st.text(max_size=200))
def test_whatever_is_written_is_a_template_or_an_error_of_ours(source):
    if check_source(source, VARIABLES):
        with pytest.raises(TemplateError):
            compile_body(source, VARIABLES)
        return
    template = compile_body(source, VARIABLES)
    try:
        printed_parts = run(template, CONTEXT)
    except TemplateError:
        return
    assert "object at 0x" not in "".join(printed_parts.pieces)
