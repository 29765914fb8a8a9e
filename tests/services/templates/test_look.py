"""What an author sees: the page in one case, each fault where it is, and the variables with examples."""

import pytest

from responder.services.checking import variables_of
from responder.services.letter import SITE_VARIABLES
from responder.services.samples import SAMPLES
from responder.services.templates.beginning import begin_text
from responder.services.templates.file import parse_template
from responder.services.templates.library import Library
from responder.services.templates.look import describe_variables, look_at
from tests.support.answers import make_renderer

FILES = Library()
CASE = SAMPLES["dynamic"]


class Desk:
    """What is asked of a desk here."""

    make_renderer = staticmethod(make_renderer)


def look(text, name="guides/generic", *, thoroughly=False):
    return look_at(Desk(), FILES, (name, "en"), text, CASE, thoroughly=thoroughly)


def guide(body):
    return f'+++\ntitle = "A guide"\n+++\n{body}'


def test_a_text_in_order_is_shown():
    seen = look(guide("Steps for *all* <x>.\n"))

    assert (seen.faults, seen.is_checked) == ((), False)
    assert seen.page.text == "Steps for _all_ <x>.\n"
    assert seen.html == "<p>Steps for <em>all</em> &lt;x&gt;.</p>\n"


def test_a_message_is_shown_without_what_makes_its_html_a_document():
    seen = look(FILES.exact("lapsed", "en").text, "lapsed", thoroughly=True)

    assert (seen.faults, seen.is_checked) == ((), True)
    assert "<html" in seen.page.html
    assert "<html" not in seen.html
    assert "style" not in seen.html
    assert seen.html.count("<div") == seen.html.count("</div")


def test_a_refusal_is_shown_as_lines():
    seen = look(FILES.exact("refusal", "en").text, "refusal")

    assert seen.page.text.count("550 5.7.1 Your IP address") == 4
    assert seen.html == ""


@pytest.mark.parametrize(
    ("text", "line", "column", "before", "after"),
    [
        (guide("a\nsee {{ nowhere }} here\n"), 5, 8, "see {{ ", "nowhere }} here"),
        (guide("{{ organization.nowhere }}"), 4, None, "", "{{ organization.nowhere }}"),
        ("Hello", 1, None, "", "Hello"),
        (guide("a\n\x1b[2Jb\n"), 5, 1, "", "\x1b[2Jb"),
    ],
)
def test_a_fault_is_shown_where_it_is(text, line, column, before, after):
    (fault,) = look(text).faults

    assert (fault.problem.line, fault.problem.column) == (line, column)
    assert (fault.before, fault.after) == (before, after)


def test_a_fault_of_another_case_needs_the_whole_check():
    text = FILES.exact("answer", "en").text + '\n{% if cause == "rate" %}{{ organization.nowhere }}{% endif %}\n'

    assert look(text, "answer").faults == ()
    (fault,) = look(text, "answer", thoroughly=True).faults
    assert "(sample 'rate')" in fault.problem.message


@pytest.mark.parametrize("name", ["answer", "denied", "guides/generic", "refusal"])
def test_every_variable_has_a_meaning_and_a_snippet_that_may_be_used(name):
    found = describe_variables(make_renderer(), name, SAMPLES["denied"])

    assert [each.name for each in found] == list(variables_of(name))
    assert all(each.meaning and each.kind in {"text", "group", "list"} for each in found)
    if name != "refusal":
        body = "\n\n".join(each.snippet for each in found)
        draft = parse_template("answer", "en", f'+++\ntitle = "x"\nsubject = "y"\n+++\n{body}\n')
        assert make_renderer(FILES).page(draft, SAMPLES["denied"]).text
    examples = {each.name: each.example for each in found}
    if set(SITE_VARIABLES) <= set(examples):
        assert examples["bypass_address"] == "bypass@example.com"


def test_a_translation_begins_with_the_english_and_anything_else_with_little():
    english = FILES.exact("guides/postfix", "en")

    begun = parse_template("guides/postfix", "de", begin_text(FILES, "guides/postfix", "de"))

    assert begun.body == english.body
    assert english.sha256.startswith(begun.translates)
    assert parse_template("guides/new", "en", begin_text(FILES, "guides/new", "en")).title == "new"
    assert parse_template("other", "en", begin_text(FILES, "other", "en")).subject == "[{{ reference }}]"
