from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.services.templates.file import TemplateError, parse_template
from responder.services.templates.library import Library
from tests.support.answers import source


def write(folder, path, text):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


def test_the_shipped_templates_have_no_problems():
    library = Library()

    assert library.problems == ()
    english = [template.name for template in library.templates if template.locale == "en"]
    messages = ("answer", "approved", "denied", "expiring", "lapsed", "provider", "question", "renewed", "revoked")
    assert {name for name in english if "/" not in name} == {*messages, "refusal"}
    assert {"guides/exchange-2007", "guides/exchange-2003-2000", "guides/exchange-5.5", "guides/generic"} <= {*english}
    assert {"deny-reasons/dynamic", "deny-reasons/use-smart-host"} <= {*english}
    assert all(template.source == "shipped" and template.version is None for template in library.templates)


def test_a_template_is_read_whole():
    template = parse_template("guides/postfix", "en", source("Body.\n", literals='["a b"]', software='["postfix"]'))

    assert (template.title, template.body, template.body_line) == ("A title", "Body.\n", 7)
    assert (template.literals, template.software, template.is_part) == (("a b",), ("postfix",), True)


def test_windows_line_ends_and_a_byte_order_mark_are_no_matter():
    assert parse_template("answer", "en", "\ufeff" + source("a\nb\n").replace("\n", "\r\n")).body == "a\nb\n"


@pytest.mark.parametrize("name", ["", "Answer", "../x", "a/b", "guides/", "guides/../x", "x" * 65, "a b", "a\n", ".x"])
def test_names_are_checked(name):
    with pytest.raises(TemplateError, match="no name for a template"):
        parse_template(name, "en", source("x"))


@pytest.mark.parametrize("locale", ["", "EN", "e", "en_GB", "en/..", "english-language-tag"])
def test_locales_are_checked(locale):
    with pytest.raises(TemplateError, match="no name for a locale"):
        parse_template("answer", locale, source("x"))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("no front matter", 1, "first line must be"),
        ("+++\ntitle = 'x'\n", 1, "ends the front matter"),
        ("+++\ntitle = 'x'\nsubject = \n+++\n", 3, "front matter"),
        ("+++\nsubject = 'x'\n+++\n", 1, "title is missing"),
        ("+++\ntitle = 'x'\n+++\n", 1, "subject is missing"),
        ("+++\ntitle = 'x'\nsubject = 'y'\nauthor = 'z'\n+++\n", 4, "'author' is not known"),
        ("+++\ntitle = 1\n+++\n", 2, "'title' must be a text in quotes"),
        ("+++\ntitle = 'x'\nsubject = 'y'\nliterals = [1]\n+++\n", 4, "list of texts"),
        ("+++\ntitle = 'x'\nsubject = \"y\\nz\"\n+++\n", 3, "subject is one line"),
        ("+++\ntitle = '" + "x" * 1001 + "'\nsubject = 'y'\n+++\n", 2, "title is one line"),
        ("+++\ntitle = 'x'\nsubject = 'y'\nliterals = ['" + "x" * 201 + "']\n+++\n", 4, "at most 100 texts"),
        ("+++\ntitle = 'x'\nsubject = 'y'\nliterals = [" + "'x'," * 101 + "]\n+++\n", 4, "at most 100 texts"),
        ("+++\na = " + "[" * 5000 + "\n+++\n", 1, "cannot be read as TOML"),
        ("+++\na = " + "9" * 5000 + "\n+++\n", 1, "cannot be read as TOML"),
        ("+++\n" + "a.b.c.d.e.f = 1\n" * 600 + "+++\n", 1, "8,192 characters"),
        ("+++\ntitle = 'x'\nsubject = 'y'\n+++\na\n\x1b\n", 6, "U\\+001B"),
        ("+++\ntitle = 'x'\nsubject = 'y'\n+++\n\ue000", 5, "U\\+E000"),
        ("+++\ntitle = 'x'\nsubject = 'y'\n+++\na\rb", 5, "U\\+000D"),
        ("+++\ntitle = 'x'\nsubject = 'y'\n+++\n" + "x" * 40_000, None, "32,768 characters"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text, line, message):
    with pytest.raises(TemplateError, match=message) as caught:
        parse_template("answer", "en", text)

    assert caught.value.line == line


def test_a_bad_file_is_a_problem_and_takes_no_other_away(tmp_path):
    write(tmp_path, "en/answer.md", source("good"))
    write(tmp_path, "en/guides/bad.md", "nothing")
    write(tmp_path, "en/guides/NotAName.md", source("x"))
    (tmp_path / "en/guides/latin.md").write_bytes(b"+++\n\xe4")

    library = Library(tmp_path)

    assert library.find("answer", "en").body == "good"
    assert sorted(problem.name for problem in library.problems) == ["guides/NotAName", "guides/bad", "guides/latin"]
    assert str(next(p for p in library.problems if p.name == "guides/bad")) == (
        "en/guides/bad, line 1: the first line must be +++"
    )


def test_an_empty_folder_is_a_problem(tmp_path):
    assert "no templates" in str(Library(tmp_path).problems[0])


def test_the_locale_falls_back_per_file(tmp_path):
    write(tmp_path, "en/answer.md", source("english"))
    write(tmp_path, "de/answer.md", source("deutsch"))
    write(tmp_path, "en/guides/generic.md", source("english"))
    write(tmp_path, "fr/guides/postfix.md", source("francais"))
    library = Library(tmp_path, default_locale="de")

    assert [template.locale for template in library.candidates("answer", "fr")] == ["de", "en"]
    assert [template.locale for template in library.candidates("answer", "en")] == ["en", "de"]
    assert library.find("guides/generic", "de").locale == "en"
    assert library.find("guides/postfix", "en") is None
    assert library.guides("fr").keys() == {"generic", "postfix"}
    assert library.guides("de").keys() == {"generic"}
    assert library.locales == ("de", "en")


@given(
    st.text(max_size=300) | st.text(alphabet="+=[]{}\"'\n ab1._-", max_size=300).map(lambda text: f"+++\n{text}\n+++\n")
)
def test_whatever_stands_in_a_file_is_a_template_or_an_error_of_ours(text):
    with suppress(TemplateError):
        parse_template("answer", "en", text)


@pytest.mark.parametrize(
    "template",
    [each for each in Library().templates if each.locale != "en"],
    ids=lambda template: f"{template.locale}/{template.name}",
)
def test_a_shipped_translation_names_the_english_text_that_it_renders(template):
    assert template.translates == Library().exact(template.name, "en").sha256[:12]
