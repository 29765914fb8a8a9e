"""The index of words: what people wrote is found by beginnings of its words, soon, and once it is indexed in full."""

import hashlib
from datetime import timedelta
from ipaddress import ip_network

import pytest

from responder.domain.envelope import Content
from responder.services.review_actions import Dismiss
from responder.storage.request_lists import count_requests, list_requests
from responder.storage.requests import RequestFilter
from responder.storage.schema import messages, raw_messages
from responder.storage.texts import read_mark
from tests.support.pleas import Letter
from tests.support.review import ANN, Office


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


@pytest.fixture
def write(office, monkeypatch):
    """Store a plea with these words and give its reference."""

    def written(words, kind="text/plain; charset=utf-8", **letter):
        body = words.encode() if isinstance(words, str) else words
        plain = Letter.content

        def content(self):
            kept = plain(self).kept.replace(b"\r\n\r\n", f"\r\nContent-Type: {kind}\r\n\r\n".encode(), 1) + body
            return Content(kept, len(kept), hashlib.sha256(kept).digest())

        monkeypatch.setattr(Letter, "content", content)
        reference = office.plead(**letter)
        monkeypatch.setattr(Letter, "content", plain)
        return reference

    return written


def index(office):
    while office.index.run_due(office.clock.now()):
        pass


def found(office, text, **others):
    with office.engine.connect() as connection:
        wanted = RequestFilter(text=text, **others)
        rows = list_requests(connection, wanted, limit=0)
        assert count_requests(connection, wanted) == (len(rows), True)
        return [row["reference"] for row in rows]


def test_what_was_written_is_found_by_beginnings_of_words(office, write):
    reference = write("Guten Tag, unser Straßenbüro bei der Telekom kann nicht mehr senden.")
    write("Something else entirely.", sender="b@other.example", address="198.51.100.7")
    index(office)
    for text in ("strassenb", "STRAßENBÜRO", "telek", "send guten", "shop.exam", "admin@shop", reference[:5].lower(),
                 "203.0.113.9", "refused", "mail.shop"):  # fmt: skip
        assert reference in found(office, text), text
    for text in ("elekom", "telekom nothing", "113.0.203", "unsent"):
        assert found(office, text) == [], text


def test_what_a_row_says_is_found_before_it_is_indexed(office, write):
    first = write("telephone")
    index(office)
    second = office.plead(sender="b@other.example", subject="Telephone order")
    assert found(office, "teleph") == [second, first]
    index(office)
    assert found(office, "teleph") == [second, first]


def test_a_follow_up_adds_its_words(office, write):
    reference = write("first words")
    index(office)
    token = office.request(reference)["reply_token"]
    assert write("The provider has sent a certificate.", tag=f"r-{token}") == reference
    index(office)
    assert found(office, "certif") == found(office, "first") == [reference]


def test_html_is_read_as_people_see_it(office, write):
    reference = write("<p>Our <b>line</b> is leased</p><style>invisible</style>", "text/html")
    index(office)
    assert found(office, "leased") == [reference]
    assert found(office, "invisible") == []


@pytest.mark.parametrize("octets", [b"\xff\xfe\x00" * 5000, b"word " * 200_000, b"x" * 100_000])
def test_hostile_words_are_bounded(office, write, octets):
    reference = write(octets)
    index(office)
    assert found(office, "admin") == [reference]


def test_octets_that_are_gone_or_broken_leave_the_rest_found(office, write):
    reference = write("words")
    office.change(raw_messages, raw=b"no zlib stream")
    index(office)
    assert found(office, "admin") == [reference]


def test_indexing_goes_on_where_it_was_and_takes_late_commits(office, write):
    first = write("alpha")
    index(office)
    with office.engine.connect() as connection:
        mark = read_mark(connection)
    assert mark == office.rows(messages)[-1].id
    index(office)
    second = write("beta", sender="b@other.example")
    late = office.rows(messages)[-1].id
    with office.engine.execution_options(write=True).begin() as connection:
        early = mark - 5_000
        connection.execute(messages.update().where(messages.c.id == late).values(id=early))
        connection.execute(raw_messages.update().where(raw_messages.c.message_id == late).values(message_id=early))
    index(office)
    assert (found(office, "alpha"), found(office, "beta")) == ([first], [second])


def test_words_and_other_filters_go_together(office, write):
    first = write("telephone", sender="a@one.example")
    second = write("telephone", sender="b@deep.two.example", address="198.51.100.7")
    third = write("television", sender="c@two.example", address="203.0.113.10")
    office.review.decide(third, Dismiss(), ANN)
    index(office)
    assert found(office, "tele") == [second, first]
    assert found(office, "tele", states=()) == [third, second, first]
    assert found(office, "tele", domain="two.example", states=()) == [third, second]
    assert found(office, "tele", domain="TWO.example.") == [second]
    assert found(office, "tele", address=ip_network("198.51.100.0/24")) == [second]
    assert found(office, "tele", contact="a@one.example") == [first]
    assert found(office, "tele", since=office.clock.now() + timedelta(days=1)) == []


def test_domains_are_found_before_and_after_they_are_indexed(office, write):
    def of_domain(domain):
        with office.engine.connect() as connection:
            return [row["reference"] for row in list_requests(connection, RequestFilter(domain=domain), limit=0)]

    first = write("x", sender="a@deep.two.example")
    index(office)
    second = write("x", sender="b@two.example")
    write("x", sender="c@notwo.example")
    for _ in range(2):
        assert of_domain("two.example") == [second, first]
        assert of_domain("deep.two.example") == [first]
        index(office)


def test_pages_of_a_search_join_without_gap_or_repeat(office, write):
    for number in range(7):
        write("common", sender=f"a{number}@shop.example")
    index(office)
    write("common", sender="late@shop.example")
    everything = found(office, "shop")
    assert len(everything) == 8
    pages, after = [], None
    while True:
        page = office.queue.list(RequestFilter(text="shop"), limit=3, after=after)
        pages += [row["reference"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert pages == everything
