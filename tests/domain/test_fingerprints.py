"""What `identify` reads out of messages: a sample of every sign, the traps, and hostile input."""

import tomllib
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.fingerprints import EVIDENCE_CHARACTERS, identify
from responder.domain.message import SCAN_BYTES, InboundMessage, read_message
from responder.domain.plea import Certainty, Software
from responder.domain.products import PRODUCTS
from responder.domain.signs import Product, Sign

SAMPLES = Path(__file__).parent.parent / "samples" / "fingerprints"
READINGS = tomllib.loads((SAMPLES / "readings.toml").read_text())
EXCHANGE_VERSIONS = {"4.0", "5.0", "5.5", "2000", "2003", "2007", "2010", "2013", "2016", "2019", "se", "online"}

CLIENT = ip_address("203.0.113.9")
ELSEWHERE = ip_address("198.51.100.7")


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", sorted(READINGS))
def test_every_sample_is_read_as_expected(name):
    software = identify(read_message(sample(name)), client=None, refused=None)
    assert software is not None
    product, version, certainty = READINGS[name]
    assert [software.name or software.product, software.version or "", software.certainty] == [
        product,
        version,
        certainty,
    ]
    assert (software.name is not None) == (software.product == "other")


def test_every_sample_has_a_reading():
    assert {path.stem for path in SAMPLES.glob("*.eml")} == set(READINGS)


def test_every_version_of_exchange_has_a_sample():
    assert {version for product, version, _ in READINGS.values() if product == "exchange"} == EXCHANGE_VERSIONS | {""}


def signs() -> list[tuple[Product, str, Sign]]:
    found = []
    for product in PRODUCTS:
        found += [(product, "received", each) for each in product.received]
        found += [(product, key, each) for key, each in product.fields]
        found += [(product, "text", each) for each in product.wording]
    return found


@pytest.mark.parametrize(("product", "place", "sign"), signs(), ids=lambda value: str(value)[:60])
def test_every_sign_has_a_sample(product, place, sign):
    names = [name for name, reading in READINGS.items() if reading[0] == (product.name or product.key)]
    messages = [read_message(sample(name)) for name in names]
    assert any(shows(message, place, sign) for message in messages)


def shows(message: InboundMessage, place: str, sign: Sign) -> bool:
    fields = [*message.header.fields, *(field for part in message.parts for field in part.header.fields)]
    if place == "text":
        places = [part.text for part in message.parts]
    elif place.endswith("*"):
        places = [field.value for field in fields if field.key.startswith(place[:-1])]
    else:
        places = [" ".join(field.value.split()) for field in fields if field.key == place]
    return any(sign.find(text, text.lower()) for text in places)


def plea(*fields: str, body: str = "Please let our mail pass.") -> InboundMessage:
    lines = [*fields, "From: Admin <admin@example.org>", "To: bypass@example.com", "", body, ""]
    return read_message("\r\n".join(lines).encode())


def forward(*parts: tuple[str, str], fields: tuple[str, ...] = ()) -> InboundMessage:
    """A message of a person, with parts given by content type and content."""
    body = "".join(f"--mark\r\nContent-Type: {kind}\r\n\r\n{content}\r\n" for kind, content in parts)
    return plea(*fields, 'Content-Type: multipart/mixed; boundary="mark"', body=f"{body}--mark--")


def reading(message: InboundMessage, client=None, refused=None) -> tuple[str, str | None, str] | None:
    software = identify(message, client=client, refused=refused)
    return software and (software.name or software.product, software.version, software.certainty)


