"""A running process takes what staff publish, and tells staff which templates fail."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.services.clock import SystemClock
from responder.services.samples import SAMPLES
from responder.services.templates.library import Library
from responder.services.templates.watch import TemplateWatch, Troubles, WatchedRenderer, find_troubles
from responder.storage import templates
from responder.storage.serials import TEMPLATES, raise_serial
from responder.storage.writer import Writer
from tests.support.answers import make_renderer, source, write_library
from tests.support.pleas import NOON

FILES = Library()
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


def put(engine, text, *, name="guides/generic"):
    with engine.execution_options(write=True).begin() as connection:
        row = templates.add_version(
            connection, name=name, locale="en", source=text, shipped_sha256=None, created_by="a", why="", at=NOON
        )
        templates.publish(connection, row, by="a", at=NOON)


def test_what_is_published_is_taken_once(engine):
    watch = TemplateWatch(engine, FILES)
    assert watch.library is FILES
    assert watch.refresh()
    assert not watch.refresh()
    put(engine, FILES.exact("guides/generic", "en").text + "More.\n")
    assert watch.refresh()
    assert watch.library.exact("guides/generic", "en").version == 1
    assert not watch.refresh()


def test_other_files_are_taken_with_what_is_published(engine, tmp_path):
    put(engine, FILES.exact("guides/generic", "en").text + "More.\n")
    watch = TemplateWatch(engine, FILES)
    watch.refresh()
    watch.take(write_library(tmp_path, answer=source("x")))
    assert watch.refresh()
    assert [(each.name, each.version) for each in watch.library.templates] == [("answer", None), ("guides/generic", 1)]


def test_a_change_that_is_undone_leaves_the_shipped_texts(engine):
    watch = TemplateWatch(engine, FILES)
    put(engine, "broken")
    watch.refresh()
    assert watch.library.find("guides/generic", "en").source == "shipped"
    with engine.execution_options(write=True).begin() as connection:
        templates.withdraw(connection, "guides/generic", "en")
        raise_serial(connection, TEMPLATES)
    assert watch.refresh()
    assert watch.library.problems == ()


@pytest.fixture
def writer(engine):
    writer = Writer(engine)
    writer.start()
    yield writer
    writer.stop()


def test_a_template_that_fails_in_use_is_told_to_staff_once(engine, writer):
    bad = source("{{ reference }} {{ organization.nowhere }}")
    put(engine, bad, name="answer")
    watch = TemplateWatch(engine, FILES)
    watch.refresh()
    words = WatchedRenderer(make_renderer(watch.library), Troubles(writer, SystemClock()).note)

    rendered = [words.render(SAMPLES["dynamic"]) for _ in range(3)]
    writer.run(lambda _: None).result()

    assert {each.template for each in rendered} == {"answer"}
    assert all(b"SMARTHOST" in each.content for each in rendered)
    with engine.connect() as connection:
        (line,) = find_troubles(connection, BEFORE)
        assert find_troubles(connection, datetime.now(UTC) + timedelta(days=1)) == []
    assert line.startswith("en/answer failed in use: en/answer, line 5: ")
    assert "nowhere" in line
