import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.services.library import TemplateError
from responder.services.sandbox import GuideBody, check_source, clean_value, compile_body, run, run_line

VARIABLES = frozenset({"name", "names", "who", "guide"})
CONTEXT = {"name": "a *b* <c>", "names": ["x", "y"], "who": {"name": "W", "size": 3}, "guide": GuideBody("postfix")}


def printed(source):
    return run(compile_body(source, VARIABLES), CONTEXT)


# The published escapes of Jinja2's sandbox and compiler (CVE-2016-10745, CVE-2019-10906, CVE-2024-56201,
# CVE-2024-56326, CVE-2025-27516), and the usual ways to an object.
ESCAPES = [
    "{{ name.__class__ }}",
    "{{ name['__class__'] }}",
    "{{ name|attr('__class__') }}",
    "{{ names|map(attribute='__class__')|join }}",
    "{{ names|map('attr', '__class__')|join }}",
    "{{ name.format }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{0.__class__}'|format(name) }}",
    "{{ '%s'|format(name) }}",
    "{{ name.format_map(who) }}",
    "{{ ['{0.__class__}']|map('format', name)|join }}",
    "{% set f = '{0.__class__}'.format %}{{ f(name) }}",
    "{{ ('{0.__class__.__init__.__globals__}'|attr('format'))(name) }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner }}",
    "{{ namespace(x=1) }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ get_flashed_messages }}",
    "{{ config }}",
    "{{ context }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ loop }}",
    "{% for x in names %}{{ loop.changed }}{% endfor %}",
    "{% for x in names %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in names %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in names recursive %}{{ loop(names) }}{% endfor %}",
    "{% for a, b in names %}{% endfor %}",
    "{% include 'answer' %}",
    "{% import 'answer' as x %}",
    "{% from 'answer' import x %}",
    "{% extends 'answer' %}",
    "{% macro f() %}{% endmacro %}",
    "{% call name() %}{% endcall %}",
    "{% block b %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = name %}{{ x }}{% endwith %}",
    "{% set x = name %}",
    "{% set names.x = 1 %}",
    "{% set x %}y{% endset %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% do names.append(1) %}",
    "{{ name.upper() }}",
    "{{ names.append }}",
    "{{ who.items }}",
    "{{ who.get('name') }}",
    "{{ who.keys()|list }}",
    "{{ names[0] }}",
    "{{ name[::-1] }}",
    "{{ name ~ name }}",
    "{{ name|safe }}",
    "{{ name|e }}",
    "{{ names|join(name.x) }}",
    "{{ names|join(d='x') }}",
    "{{ names|join('a', 'b') }}",
    "{{ names|join(*names) }}",
    "{{ names }}",
    "{{ who }}",
    "{{ none }}",
    "{{ true }}",
    "{{ names|link }}",
    "{{ name is defined }}",
    "{{ _name }}",
    "{{ nothing }}",
    "{{ who.nothing }}",
]
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


def test_output_is_counted_while_it_is_made():
    source = "{% for a in names %}{% for b in names %}{{ name }}{% endfor %}{% endfor %}"
    made = []

    class Counted(list):
        def __iter__(self):
            for item in super().__iter__():
                made.append(item)
                yield item

    with pytest.raises(TemplateError, match="prints more than 65,536 characters"):
        run(compile_body(source, VARIABLES), {"name": "x" * 400, "names": Counted(["n"] * 1000)})

    assert len(made) < 300


def test_each_problem_is_told_with_its_line():
    source = "{{ nmae }}\n\n{{ name.upper() }}\n{% if name|foo %}{% endif %}\n{% include 'x' %}"

    assert [(error.line, error.message) for error in check_source(source, VARIABLES)] == [
        (1, "'nmae' is not a variable; did you mean 'name'?"),
        (3, "'call' is not allowed in a template"),
        (4, "the filter 'foo' is not known; there are join, length, link, lower, upper"),
        (5, "'include' is not allowed in a template"),
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

    assert result.pieces == ("**\ue000**\n\n", "\n\n## \ue000")
    assert result.guides == ("postfix",)
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

    assert result.pieces in (("<\ue000>",), ("<>",))
    assert result.guides == ()
    assert [value for value, _ in result.values[0]] in ([], [clean_value(text)])