RECEIVED_BY_US = (
    "Received: from mail.example.org (mail.example.org [203.0.113.9]) by mx.example.com (Postfix) with ESMTP id 1"
)
GMAIL = (
    "Received: from mail-yb1-f1.google.com (mail-yb1-f1.google.com [192.0.2.1]) by mx.example.com (Postfix) id 2",
    "Received: by mail-yb1-f1.google.com with SMTP id 3so1 for <bypass@example.com>",
)
OUTLOOK = (
    "Received: from AB1.eurprd01.prod.outlook.com ([2001:db8::1]) by AB1.eurprd01.prod.outlook.com "
    "([2001:db8::1]) with mapi id 15.20.6178.019"
)
BOUNCE = """\
Received: by mail.example.org (Postfix) id 4; Tue, 14 Oct 2025 10:00:00 +0200
From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Content-Type: text/plain

<friend@example.com>: 550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned.
"""
SILENT_BOUNCE = BOUNCE.partition("\n")[2]


class TestTheOuterHeader:
    def test_a_line_written_by_our_own_side_tells_nothing_of_the_sender(self):
        assert reading(plea(RECEIVED_BY_US)) is None

    def test_the_client_shows_which_line_is_ours_whatever_our_host_is_called(self):
        line = RECEIVED_BY_US.replace("mx.example.com", "mx.hosting.example")
        assert reading(plea(line), client=CLIENT) is None

    def test_a_line_of_a_list_server_tells_nothing_of_the_sender(self):
        lines = (
            "Received: from lists.example.net by mx.example.com with ESMTP",
            "Received: from pc.example.org by lists.example.net (Postfix) with ESMTP for <list@lists.example.net>",
        )
        assert reading(plea(*lines, "Cc: list@lists.example.net")) is None

    def test_the_lowest_line_of_the_senders_organisation_counts(self):
        lines = (
            "Received: from out.example.org by mx.example.com (8.17.1/8.17.1) with ESMTP",
            "Received: from in.example.org by out.example.org (Postfix) with ESMTP",
            "Received: from pc.example.org by in.example.org with esmtp (Exim 4.96)",
        )
        assert reading(plea(*lines)) == ("exim", "4.96", "certain")

    def test_the_line_describes_the_host_behind_by(self):
        line = "Received: from gate.example.org (Postfix) by mail.example.org (8.17.1/8.17.1) with ESMTP"
        assert reading(plea(line)) == ("sendmail", "8.17.1", "certain")

    def test_by_inside_a_comment_is_not_the_clause(self):
        line = "Received: from pc (checked by scan.example.org (Postfix)) by mail.example.org with esmtp (Exim 4.96)"
        assert reading(plea(line)) == ("exim", "4.96", "certain")

    def test_a_host_known_only_by_its_place_in_the_chain_is_likely(self):
        lines = (
            "Received: from out.provider.example by mx.example.com with ESMTP",
            "Received: from pc by out.provider.example (Postfix) with ESMTP",
        )
        assert reading(plea(*lines)) == ("postfix", None, "likely")

    def test_a_host_that_the_next_line_up_does_not_know_is_left_out(self):
        lines = (
            "Received: from mail.example.org by mx.example.com with ESMTP",
            "Received: from pc by out.provider.example (Postfix) with ESMTP",
        )
        assert reading(plea(*lines)) is None

    def test_filters_in_front_are_passed_over(self):
        lines = (
            "Received: from localhost (localhost [127.0.0.1]) by localhost (localhost) (amavisd-new) with ESMTP",
            "Received: from mail.example.org by guard.example.org (Spam Firewall) with ESMTP id 5",
            "Received: from pc.example.org by mail.example.org with esmtp (Exim 4.96)",
        )
        assert reading(plea(*lines)) == ("exim", "4.96", "certain")

    def test_a_filtering_service_is_not_the_senders_server(self):
        lines = (
            "Received: from mail.messagelabs.com by mx.example.com with ESMTP",
            "Received: (qmail 77 invoked from network); 14 Oct 2025 07:00:00 -0000",
            "Received: from mail.example.org (HELO mail) (203.0.113.9) by server-1.messagelabs.com with SMTP",
        )
        assert reading(plea(*lines)) is None

    def test_qmail_at_the_recipient_is_not_the_senders(self):
        lines = (
            "Received: (qmail 77 invoked from network); 14 Oct 2025 07:00:00 -0000",
            "Received: from mail.example.org (HELO mail) (203.0.113.9) by mx.example.com with SMTP",
        )
        assert reading(plea(*lines)) is None

    def test_the_exchange_nearest_to_the_sender_wins(self):
        lines = (
            "Received: from relay.example.org by edge.example.org with Microsoft SMTP Server id 15.2.1118.40",
            "Received: from ex.example.org by relay.example.org with Microsoft SMTP Server id 14.3.123.3",
            "Received: from pc.example.org by ex.example.org (Postfix) with ESMTP",
        )
        assert reading(plea(*lines)) == ("exchange", "2010", "certain")

    def test_outlook_express_is_no_exchange(self):
        assert reading(plea("X-MimeOLE: Produced By Microsoft MimeOLE V6.00.2900.2180")) is None

    def test_hints_of_outlook_prove_nothing(self):
        hints = (
            "X-MS-Has-Attach: yes",
            "X-MS-TNEF-Correlator: ",
            "Thread-Index: Ac1",
            "Content-Class: urn:content-classes:message",
        )
        assert reading(plea(*hints)) is None

    def test_a_server_behind_an_exchange_online_filter_is_told_by_its_own_build(self):
        lines = (
            "Received: from ex.example.org by AB1.prod.outlook.com with Microsoft SMTP Server id 15.20.6178.1",
            "Received: from ex.example.org by ex.example.org with Microsoft SMTP Server id 15.1.2507.6",
        )
        assert reading(plea(*lines)) == ("exchange", "2016", "certain")


