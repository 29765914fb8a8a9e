"""Staff are told once, by one node, and never too often."""

import json
import threading
from dataclasses import replace
from datetime import time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from responder.domain.actor import SERVICE
from responder.services.composition import Sender
from responder.services.digest import MOST_ALARMS_PER_HOUR, News, StaffNews, StaffTerms
from responder.services.webhook import post_json
from responder.storage.audit import note_event
from responder.storage.outbox import read_contents
from responder.storage.schema import outbound
from tests.support.answers import read
from tests.support.pleas import IDENTITY
from tests.support.ports import free_port
from tests.support.review import Office

TERMS = StaffTerms(
    recipients=("ann@example.com", "bob@example.com"),
    webhook="",
    digest_at=time(0, 0),
    base_url="https://desk.example",
    overdue_after=timedelta(days=3),
    sender=Sender("bypass@example.com", "Help", IDENTITY.loop_token, True),
    envelope_sender="",
)


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def news(office, **terms):
    return StaffNews(office.engine, office.writer, IDENTITY, replace(TERMS, **terms))


def told(office):
    rows = [row for row in office.rows(outbound) if row.request_id is None]
    with office.engine.connect() as connection:
        contents = read_contents(connection, [row.id for row in rows])
    return [(row.recipient, read(contents[row.id])) for row in rows]


def test_a_digest_goes_to_everybody_once_a_day(office):
    office.plead()
    for node in (news(office), news(office)):
        assert node.run_due(office.clock.now()) is False
    letters = told(office)
    assert [recipient for recipient, _ in letters] == ["ann@example.com", "bob@example.com"]
    letter = letters[0][1]
    assert letter["Subject"] == "Exemption requests: 1 waiting, 0 overdue"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "New requests in 24 hours:      1" in letter.get_content()
    assert "https://desk.example" in letter.get_content()


def test_no_digest_before_its_time_nor_where_there_is_none(office):
    now = office.clock.now()
    later = (now + timedelta(hours=1)).time()
    if later > now.time():
        news(office, digest_at=later).run_due(now)
    news(office, digest_at=None).run_due(now)
    news(office, recipients=()).run_due(now)
    assert told(office) == []


def test_a_failed_template_is_an_alarm_that_is_not_repeated(office):
    data = {"name": "answer", "locale": "en", "problem": "no such variable"}
    now = office.clock.now()
    office.writer.run(lambda c: note_event(c, ("template", 0), "failed", SERVICE, now, data=data)).result()
    for _ in range(3):
        news(office, digest_at=None).run_due(now)
    (_, letter), _ = told(office)
    assert letter["Subject"] == "A template failed in use"
    assert "en/answer failed in use: no such variable" in letter.get_content()


def test_answers_that_do_not_leave_are_an_alarm(office):
    office.plead()
    old = office.clock.now() - timedelta(hours=1)
    office.change(outbound, due_at=old)
    news(office, digest_at=None).run_due(office.clock.now())
    assert told(office)[0][1]["Subject"] == "Answers do not leave"


def test_there_are_never_more_than_a_few_alarms_in_an_hour(office):
    desk, now = news(office), office.clock.now().replace(minute=30)
    results = [
        office.writer.run(lambda c, each=number: desk._tell_once(c, News(f"a{each}", "x", ()), now)).result()
        for number in range(MOST_ALARMS_PER_HOUR + 3)
    ]
    assert results == [True] * MOST_ALARMS_PER_HOUR + [False] * 3
    later = now + timedelta(hours=1)
    assert office.writer.run(lambda c: desk._tell_once(c, News("late", "x", ()), later)).result()


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "http://192.0.2.1/")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    with HTTPServer(("127.0.0.1", 0), _Hook) as server:
        server.taken, server.status = [], 204
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_webhook_gets_the_same(office, hook):
    url = f"http://127.0.0.1:{hook.server_port}/hook?key=1"
    news(office, webhook=url, recipients=()).run_due(office.clock.now())
    (data,) = hook.taken
    assert data["kind"] == "digest"
    assert data["lines"]


def test_a_webhook_that_does_not_work_does_no_harm(office, hook):
    hook.status = 302
    assert post_json(f"http://127.0.0.1:{hook.server_port}/", {}) is False
    assert len(hook.taken) == 1, "no redirect is followed"
    news(office, webhook=f"http://127.0.0.1:{free_port()}/").run_due(office.clock.now())
    assert len(told(office)) == 2
