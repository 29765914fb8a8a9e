"""From a row of the outbox to the letter: what a decision says is taken from its data."""

from datetime import UTC, datetime

import pytest

from responder.domain.address import parse_network
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Proof
from responder.services.letter import LetterDecision
from responder.services.letters import Letters
from responder.services.templates.library import Library

LETTERS = Letters(Library(), guides=["exchange-2007", "generic"], quote_subject=False)
ROW = {
    "id": 1,
    "kind": "notice",
    "recipient": "admin@example.org",
    "message_id_header": "<1@example.com>",
    "template": "approved",
    "locale": "de",
    "created_at": datetime(2024, 3, 4, tzinfo=UTC),
    "message_message_id_header": None,
    "message_message_references": None,
    "message_subject": None,
    "message_refused_key": None,
    "message_address_source": None,
    "message_rejection": None,
    "message_software_product": None,
    "message_software_version": None,
    "message_software_name": None,
    "message_software_certainty": None,
    "message_software_evidence": None,
    "request_reference": "9K3QF-2M7XA",
    "request_reply_token": "q7m2k9x4c1v8b3n6",
    "request_networks": ["203.0.113.9/32"],
    "request_proof": "client",
    "request_address_key": bytes(10) + b"\xff\xff" + bytes([203, 0, 113, 9]),
    "request_address_source": "rejection",
    "request_advice": None,
    "findings": (),
    "data": None,
}


def test_an_answer_has_no_decision():
    rejection = {"cause": "dynamic", "ours": True, "by": "mx.example.com"}

    letter = LETTERS.make(ROW | {"kind": "reply", "template": "answer", "message_rejection": rejection})

    assert letter.decision is None
    assert letter.evidence is None
    assert (letter.cause, letter.ours, letter.refused_by) == (Cause.DYNAMIC, True, "mx.example.com")


def test_a_notice_takes_its_decision_from_the_data():
    data = {
        "network": "203.0.113.8/29",
        "expires_at": "2025-03-04T09:30:00Z",
        "reason": "because",
        "paragraphs": ["dynamic", "not-yours"],
        "text": "a\nb",
    }

    letter = LETTERS.make(ROW | {"data": data})

    assert letter.decision == LetterDecision(
        parse_network("203.0.113.8/29"),
        datetime(2025, 3, 4, 9, 30, tzinfo=UTC),
        "because",
        ("dynamic", "not-yours"),
        "a\nb",
    )
    assert (letter.kind, letter.template, letter.locale) == (Kind.NOTICE, "approved", "de")
    assert str(letter.address) == "203.0.113.9"
    assert (letter.address_source, letter.proof) == (AddressSource.REJECTION, Proof.CLIENT)


@pytest.mark.parametrize("data", [{}, {"network": None, "expires_at": None, "paragraphs": None, "text": None}])
def test_data_may_leave_out_what_there_is_not(data):
    assert LETTERS.make(ROW | {"data": data}).decision == LetterDecision()


def test_only_an_answer_repeats_the_subject():
    letters = Letters(Library(), guides=[], quote_subject=True)
    row = ROW | {"message_subject": "help"}

    assert letters.make(row).quoted_subject is None
    assert letters.make(row | {"kind": "reply"}).quoted_subject == "help"


def test_guides_are_for_answers():
    assert LETTERS.make(ROW | {"kind": "reply"}).guides == ("exchange-2007", "generic")
    assert LETTERS.make(ROW).guides == ()
