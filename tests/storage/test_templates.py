"""Versions of templates: numbered, kept for good, one of them published; and the serial that tells of it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from responder.domain.actor import SERVICE
from responder.storage import templates
from responder.storage.audit import note_event
from responder.storage.schema_desk import template_versions
from responder.storage.serials import TEMPLATES, lock_serial, raise_serial, read_serial
from tests.support.pleas import NOON


@pytest.fixture
def writing(engine):
    return engine.execution_options(write=True)


def add(connection, name="answer", locale="en", source="text", **changes):
    given = {"shipped_sha256": None, "created_by": "anna", "why": "", "at": NOON}
    return templates.add_version(connection, name=name, locale=locale, source=source, **(given | changes))


def test_versions_are_numbered_for_each_name_and_locale(writing):
    with writing.begin() as connection:
        numbers = [add(connection, name, locale)["version"] for name, locale in (
            ("answer", "en"), ("answer", "de"), ("answer", "en"), ("denied", "en"), ("answer", "en"),
        )]  # fmt: skip
        assert numbers == [1, 1, 2, 1, 3]
        assert [row["version"] for row in templates.list_versions(connection, "answer", "en")] == [3, 2, 1]
        assert [row["version"] for row in templates.list_versions(connection, "answer", "en", limit=1)] == [3]
        newest = {(row["name"], row["locale"]): row["version"] for row in templates.newest_versions(connection)}
        assert newest == {("answer", "en"): 3, ("answer", "de"): 1, ("denied", "en"): 1}


def test_a_draft_is_seen_by_nobody_until_it_is_published(writing):
    with writing.begin() as connection:
        first, second = add(connection, source="one"), add(connection, source="two", why="better")
        serial = read_serial(connection, TEMPLATES)
        assert templates.read_published(connection) == []

        templates.publish(connection, first, by="bert", at=NOON)
        templates.publish(connection, second, by="carl", at=NOON + timedelta(days=1))

        (row,) = templates.read_published(connection)
        assert (row["source"], row["version"], row["published_by"], row["why"]) == ("two", 2, "carl", "better")
        assert row["published_at"] == NOON + timedelta(days=1)
        assert templates.find_published(connection, "answer", "en")["id"] == second["id"]
        assert templates.find_published(connection, "answer", "de") is None
        assert read_serial(connection, TEMPLATES) == serial + 2

        templates.withdraw(connection, "answer", "en")
        assert templates.read_published(connection) == []
        assert len(templates.list_versions(connection, "answer", "en")) == 2
        assert read_serial(connection, TEMPLATES) == serial + 3


def test_a_version_that_was_ever_published_tells_so(writing):
    with writing.begin() as connection:
        first, second = add(connection, source="one"), add(connection, source="two")
        add(connection, locale="de")

        def told():
            return [bool(row["was_published"]) for row in templates.list_versions(connection, "answer", "en")]

        note_event(connection, (templates.SUBJECT, second["id"]), "failed", SERVICE, NOON)
        note_event(connection, ("request", second["id"]), templates.PUBLISHED, SERVICE, NOON)
        assert told() == [False, False]
        templates.publish(connection, first, by="a hand, which notes nothing", at=NOON)
        assert told() == [False, True]
        templates.publish(connection, second, by="bert", at=NOON)
        note_event(connection, (templates.SUBJECT, second["id"]), templates.PUBLISHED, SERVICE, NOON)
        templates.withdraw(connection, "answer", "en")
        assert told() == [True, False]
        newest = {row["locale"]: bool(row["was_published"]) for row in templates.newest_versions(connection)}
        assert newest == {"en": True, "de": False}


def test_a_version_is_found_by_its_number(writing):
    with writing.begin() as connection:
        add(connection, source="one")
        assert templates.find_version(connection, "answer", "en", 1)["sha256"] == templates.digest("one")
        assert templates.find_version(connection, "answer", "en", 2) is None
        assert templates.find_version(connection, "answer", "de", 1) is None


def test_what_a_hand_put_in_is_never_read_without_bound(writing):
    with writing.begin() as connection:
        row = dict(add(connection))
        values = {name: row[name] for name in template_versions.c.keys() if name in row}  # noqa: SIM118
        connection.execute(insert(template_versions).values(values | {"id": 7, "version": 9, "source": "x" * 600_000}))
        huge = templates.find_version(connection, "answer", "en", 9)
        templates.publish(connection, huge, by="nobody", at=NOON)
        (published,) = templates.read_published(connection)
        assert len(published["source"]) == 256 * 1024


def test_authors_at_the_same_time_get_numbers_of_their_own(open_engine, writing):
    together = threading.Barrier(4)

    def write(_):
        engine = open_engine().execution_options(write=True)
        together.wait()
        with engine.begin() as connection:
            return add(connection)["version"]

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(write, range(4))) == [1, 2, 3, 4]
    with writing.connect() as connection:
        assert len(connection.execute(select(template_versions)).all()) == 4


def test_a_serial_begins_with_nothing_and_grows(writing):
    with writing.begin() as connection:
        assert read_serial(connection, "other") == 0
        assert lock_serial(connection, "other") == 0
        assert [raise_serial(connection, "other") for _ in range(3)] == [1, 2, 3]
        assert lock_serial(connection, "other") == 3
        assert read_serial(connection, TEMPLATES) == 0
