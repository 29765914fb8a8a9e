"""Pleas and refusals find each other: by the reference that is quoted, or by the sender who was refused."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address

import pytest

from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.plea import AddressSource, Proof
from responder.domain.reading import read
from responder.domain.refusal_text import refusal_text
from responder.services.recall import Recall
from responder.services.refusals import Refusals
from responder.storage.errors import StorageUnavailable
from responder.storage.writer import Writer
from tests.support.clock import FakeClock
from tests.support.pleas import IDENTITY

REFUSED = ip_address("203.0.113.9")
PROVIDER = ip_address("198.51.100.200")
SENDER = "ann@shop.example"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def refused(engine, clock):
    """The reference of a refusal of SENDER from REFUSED."""
    writer = Writer(engine)
    writer.start()
    refusals = Refusals(writer, clock, remember_for=timedelta(days=30))
    reference = refusals.note(REFUSED, SENDER)
    refusals.flush()
    yield reference
    writer.stop()


@pytest.fixture
def recall(engine, clock):
    return Recall(engine, partial(read, identity=IDENTITY), remember_for=timedelta(days=30), clock=clock.now)


def plea(text, *, sender=SENDER, subject="refused", client=PROVIDER, helo="mail.provider.example"):
    kept = f"From: {sender}\nSubject: {subject}\nMessage-ID: <1@shop.example>\n\n{text}\n".encode()
    bypass = (Recipient("bypass@example.com", RecipientKind.BYPASS),)
    envelope = Envelope(
        sender, bypass, client, ClientSource.PEER, helo, False, False, False, datetime.now(UTC)
    )  # fmt: skip
    return envelope, Content(kept, len(kept), hashlib.sha256(kept).digest())


def found(reading):
    return reading.plea.address, reading.plea.address_source, reading.plea.proof


def test_a_plea_from_another_path_finds_the_refusal_of_its_sender(recall, refused):
    assert found(recall.read(*plea("Why are we refused?"))) == (REFUSED, AddressSource.REFUSAL, Proof.NONE)
    assert found(recall.read(*plea("Why are we refused?", sender="bob@shop.example")))[0] is None


def test_the_quoted_refusal_gives_address_and_proof(recall, refused):
    quoted = refusal_text(REFUSED, "bypass@example.com", refused)
    reading = recall.read(*plea(f"It says:\n{quoted}", sender="ann@gmail.com"))
    assert found(reading) == (REFUSED, AddressSource.REJECTION, Proof.REFERENCE)


@pytest.mark.parametrize("place", ["text", "subject"])
def test_the_reference_alone_finds_the_address_whoever_writes(recall, refused, place):
    words = (
        {"text": f"Your reference is {refused.lower()}."}
        if place == "text"
        else {"text": "see above", "subject": refused}
    )
    reading = recall.read(*plea(sender="ann@gmail.com", **words))
    assert found(reading) == (REFUSED, AddressSource.REFUSAL, Proof.REFERENCE)


def test_a_reference_proves_nothing_about_another_address(recall, refused):
    reading = recall.read(*plea(f"Our server 203.0.113.77 is static, see {refused}.", sender="ann@gmail.com"))
    assert found(reading) == (ip_address("203.0.113.77"), AddressSource.TEXT, Proof.NONE)


def test_what_nobody_refused_is_read_as_it_stands(recall, refused):
    assert found(recall.read(*plea("The ref is AAAAA-AAAAA.", sender="eve@else.example"))) == (None, None, Proof.NONE)


def test_a_refusal_counts_for_its_time(recall, refused, clock):
    clock.advance(days=31)
    assert found(recall.read(*plea(f"Refused: {refused}")))[0] is None


def test_the_null_reverse_path_is_no_sender_to_look_for(recall, engine, refused, clock):
    writer = Writer(engine)
    writer.start()
    refusals = Refusals(writer, clock, remember_for=timedelta(days=30))
    refusals.note(REFUSED, "")
    refusals.flush()
    writer.stop()
    assert found(recall.read(*plea("Refused", sender="")))[0] is None


def test_the_database_is_not_asked_when_it_can_tell_nothing_more(recall, refused, monkeypatch, engine):
    def fail(*_, **__):
        raise AssertionError("asked")

    monkeypatch.setattr(type(engine), "connect", fail)
    text = "550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned."
    assert found(recall.read(*plea(text))) == (REFUSED, AddressSource.REJECTION, Proof.NONE)


def test_a_database_in_trouble_keeps_no_plea_from_being_read(recall, refused, monkeypatch, engine):
    def fail(*_, **__):
        raise StorageUnavailable("gone")

    monkeypatch.setattr(type(engine), "connect", fail)
    assert recall.read(*plea(f"Refused: {refused}")).message.subject == "refused"
