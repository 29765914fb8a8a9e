from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.disposition import RULES, Decision, Disposition, Reason, decide, is_from_postmaster
from responder.domain.marks import LOOP_FIELD
from responder.domain.message import Field, Header, InboundMessage, Mailbox, PartKind
from tests.support.mail import BYPASS, IDENTITY, STAFF, envelope, message, reason_of, text_part

OUR_ID = IDENTITY.make_message_id(4711)


def test_a_plain_plea_is_answered():
    assert decide(envelope(), message(), IDENTITY) == Decision(Disposition.ANSWER)


def test_reasons_are_tried_in_their_declared_order():
    order = list(Reason)
    assert [reason for reason, _ in RULES] == sorted((reason for reason, _ in RULES), key=order.index)


# Recipients


def test_mail_to_postmaster_alone_is_for_staff():
    assert decide(envelope(recipients=(STAFF,)), message(), IDENTITY).reason is Reason.TO_STAFF


def test_mail_to_postmaster_and_the_bypass_address_is_answered():
    assert decide(envelope(recipients=(STAFF, BYPASS)), message(), IDENTITY).reason is None


def test_the_bypass_address_need_not_stand_in_the_header():
    assert reason_of("To: somebody@else.example") is None
    assert reason_of("To: undisclosed-recipients:;") is None


# Reverse-path


def test_the_null_reverse_path_is_never_answered():
    assert reason_of(reverse_path="") is Reason.NULL_REVERSE_PATH


@pytest.mark.parametrize("value", ["<>", " <> ", "MAILER-DAEMON", "<MAILER-DAEMON>", "mailer-daemon"])
def test_a_null_return_path_in_the_header_counts_as_one(value):
    assert reason_of(f"Return-Path: {value}") is Reason.NULL_REVERSE_PATH


def test_every_return_path_counts():
    assert reason_of("Return-Path: <a@b.example>", "Return-Path: <>") is Reason.NULL_REVERSE_PATH
    assert reason_of("Return-Path: <a@b.example>") is None


@pytest.mark.parametrize(
    "reverse_path",
    [
        "admin",
        "admin@",
        "@sender.example",
        "#@[]",
        "a@b@sender.example",
        "a b@sender.example",
        "a@sender..example",
        "a\x00@sender.example",
        "admin@[192.0.2.1]",
        "admin@[IPv6:2001:db8::1]",
        "admin@192.0.2.1",
        "\ud800@sender.example",
    ],
)
def test_an_address_that_cannot_be_answered_is_not(reverse_path):
    assert reason_of(reverse_path=reverse_path) is Reason.UNANSWERABLE_ADDRESS


@pytest.mark.parametrize(
    "reverse_path",
    [
        '"a b"@sender.example',
        "gr\u00fc\u00dfe@b\u00fccher.example",
        "prvs=1234567890=admin@sender.example",
        f"SRS0=abcd=NB=sender.example={'a' * 50}@forwarder.example",
        "admin@4u.example",
    ],
)
def test_unusual_addresses_can_be_answered(reverse_path):
    assert reason_of(reverse_path=reverse_path) is None


# Our own mail


@pytest.mark.parametrize(
    "address",
    [
        "bypass@example.com",
        "BYPASS@Example.COM",
        "bypass+tag@example.com",
        "help@example.com",
        "staff@example.net",
        "Staff+x@EXAMPLE.net",
        "postmaster@example.com",
        "abuse@example.net",
        '"bypass"@example.com',
        "bypass@example.com.",
        "prvs=1234567890=bypass@example.com",
        "SRS0=ab=cd=example.com=bypass@forwarder.example",
    ],
)
def test_our_own_addresses_are_known_in_every_place_and_spelling(address):
    places = [f"From: X <{address}>", f"Sender: {address}", f"Reply-To: {address}"]
    for place in places:
        assert reason_of(place) is Reason.OWN_ADDRESS
    if not address.endswith("."):
        assert reason_of(reverse_path=address) is Reason.OWN_ADDRESS


@pytest.mark.parametrize("address", ["bypass@example.org", "bypassed@example.com", "admin@sub.example.com"])
def test_addresses_like_ours_are_not_ours(address):
    assert reason_of(f"From: {address}", f"Reply-To: {address}", reverse_path=address) is None


def test_a_list_of_authors_is_looked_through():
    assert reason_of("From: a@sender.example, b@sender.example, bypass@example.com") is Reason.OWN_ADDRESS


# Loops


def test_our_mark_is_known_wherever_it_comes_back_from():
    mark = f"{LOOP_FIELD}: {IDENTITY.loop_token}"
    assert reason_of(mark) is Reason.LOOP
    assert reason_of(mark, "From: b@other.example", reverse_path="c@third.example") is Reason.LOOP
    assert reason_of(f"{LOOP_FIELD.upper()}: <{IDENTITY.loop_token}>") is Reason.LOOP


def test_a_mark_that_is_not_ours_is_none():
    assert reason_of(f"{LOOP_FIELD}: 0123456789abcdef0123456789abcdef") is None


@pytest.mark.parametrize("name", ["X-Loop", "Delivered-To"])
@pytest.mark.parametrize("value", ["bypass@example.com", " <Bypass@Example.com>", "bypass+x@example.com"])
def test_a_field_that_shows_that_it_was_here_is_a_loop(name, value):
    assert reason_of(f"{name}: {value}") is Reason.LOOP


def test_delivery_to_somebody_else_is_no_loop():
    assert reason_of("Delivered-To: admin@sender.example") is None


