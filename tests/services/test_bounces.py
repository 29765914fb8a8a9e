"""Notices that come back: only our own are known, only failures count, and the case is shown as unread."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from responder.domain.envelope import Recipient, RecipientKind
from responder.domain.message import read_message
from responder.services.bounces import is_failure_report, make_bounce_address, note_bounces, notices_named
from responder.services.review_actions import Approve, MarkRead
from responder.storage.schema import outbound
from tests.support.pleas import IDENTITY, Letter
from tests.support.review import ANN, Office

REPORT = """From: MAILER-DAEMON@mx.shop.example
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It did not work.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.example

Final-Recipient: rfc822; admin@shop.example
Action: {action}
Status: 5.1.1
--b--
"""


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def envelope(tag, reverse_path=""):
    recipient = Recipient(f"bypass+{tag}@example.com", RecipientKind.BYPASS, tag)
    return replace(Letter().envelope(), recipients=(recipient,), reverse_path=reverse_path)


def message(text):
    return read_message(text.replace("\n", "\r\n").encode())


def test_the_bounce_address_of_a_notice_names_it_and_no_other_does():
    message_id = IDENTITY.make_message_id(4711)
    address = make_bounce_address(IDENTITY, message_id)
    local, _, domain = address.partition("@")
    tag = local.partition("+")[2]
    assert (local.partition("+")[0], domain) == ("bypass", "example.com")
    assert IDENTITY.recipient(address).tag == tag
    assert notices_named(envelope(tag), IDENTITY) == (message_id,)
    assert notices_named(envelope(tag.upper()), IDENTITY) == (message_id,)
    for wrong in ("b-1267.0000000000000000", "b-", tag.removeprefix("b-"), "r-abc", "b-\u00e4\x1b"):
        assert notices_named(envelope(wrong), IDENTITY) == ()
    assert make_bounce_address(replace(IDENTITY, plus_addressing=False), message_id) is None


@pytest.mark.parametrize(
    ("text", "reverse_path", "is_failure"),
    [
        (REPORT.format(action="failed"), "", True),
        (REPORT.format(action="FAILED"), "", True),
        (REPORT.format(action="delayed"), "", False),
        (REPORT.format(action="relayed"), "", False),
        ("Subject: failure notice\n\nHi. This is the qmail-send program.\n", "", True),
        ("Auto-Submitted: auto-replied\nSubject: away\n\nI am away.\n", "", False),
        ("Subject: Re: your request\n\nThank you!\n", "ann@shop.example", False),
    ],
)
def test_only_what_could_not_be_delivered_is_a_failure(text, reverse_path, is_failure):
    assert is_failure_report(envelope("b-x", reverse_path), message(text)) is is_failure


def test_a_notice_that_came_back_is_marked_and_its_case_is_unread(office):
    reference = office.plead()
    office.review.decide(reference, Approve(), ANN)
    office.review.decide(reference, MarkRead(), ANN)
    (notice,) = office.sent(reference)

    def note():
        at = datetime.now(UTC)
        return office.writer.run(lambda connection: note_bounces(connection, [notice.message_id_header], at)).result()

    assert note() == 0
    assert office.sent(reference)[0].state == "queued"
    office.change(outbound, state="sent")
    assert (note(), note()) == (1, 0)
    assert office.sent(reference)[0].state == "bounced"
    assert office.request(reference)["unread"]
    assert office.events(reference)[-1] == "bounced"