class TestWhoDecides:
    def test_the_outer_header_when_the_client_was_refused(self):
        message = forward(("message/rfc822", BOUNCE), fields=("X-MimeOLE: Produced By Microsoft Exchange V6.5",))
        assert reading(message, CLIENT, CLIENT) == ("exchange", "2003", "certain")

    def test_the_quoted_report_when_another_server_was_refused(self):
        message = forward(("message/rfc822", BOUNCE), fields=("X-MimeOLE: Produced By Microsoft Exchange V6.5",))
        assert reading(message, ELSEWHERE, CLIENT) == ("postfix", None, "certain")

    def test_a_report_that_agrees_with_the_header_of_an_unknown_client_is_as_sure_as_it(self):
        report = "From: postmaster@example.org\r\n\r\n<mail.example.org #5.7.1 smtp;550 5.7.1 no>\r\n"
        message = forward(("message/rfc822", report), fields=("X-MimeOLE: Produced By Microsoft Exchange V6.5",))
        assert reading(message, None, CLIENT) == ("exchange", "2003", "certain")
        assert reading(message, ELSEWHERE, CLIENT) == ("exchange", "2003", "likely")

    def test_nobody_when_another_server_was_refused_and_its_report_is_silent(self):
        message = forward(("message/rfc822", SILENT_BOUNCE), fields=("X-MimeOLE: Produced By Microsoft Exchange V6.5",))
        assert reading(message, ELSEWHERE, CLIENT) is None

    def test_the_quoted_report_when_the_refused_clients_own_header_is_silent(self):
        assert reading(forward(("message/rfc822", BOUNCE)), CLIENT, CLIENT) == ("postfix", None, "certain")

    @pytest.mark.parametrize("refused", [None, CLIENT])
    def test_the_outer_header_when_nothing_is_quoted_and_the_client_is_unknown(self, refused):
        message = plea("X-MimeOLE: Produced By Microsoft Exchange V6.0.6249.0")
        assert reading(message, None, refused) == ("exchange", "2000", "certain")

    def test_the_report_of_a_forward_from_a_large_provider(self):
        assert reading(forward(("message/rfc822", BOUNCE), fields=GMAIL)) == ("postfix", None, "certain")

    @pytest.mark.parametrize("client", [None, CLIENT, ELSEWHERE])
    def test_never_a_large_provider(self, client):
        assert reading(plea(*GMAIL), client, CLIENT) is None

    def test_never_outlook_com_but_a_company_at_exchange_online(self):
        assert reading(plea(OUTLOOK)) == ("exchange", "online", "certain")
        raw = f"{OUTLOOK}\r\nFrom: someone@hotmail.com\r\nTo: bypass@example.com\r\n\r\nHelp.\r\n"
        assert reading(read_message(raw.encode())) is None

    def test_a_report_itself_is_read_as_the_report(self):
        assert reading(read_message(BOUNCE.encode()), None, CLIENT) == ("postfix", None, "certain")

    def test_postmaster_is_a_person_in_mail_to_us_and_a_machine_in_what_is_attached(self):
        fields = ("X-MimeOLE: Produced By Microsoft Exchange V6.5",)
        raw = f"{fields[0]}\r\nFrom: postmaster@example.org\r\nTo: bypass@example.com\r\n\r\nHelp.\r\n"
        assert reading(read_message(raw.encode())) == ("exchange", "2003", "certain")
        old = (
            "From: postmaster@elsewhere.example\r\nX-Mailer: Internet Mail Service (5.5.2653.19)\r\n\r\nIt failed.\r\n"
        )
        assert reading(forward(("message/rfc822", old)), ELSEWHERE, CLIENT) == ("exchange", "5.5", "certain")

    def test_a_recipients_server_did_not_write_the_report(self):
        bounce = f"{RECEIVED_BY_US.replace('mail.example.org', 'mail.sender.example')}\r\n{SILENT_BOUNCE}"
        assert reading(read_message(bounce.encode())) is None

    def test_an_attached_conversation_is_no_report(self):
        older = "From: boss@example.org\r\nX-MimeOLE: Produced By Microsoft Exchange V6.0.6249.0\r\n\r\nHello.\r\n"
        message = forward(("message/rfc822", older), fields=("X-Mailer: Novell GroupWise Internet Agent 8.0.1",))
        assert reading(message) == ("groupwise", "8.0.1", "certain")

    def test_an_attached_message_of_somebody_else_tells_nothing(self):
        other = "From: news@shop.example\r\nX-MimeOLE: Produced By Microsoft Exchange V6.0.6249.0\r\n\r\nBuy.\r\n"
        assert reading(forward(("message/rfc822", other))) is None


