import itertools

import pytest

from responder.domain.outbound import Kind
from responder.services import checking
from responder.services.checking import check_draft, check_template, check_text, samples_of
from responder.services.templates.file import parse_template
from responder.services.templates.library import Library
from tests.support.answers import guide_source, make_renderer, source, write_library

LIBRARY = Library()
LISTS = "\n{% for l in blocklists %}\n{{ l.name }} {{ l.removal|link }} {{ l.contact|link }}\n\n{% endfor %}\n"
GUIDES = "{{ own_guide.body }}\n\n{% for guide in other_guides %}\n{{ guide.body }}\n\n{% endfor %}\n"


@pytest.mark.parametrize("template", LIBRARY.templates, ids=lambda template: f"{template.locale}/{template.name}")
def test_every_shipped_template_is_fit(template):
    assert check_template(make_renderer(), template) == []


def check(tmp_path, name="answer", **templates):
    library = write_library(tmp_path, **templates)
    return [str(each) for each in check_template(make_renderer(library), library.find(name, "en"))]


def test_all_that_may_not_stand_in_it_is_told_at_once(tmp_path):
    problems = check(tmp_path, answer=source("a\n{{ adress }}\n{% set x = 1 %}", subject="{{ b }}"))

    assert problems == [
        "en/answer, line 3: subject: 'b' is not a variable",
        "en/answer, line 6, column 4: 'adress' is not a variable; did you mean 'address'?",
        "en/answer, line 7, column 4: 'set' is not allowed: there are only the variables that are given",
    ]


def test_what_fails_in_one_case_only_is_found(tmp_path):
    body = '{{ reference }}\n{% if cause == "rate" %}\n{{ organization.nmae }}\n{% endif %}\n'

    problems = check(tmp_path, answer=source(body + LISTS))

    assert problems == ["en/answer, line 7: 'dict object' has no attribute 'nmae' (sample 'rate')"]


def test_a_missing_reference_and_lost_literals_are_told(tmp_path):
    problems = check(tmp_path, answer=source("type *\\[x]* here", literals='["[x]", "*[x]*"]'))

    assert problems[0] == "en/answer: '*[x]*' does not come through unchanged in the text part (sample 'dynamic')"


def test_a_missing_reference_is_told(tmp_path):
    assert "'9K3QF-2M7XA' does not come through unchanged in the text part" in check(tmp_path, answer=source("x"))[0]


def test_an_empty_guide_is_told(tmp_path):
    assert "the text part is empty" in check(tmp_path, "guides/x", guides__x=guide_source("  \n"))[0]


def test_a_guide_knows_nothing_of_the_letter(tmp_path):
    assert check(tmp_path, "guides/x", guides__x=guide_source("{{ reference }}")) == [
        "en/guides/x, line 5, column 4: 'reference' is not a variable"
    ]


def test_too_large_a_template_is_told(tmp_path):
    problems = check(tmp_path, answer=source("{{ reference }} " + "word " * 6000 + LISTS))

    assert problems[0] == "en/answer: the text part is over 24,576 bytes (sample 'dynamic')"


def test_an_answer_must_hold_a_guide_where_there_is_one(tmp_path):
    texts = {"answer": source("{{ reference }}\n" + LISTS), "guides__generic": guide_source("Use your provider.\n")}

    assert "there is no guide in the text part" in check(tmp_path, **texts)[0]
    assert check(tmp_path, **(texts | {"answer": source("{{ reference }}\n" + LISTS + GUIDES)})) == []


def test_an_answer_must_lead_to_each_blocklist(tmp_path):
    body = "{{ reference }}\n{% for l in blocklists %}{{ l.name }}\n{% endfor %}"

    assert check(tmp_path, answer=source(body))[0].startswith(
        "en/answer: the text part leads nobody to Spamhaus PBL; print the .removal or .contact of each list"
    )


def test_what_a_person_typed_must_come_through():
    (problem, *_) = check_text(LIBRARY, make_renderer, "question", "en", source("{{ reference }}"))[1]

    assert "does not come through unchanged" in problem.message
    assert all(sample.kind is Kind.QUESTION for sample in samples_of("question").values())


def test_a_template_is_tried_in_every_language_that_falls_back_to_it(tmp_path):
    text = source(
        '{{ reference }}\n{% if own_guide.locale == "de" %}{{ own_guide.nothing }}{% endif %}\n' + LISTS + GUIDES
    )
    library = write_library(tmp_path, answer=text, guides__generic=guide_source("Use your provider.\n"))
    assert check_template(make_renderer(library), library.find("answer", "en")) == []
    german = tmp_path / "de"
    (german / "guides").mkdir(parents=True)
    (german / "guides" / "exchange-2003-2000.md").write_text(guide_source("x\n", software='["exchange 2003"]'))
    (german / "answer.md").write_text(source("{{ reference }}\n" + LISTS + GUIDES))
    library = Library(tmp_path)

    (problem, *_) = check_template(make_renderer(library), library.find("answer", "en"))

    assert problem.message == "'dict object' has no attribute 'nothing' (sample 'dynamic' in de)"


def test_a_guide_is_tried_in_the_answers_that_hold_it():
    text = guide_source("word " * 4500, software='["exchange 2003"]')
    draft = parse_template("guides/exchange-2003-2000", "en", text)

    problems = check_draft(LIBRARY, make_renderer, draft)

    assert problems
    assert problems[0].message.startswith("with it, de/answer: the text part is over 24,576 bytes")


def test_what_takes_too_long_is_told_once(monkeypatch):
    monkeypatch.setattr(checking, "MAX_RENDER_SECONDS", -1.0)

    (problem,) = check_template(make_renderer(), LIBRARY.find("answer", "en"))

    assert "takes too long to render" in problem.message


def test_one_slow_rendering_says_nothing_of_a_template(monkeypatch):
    times = itertools.chain([0.0, 5.0], itertools.repeat(5.0))
    monkeypatch.setattr(checking.time, "thread_time", lambda: next(times))

    assert check_template(make_renderer(), LIBRARY.find("answer", "en")) == []


HOSTILE_WORDS = """Type `*` as the address space, `[192.0.2.25]` as the smart host.

Your domain is `<DOMAIN>`, the file `a_b_c`, the end of the message:

    .

Also \\*, \\[192.0.2.25], \\<DOMAIN> and a_b_c without marks.
"""


def test_what_markdown_would_eat_arrives_as_written():
    text = guide_source(HOSTILE_WORDS, literals='["*", "[192.0.2.25]", "<DOMAIN>", "a_b_c", "."]')
    draft = parse_template("guides/generic", "en", text)

    assert check_draft(LIBRARY, make_renderer, draft) == []
    page = make_renderer(LIBRARY.with_drafts([draft])).page(draft, samples_of("answer")["dynamic"])
    assert "Type * as the address space, [192.0.2.25] as the smart host." in page.text
    assert "Your domain is <DOMAIN>, the file a_b_c, the end of the message:" in page.text
    assert "\n.\n" in page.text
    assert "Also *, [192.0.2.25], <DOMAIN> and a_b_c without marks." in page.text
