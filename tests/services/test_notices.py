"""What a decision says in the message about it, as it leaves: its words, its marks, and the way back."""

from email import message_from_bytes, policy

import pytest

from responder.domain.address import parse_network
from responder.services.letters import Letters
from responder.services.notices import recipient_of
from responder.services.review_actions import Approve, Ask, Deny
from responder.services.templates.library import Library
from responder.storage.outbox import read_facts
from tests.support.answers import make_renderer
from tests.support.review import ANN, Office


@pytest.fixture
def office(engine):
    office = Office(engine)
    yield office
    office.close()


def written(office, reference):
    """Give the last message about a request as it would leave."""
    with office.engine.connect() as connection:
        (facts,) = read_facts(connection, [office.sent(reference)[-1].id])
    letter = Letters(Library(), guides=["generic"], quote_subject=False).make(dict(facts))
    rendered = make_renderer(html=False).render(letter)
    assert rendered.problem is None
    return message_from_bytes(rendered.content, policy=policy.default)


def approve(office, reference):
    office.review.decide(reference, Approve(reason="not for the sender", text="Welcome!"), ANN)


def revoke(office, reference):
    approve(office, reference)
    office.exemptions.revoke(office.exempt()[0].id, ANN, reason="Unwanted mail came.", text="Sorry.")


@pytest.mark.parametrize(
    ("decide", "marks", "words"),
    [
        (approve, "auto-generated", ("203.0.113.9", "Welcome!", "has not been delivered")),
        (
            lambda office, reference: office.review.decide(
                reference, Deny(("dynamic",), "Your provider says so.", "Bye."), ANN
            ),
            "auto-generated",
            ("203.0.113.9", "Your provider says so.", "Bye."),
        ),
        (
            lambda office, reference: office.review.decide(reference, Ask("Which network\nis it?"), ANN),
            None,
            ("Which network", "is it?"),
        ),
        (revoke, "auto-generated", ("203.0.113.9", "Unwanted mail came.", "Sorry.")),
    ],
)
def test_each_message_says_what_was_decided(office, decide, marks, words):
    reference = office.plead()
    decide(office, reference)
    message = written(office, reference)
    text = message.get_content()
    assert message["To"] == "admin@shop.example"
    assert message["Auto-Submitted"] == marks
    assert message["Precedence"] is None
    assert message["In-Reply-To"] == "<1@mail.shop.example>"
    assert reference in message["Subject"]
    assert f"+r-{office.request(reference)['reply_token']}@" in message["Reply-To"]
    assert [word for word in words if word not in text] == []
    assert "not for the sender" not in text


def test_a_revocation_is_in_the_history_of_its_request(office):
    reference = office.plead()
    revoke(office, reference)
    assert office.events(reference) == ["opened", "approved", "revoked"]
    assert office.request(reference)["state"] == "approved"


def test_nobody_is_told_of_what_is_revoked_quietly_or_belongs_to_no_request(office):
    reference = office.plead()
    approve(office, reference)
    office.exemptions.revoke(office.exempt()[0].id, ANN, notify=False)
    made = office.exemptions.add(parse_network("203.0.113.77"), ANN, reason="by hand")
    assert office.exemptions.revoke(made.exemption_id, ANN).outbound_id is None
    assert len(office.sent(reference)) == 1


@pytest.mark.parametrize(
    ("reverse_path", "recipient"),
    [
        ("Ann.Smith@Shop.example", "Ann.Smith@Shop.example"),
        ("ann+orders@shop.example", "ann+orders@shop.example"),
        ("prvs=0123456789=ann@shop.example", "ann@shop.example"),
        ("btv1==012==ann@shop.example", "ann@shop.example"),
        ("SRS0=ab+c=d3=shop.example=ann@forwarder.example", "ann@shop.example"),
        ('"odd name"@shop.example', '"odd name"@shop.example'),
    ],
)
def test_notices_go_to_the_mailbox_behind_the_reverse_path(reverse_path, recipient):
    assert recipient_of(reverse_path) == recipient