@pytest.mark.parametrize("name", ["In-Reply-To", "References"])
def test_a_persons_answer_to_our_answer_is_answered(name):
    assert reason_of(f"{name}: {OUR_ID}", "Subject: Re: Auto: Your mail [7K3QW-0M9XT]") is None


@pytest.mark.parametrize(
    "line",
    [
        "Precedence: bulk",
        "Auto-Submitted: auto-replied",
        "X-Auto-Response-Suppress: All",
        "List-Id: <x.sender.example>",
        "X-Autoreply: yes",
        "From: no-reply@sender.example",
        "Subject: Out of Office AutoReply: Your mail",
        "Content-Type: multipart/report",
    ],
)
@pytest.mark.parametrize("name", ["In-Reply-To", "References"])
def test_a_machines_answer_to_our_answer_is_a_loop(name, line):
    assert reason_of(f"{name}: <a@b.example> {OUR_ID}", line) is Reason.LOOP


def test_an_id_that_only_looks_like_ours_is_no_loop():
    forged = OUR_ID.replace(OUR_ID[8:12], "0000")
    assert reason_of(f"In-Reply-To: {forged}", "Precedence: bulk") is Reason.BULK


@pytest.mark.parametrize(
    ("count", "reason"), [(0, None), (49, None), (50, Reason.TOO_MANY_HOPS), (60, Reason.TOO_MANY_HOPS)]
)
def test_mail_that_passed_too_many_servers_is_not_answered(count, reason):
    assert reason_of(*["Received: from a.example by b.example"] * count) is reason


# Spam and nonsense


@pytest.mark.parametrize(
    "line",
    ["X-Spam-Flag: YES", "X-Spam-Status: Yes, score=12.0", "X-Spam: Yes", "X-Rspamd-Action: add header"],
)
def test_the_verdict_of_our_own_relay_counts_and_no_other(line):
    assert reason_of(line, trusted_relay=True) is Reason.SPAM
    assert reason_of(line) is None


@pytest.mark.parametrize(
    "line", ["X-Spam-Flag: NO", "X-Spam-Status: No, score=1", "X-Spam:", "X-Rspamd-Action: no action"]
)
def test_mail_that_is_no_spam_is_answered(line):
    assert reason_of(line, trusted_relay=True) is None


def test_a_message_without_any_field_is_malformed():
    empty = InboundMessage(Header(), "text/plain", None, None, (), (), "", (), (), (), malformed=True)
    assert decide(envelope(), empty, IDENTITY).reason is Reason.MALFORMED


def test_a_message_with_one_field_is_answered():
    bare = InboundMessage(
        Header((Field("X", "x", ""),)), "text/plain", None, None, (), (), "", (), (), (), malformed=True
    )
    assert decide(envelope(), bare, IDENTITY).reason is None


# Properties

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
KEYS = st.sampled_from(
    [
        "from",
        "sender",
        "auto-submitted",
        "precedence",
        "x-loop",
        "delivered-to",
        "return-path",
        "x-ack",
        "received",
        "x-auto-response-suppress",
        "x-spam-flag",
        "x-spam-status",
        "list-id",
        LOOP_FIELD.lower(),
        "subject",
    ]
)


@st.composite
def hostile_messages(draw):
    fields = tuple(Field(key, key, draw(ANY_TEXT)) for key in draw(st.lists(KEYS, max_size=6)))
    mailboxes = tuple(Mailbox("", address) for address in draw(st.lists(ANY_TEXT, max_size=2)))
    ids = tuple(draw(st.lists(ANY_TEXT, max_size=2)))
    return InboundMessage(
        header=Header(fields),
        content_type=draw(ANY_TEXT),
        report_type=None,
        message_id=None,
        references=ids,
        in_reply_to=ids,
        subject=draw(ANY_TEXT),
        senders=mailboxes,
        reply_to=mailboxes,
        parts=(text_part(draw(ANY_TEXT)),),
        malformed=draw(st.booleans()),
    )


@given(ANY_TEXT, hostile_messages(), st.booleans())
def test_deciding_never_fails_and_silence_has_a_reason(reverse_path, hostile, trusted_relay):
    decision = decide(envelope(reverse_path, trusted_relay=trusted_relay), hostile, IDENTITY)
    assert (decision.disposition is Disposition.SILENT) == (decision.reason is not None)
    assert is_from_postmaster(envelope(reverse_path), hostile) in {True, False}


@pytest.mark.parametrize("character", ["(", ")", "<", "-", "re:", "no-reply", "a-", "\u0301", "\\", '"', "@", "auto "])
def test_long_values_take_no_longer_than_their_length(character):
    long = character * (256 * 1024 // len(character))
    names = ("from", "auto-submitted", "precedence", "x-loop", "return-path")
    hostile = replace(
        message(text=long),
        header=Header(tuple(Field(name, name, long) for name in names)),
        subject=f"undeliverable {long}",
        senders=(Mailbox("", long),),
    )
    assert decide(envelope(), hostile, IDENTITY).disposition is Disposition.SILENT


def test_only_the_messages_own_header_counts():
    quoted = text_part("Auto-Submitted: auto-replied\nList-Id: x\nPrecedence: bulk")
    attached = message("Auto-Submitted: auto-replied", "List-Id: x").header
    part = type(quoted)(PartKind.MESSAGE, "message/rfc822", attached, "", 1)
    assert reason_of("Content-Type: multipart/mixed", parts=(quoted, part)) is None
