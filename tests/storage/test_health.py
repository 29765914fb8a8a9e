"""What the doctor counts."""

from datetime import UTC, datetime, timedelta

import pytest

from responder.domain.disposition import Reason
from responder.storage.health import read_health
from tests.support.pleas import silent
from tests.support.review import Office


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def limited(office):
    now = datetime.now(UTC)
    with office.engine.connect() as connection:
        return read_health(connection, since=now - timedelta(days=1), now=now, patience=timedelta(minutes=5)).limited


def test_whoever_never_heard_from_us_because_of_a_limit_is_counted(office):
    office.plead(decision=silent(Reason.REPLY_LIMIT))
    assert limited(office) == 1


def test_a_conversation_that_goes_on_without_automatic_answers_is_no_trouble(office):
    reference = office.plead()
    office.plead(tag=f"r-{office.request(reference)['reply_token']}", decision=silent(Reason.REPLY_LIMIT))
    assert limited(office) == 0