class TestWhatCannotBeCertain:
    def test_words_in_the_text_of_a_person(self):
        text = "I got this:\r\n> Sent by Microsoft Exchange Server 2007"
        assert reading(plea(body=text)) == ("exchange", "2007", "likely")

    def test_header_lines_pasted_into_the_text(self):
        text = "Look:\r\n\r\n> Received: from pc by mail.example.org\r\n>  (Postfix)\r\n> From: a@example.org"
        assert reading(plea(body=text)) == ("postfix", None, "likely")

    def test_pasted_lines_end_at_a_blank_one(self):
        text = "Received: from pc by mail.example.org\r\n\r\nwe used to run it (Postfix)"
        assert reading(plea(body=text)) is None

    def test_prose_about_a_product(self):
        assert reading(plea(body="We run Postfix, Exim 4.96 and Microsoft Exchange V6.5 here.")) is None

    def test_the_readers_stamp_on_a_report(self):
        stamped = f"X-MimeOLE: Produced By Microsoft Exchange V6.5\r\n{SILENT_BOUNCE}"
        assert reading(forward(("message/rfc822", stamped))) == ("exchange", "2003", "likely")
        stamped = f"X-MimeOLE: Produced By Microsoft Exchange V6.5\r\n{BOUNCE}"
        assert reading(forward(("message/rfc822", stamped))) == ("postfix", None, "certain")

    def test_what_a_report_returns(self):
        returned = "X-MimeOLE: Produced By Microsoft Exchange V6.0.6249.0\r\nFrom: user@example.org\r\n\r\nHello.\r\n"
        report = (
            'From: MAILER-DAEMON@example.org\r\nContent-Type: multipart/report; boundary="in"\r\n\r\n'
            f"--in\r\n\r\nIt failed.\r\n--in\r\nContent-Type: message/rfc822\r\n\r\n{returned}\r\n--in--\r\n"
        )
        assert reading(forward(("message/rfc822", report))) == ("exchange", "2000", "likely")

    def test_exchange_behind_the_windows_service_in_a_report(self):
        stamped = (
            "Received: from mail.example.org by mail.example.org with Microsoft SMTPSVC(6.0.3790.4675)\r\n"
            f"X-MimeOLE: Produced By Microsoft Exchange V6.5\r\n{SILENT_BOUNCE}"
        )
        assert reading(forward(("message/rfc822", stamped))) == ("exchange", "2003", "likely")


