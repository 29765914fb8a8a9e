"""The template desk: drafts, publishing what is in order, going back, who was faster, how all stand."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from responder.domain.actor import Actor, ActorKind
from responder.domain.roles import Role
from responder.services.clock import SystemClock
from responder.services.database import Database
from responder.services.samples import SAMPLES
from responder.services.templates.desk import Change, Conflict, DeskError, TemplateDesk, Unfit, difference
from responder.services.templates.file import TemplateError
from responder.services.templates.library import Library
from responder.services.templates.standings import missing_locales, standings
from responder.storage.schema_desk import template_versions
from responder.storage.templates import newest_versions, read_published
from responder.storage.writer import Writer
from tests.support.answers import make_renderer

FILES = Library()
ANNA = Actor(ActorKind.STAFF, "anna", Role.EDITOR)
GENERIC = FILES.exact("guides/generic", "en")


@pytest.fixture
def desk(engine):
    writer = Writer(engine)
    writer.start()
    yield TemplateDesk(Database(engine, writer, SystemClock()), files=lambda: FILES, make_renderer=make_renderer)
    writer.stop()


def changed(extra, template=GENERIC):
    return f"{template.text}\n{extra}\n"


def save(desk, text, **options):
    given = {"name": "guides/generic", "locale": "en", "base": None} | options
    return desk.save(Change(text=text, **given), actor=ANNA, why="why not")


def publish(desk, version, name="guides/generic", locale="en"):
    desk.publish(name, locale, version, actor=ANNA, why="because")


def in_use(desk, name="guides/generic", locale="en"):
    return desk.library().exact(name, locale)


def test_a_draft_changes_nothing_until_it_is_published(desk):
    number = save(desk, changed("More."))
    assert in_use(desk) == GENERIC

    publish(desk, number)

    template = in_use(desk)
    assert template.text == changed("More.")
    assert (template.source, template.version, template.published_by) == ("edited", number, "anna")
    assert desk.library().shipped("guides/generic", "en") == GENERIC


def test_what_does_not_pass_cannot_be_published(desk):
    number = save(desk, changed("{{ nowhere }}"))

    with pytest.raises(Unfit) as caught:
        publish(desk, number)

    (problem,) = caught.value.problems
    assert (problem.name, problem.column, problem.message) == ("guides/generic", 4, "'nowhere' is not a variable")
    assert problem.line == GENERIC.text.count("\n") + 2
    assert in_use(desk) == GENERIC
    assert desk.check("guides/generic", "en", changed("{{ nowhere }}")) == [problem]


def test_what_is_no_template_cannot_even_be_saved(desk):
    with pytest.raises(Unfit, match="the first line must be"):
        save(desk, "Hello")
    assert desk.versions("guides/generic", "en") == []


def test_going_back_keeps_every_version_and_tells_who_and_why(desk):
    for number in (save(desk, changed("One.")), save(desk, changed("Two."))):
        publish(desk, number)
    assert desk.before("guides/generic", "en") == 1

    publish(desk, 1)
    desk.withdraw("guides/generic", "en", actor=ANNA, why="enough")

    assert in_use(desk) == GENERIC
    assert [row["version"] for row in desk.versions("guides/generic", "en")] == [2, 1]
    told = [(row["event"], row["from_state"], row["to_state"]) for row in desk.events("guides/generic", "en")]
    assert told == [
        ("published", "shipped", "1"),
        ("published", "1", "2"),
        ("published", "2", "1"),
        ("withdrawn", "1", "shipped"),
    ]
    last = desk.events("guides/generic", "en")[-1]
    assert (last["actor_kind"], last["actor_id"], last["data"]["why"]) == ("staff", "anna", "enough")


def test_the_newest_version_waits_until_it_is_published_and_not_again_when_it_is_taken_back(desk):
    assert desk.draft("guides/generic", "en") is None
    first, second = save(desk, changed("One.")), save(desk, changed("Two."))
    assert desk.draft("guides/generic", "en") == second

    publish(desk, first)
    assert desk.draft("guides/generic", "en") == second
    publish(desk, second)
    assert desk.draft("guides/generic", "en") is None
    publish(desk, first)
    assert desk.draft("guides/generic", "en") is None
    desk.withdraw("guides/generic", "en", actor=ANNA, why="")
    assert desk.draft("guides/generic", "en") is None

    assert desk.draft("guides/generic", "de") is None
    third = save(desk, changed("Three."))
    assert desk.draft("guides/generic", "en") == third


def test_before_the_first_version_stands_the_shipped_text(desk):
    with pytest.raises(DeskError, match="it is the shipped text already"):
        desk.before("guides/generic", "en")
    publish(desk, save(desk, changed("One.")))
    assert desk.before("guides/generic", "en") is None
    with pytest.raises(DeskError, match="there is no version 7"):
        publish(desk, 7)
    desk.withdraw("guides/generic", "en", actor=ANNA, why="")
    with pytest.raises(DeskError, match="it is the shipped text already"):
        desk.withdraw("guides/generic", "en", actor=ANNA, why="")


def test_nobody_overwrites_what_they_have_not_seen(desk):
    publish(desk, save(desk, changed("Mine."), base=GENERIC.sha256))

    with pytest.raises(Conflict, match=r"en/guides/generic was changed by somebody else"):
        save(desk, changed("Yours."), base=GENERIC.sha256)

    assert save(desk, changed("Yours."), base=in_use(desk).sha256) == 2


def test_several_that_need_one_another_are_published_together_or_not_at_all(desk):
    good = Change("guides/generic", "en", changed("Good."), GENERIC.sha256)
    bad = Change("guides/postfix", "en", changed("{{ x }}", FILES.exact("guides/postfix", "en")))

    with pytest.raises(Unfit, match="'x' is not a variable"):
        desk.publish_all([good, bad], actor=ANNA, why="")
    assert in_use(desk) == GENERIC

    new = Change("guides/other", "en", changed("A new server."))
    assert desk.publish_all([good, new], actor=ANNA, why="") == [1, 1]
    assert in_use(desk, "guides/other").version == 1

    with pytest.raises(Conflict, match="changed by somebody else"):
        desk.publish_all([Change("guides/generic", "en", changed("Late."), GENERIC.sha256)], actor=ANNA, why="")


def test_a_change_of_others_during_the_check_makes_it_be_checked_again(desk, monkeypatch):
    number = save(desk, changed("Mine."))
    other = save(desk, changed("Theirs.", FILES.exact("guides/postfix", "en")), name="guides/postfix")
    checked = []

    def check_while_others_publish(library):
        checked.append(library)
        if len(checked) == 1:
            monkeypatch.setattr(desk, "make_renderer", make_renderer)
            publish(desk, other, "guides/postfix")
            monkeypatch.setattr(desk, "make_renderer", check_while_others_publish)
        return make_renderer(library)

    monkeypatch.setattr(desk, "make_renderer", check_while_others_publish)
    publish(desk, number)

    assert in_use(desk).version == number
    assert checked[0].exact("guides/postfix", "en").version is None
    assert checked[-1].exact("guides/postfix", "en").version == other


def test_two_who_publish_at_once_both_get_their_turn(desk):
    numbers = [save(desk, changed(f"Version {number}.")) for number in range(2)]
    together = threading.Barrier(2)

    def one(number):
        together.wait()
        publish(desk, number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, numbers))
    assert in_use(desk).version in numbers
    assert len(desk.events("guides/generic", "en")) == 2


def test_listeners_hear_of_every_change(engine):
    heard = []
    writer = Writer(engine)
    writer.start()
    desk = TemplateDesk(
        Database(engine, writer, SystemClock()),
        files=lambda: FILES,
        make_renderer=make_renderer,
        on_change=lambda: heard.append(1),
    )
    publish(desk, save(desk, changed("One.")))
    desk.publish_all([Change("guides/generic", "en", changed("Two."))], actor=ANNA, why="")
    desk.withdraw("guides/generic", "en", actor=ANNA, why="")
    writer.stop()
    assert len(heard) == 3


def test_a_preview_shows_a_text_that_is_nowhere_stored(desk):
    page = desk.preview("guides/generic", "en", changed("Fresh *words*."), SAMPLES["dynamic"])
    assert "Fresh _words_." in page.text
    assert "Fresh <em>words</em>." in page.html

    with pytest.raises(TemplateError, match="'nowhere' is not a variable") as caught:
        desk.preview("guides/generic", "en", changed("{{ nowhere }}"), SAMPLES["dynamic"])
    assert caught.value.line == GENERIC.text.count("\n") + 2


def test_a_published_text_that_fails_leaves_the_shipped_one_in_use(desk, engine):
    publish(desk, save(desk, changed("One.")))
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(template_versions).values(source="broken"))

    library = desk.library()

    assert library.find("guides/generic", "en") == GENERIC
    (problem,) = library.problems
    assert str(problem).startswith("en/guides/generic, line 1: the published version 1 cannot be used: ")


def test_standings_tell_what_waits_and_what_is_behind(desk, engine):
    publish(desk, save(desk, changed("One.")))
    save(desk, changed("Two."))
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(template_versions).values(shipped_sha256="0" * 64))
    with engine.connect() as connection:
        found = standings(desk.library(), newest_versions(connection), read_published(connection))

    stands = {(each.name, each.locale): each for each in found}
    english, german = stands["guides/generic", "en"], stands["guides/generic", "de"]
    assert (english.template.version, english.draft, english.shipped_changed, english.is_behind) == (1, 2, True, False)
    assert (german.draft, german.shipped_changed, german.is_behind) == (None, False, True)
    assert not stands["answer", "de"].is_behind


def test_what_was_taken_back_stands_as_no_draft(desk, engine):
    new = Change("guides/other", "en", changed("A new server."))
    desk.publish_all([Change("guides/generic", "en", changed("One.")), new], actor=ANNA, why="")
    for name in ("guides/generic", "guides/other"):
        desk.withdraw(name, "en", actor=ANNA, why="")
    with engine.connect() as connection:
        found = standings(desk.library(), newest_versions(connection), read_published(connection))

    stands = {(each.name, each.locale): each for each in found}
    assert (stands["guides/generic", "en"].template, stands["guides/generic", "en"].draft) == (GENERIC, None)
    assert (stands["guides/other", "en"].template, stands["guides/other", "en"].draft) == (None, None)


def test_a_translation_is_behind_when_its_english_text_has_another_digest(tmp_path):
    front = '+++\ntitle = "x"\nsubject = "y"\n{}+++\n'
    for locale, extra in (("en", ""), ("de", 'translates = "0123"\n')):
        (tmp_path / locale).mkdir()
        (tmp_path / locale / "answer.md").write_text(front.format(extra))
    english = Library(tmp_path).exact("answer", "en")
    assert {each.locale: each.is_behind for each in standings(Library(tmp_path), (), ())} == {"de": True, "en": False}

    (tmp_path / "de" / "answer.md").write_text(front.format(f'translates = "{english.sha256[:12]}"\n'))
    assert not any(each.is_behind for each in standings(Library(tmp_path), (), ()))
    assert missing_locales(Library(tmp_path)) == {}
    (tmp_path / "en" / "denied.md").write_text(front.format(""))
    assert missing_locales(Library(tmp_path)) == {"denied": ["de"]}


def test_the_difference_of_two_texts():
    assert difference("a\nb\n", "a\nb\n", "old", "new") == []
    assert difference("a\nb\n", "a\nc\n", "old", "new") == ["--- old", "+++ new", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]
