import pytest

from responder.services.checking import check_template
from responder.services.library import Library
from tests.support.answers import guide_source, make_renderer, source, write_library

LIBRARY = Library()


@pytest.mark.parametrize("template", LIBRARY.templates, ids=lambda template: f"{template.locale}/{template.name}")
def test_every_shipped_template_is_fit(template):
    assert check_template(make_renderer(), template) == []


def check(tmp_path, name="answer", **templates):
    library = write_library(tmp_path, **templates)
    return [str(each) for each in check_template(make_renderer(library), library.find(name, "en"))]


def test_all_that_may_not_stand_in_it_is_told_at_once(tmp_path):
    problems = check(tmp_path, answer=source("a\n{{ adress }}\n{% set x = 1 %}", subject="{{ b }}"))

    assert problems == [
        "en/answer: subject: 'b' is not a variable",
        "en/answer, line 6: 'adress' is not a variable; did you mean 'address'?",
        "en/answer, line 7: 'assign' is not allowed in a template",
    ]


def test_what_fails_in_one_case_only_is_found(tmp_path):
    body = '{{ reference }}\n{% if cause == "rate" %}\n{{ organization.nmae }}\n{% endif %}\n'

    assert check(tmp_path, answer=source(body)) == ["en/answer, line 7: 'dict object' has no attribute 'nmae'"]


def test_a_missing_reference_and_lost_literals_are_told(tmp_path):
    problems = check(tmp_path, answer=source("type *\\[x]* here", literals='["[x]", "*[x]*"]'))

    assert problems[0] == "en/answer: '*[x]*' does not come through unchanged in the text part (sample 'dynamic')"


def test_a_missing_reference_is_told(tmp_path):
    assert "'9K3QF-2M7XA' does not come through unchanged in the text part" in check(tmp_path, answer=source("x"))[0]


def test_an_empty_guide_is_told(tmp_path):
    assert "the text part is empty" in check(tmp_path, "guides/x", guides__x=guide_source("  \n"))[0]


def test_a_guide_knows_nothing_of_the_letter(tmp_path):
    assert check(tmp_path, "guides/x", guides__x=guide_source("{{ reference }}")) == [
        "en/guides/x, line 5: 'reference' is not a variable"
    ]


def test_too_large_a_template_is_told(tmp_path):
    problems = check(tmp_path, answer=source("{{ reference }} " + "word " * 6000))

    assert "the text part is over 24,576 bytes" in problems[0]