class TestHostileInput:
    @given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=600))
    def test_evidence_is_one_clean_line(self, mark, peer, text):
        message = read_message(
            f"Received: from {peer} by mail.example.org (Postfix) {mark}\r\n"
            f"X-Mailer: Novell GroupWise Internet Agent 1.0 {mark}\r\n"
            f"From: a@example.org\r\n\r\nThis is the mail system at host {text}\r\n".encode("utf-8", "replace")
        )
        check(identify(message, client=None, refused=None))

    @given(st.binary(max_size=2_000), st.sampled_from([None, CLIENT]), st.sampled_from([None, CLIENT]))
    def test_reading_never_raises(self, raw, client, refused):
        check(identify(read_message(raw), client=client, refused=refused))

    @given(st.lists(st.sampled_from(sorted(READINGS)), min_size=2, max_size=4), st.randoms(use_true_random=False))
    def test_reading_never_raises_on_mixed_lines(self, names, random):
        lines = [line for name in names for line in sample(name).splitlines()]
        random.shuffle(lines)
        check(identify(read_message(b"\n".join(lines)), client=CLIENT, refused=None))


def check(software: Software | None) -> None:
    if software is not None:
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in software.evidence)
        assert len(software.evidence) <= EVIDENCE_CHARACTERS
        assert software.evidence


def worst_inputs(sign: Sign) -> list[str]:
    """Text in which the pattern of `sign` begins to match over and over, and never does."""
    source = sign.pattern.pattern if sign.pattern else ""
    starts = [sign.literal, "(", "<", "(a", "(a.", "by (", "8.", "9.", "a" * 99 + " "]
    starts += [f"({word}" for word in ("8.1", "Exim ", "Kerio Connect ", "Sun ")]
    starts += ["Reporting-MTA: dns;a.", "\nGenerating server: a", "\nReporting-MTA: dns; a (", "<a #5.7.1 "]
    starts += [source[:20].replace("\\", ""), " ", "1.", "\n"]
    return [(sign.literal + start * SCAN_BYTES)[:SCAN_BYTES] for start in starts]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "sign", [sign for _, _, sign in signs() if sign.pattern], ids=lambda sign: sign.pattern.pattern[:60]
)
def test_no_pattern_stalls_on_its_worst_input(sign):
    for text in worst_inputs(sign):
        sign.find(text, text.lower())


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "line",
    [
        "Received: from a by ",
        "Received: by ",
        "Received:  by  by",
        "Received: (",
        "X-MDaemon-:\n",
        "To: @a.b",
        "received: ",
        "A:\n b\n",
    ],
)
def test_no_header_or_text_stalls_the_whole_reading(line):
    flood = (line * SCAN_BYTES)[:SCAN_BYTES]
    for raw in (flood, flood.replace("\n", " "), f"From: a@example.org\n\n{flood}", f"To: {flood}\n\n"):
        check(identify(read_message(raw.encode()), client=CLIENT, refused=ELSEWHERE))


def test_a_version_is_never_taken_for_a_certain_product_without_its_name():
    assert reading(plea(body="id 15.20.4930.15 and 6.5.7638.1")) is None


def test_a_likely_program_gives_way_to_a_line_of_the_server_itself():
    line = "Received: from pc.example.org by mail.example.org (8.17.1/8.17.1) with ESMTP"
    assert reading(plea(line, "X-Mailer: Lotus Notes Release 8.5")) == ("sendmail", "8.17.1", Certainty.CERTAIN)
