from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.envelope import ClientSource
from responder.faces.smtp_dialogue import Dialogue
from responder.faces.smtp_limits import SmtpLimits
from responder.faces.smtp_replies import NOT_NOW, TOO_LARGE, Step, recorded
from responder.faces.smtp_transaction import Peer
from tests.support.smtp import BYPASS, IDENTITY, NOW, parse_answers

RELAY = Peer(ip_address("127.0.0.1"), (ip_network("127.0.0.0/8"),))
CLIENT = Peer(ip_address("192.0.2.7"), (ip_network("127.0.0.0/8"),))
XFORWARD = "XFORWARD NAME=c.example.org ADDR=198.51.100.7 HELO=helo.example.org PROTO=ESMTP"


def start(peer=CLIENT, *, tls=False, **limits):
    dialogue = Dialogue(IDENTITY, SmtpLimits(**limits), peer, offers_tls=tls)
    say(dialogue, "EHLO client.example.org")
    return dialogue


def say(dialogue, *lines):
    """Say lines; gives code and enhanced code of the last reply."""
    reply = None
    for line in lines:
        reply = dialogue.obey(line.encode("utf-8", "surrogateescape") + b"\r\n")
    return f"{reply.code} {reply.enhanced}".strip()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("", "250 2.1.0"),
        ("SIZE=100 BODY=8BITMIME SMTPUTF8", "250 2.1.0"),
        ("body=7bit size=0", "250 2.1.0"),
        ("SIZE=26214401", "552 5.3.4"),
        ("SIZE=99999999999999999999", "552 5.3.4"),
        ("SIZE=" + "9" * 32, "501 5.5.4"),
        ("SIZE", "501 5.5.4"),
        ("SIZE=", "501 5.5.4"),
        ("SIZE=-1", "501 5.5.4"),
        ("SIZE=x", "501 5.5.4"),
        ("SIZE=²", "501 5.5.4"),
        ("SIZE=1 SIZE=1", "501 5.5.4"),
        ("BODY", "501 5.5.4"),
        ("BODY=BINARYMIME", "501 5.5.4"),
        ("SMTPUTF8=yes", "501 5.5.4"),
        ("AUTH=<>", "555 5.5.4"),
        ("RET=HDRS ENVID=x", "555 5.5.4"),
        ("REQUIRETLS", "555 5.5.4"),
        ("FOO=" + "x" * 400, "555 5.5.4"),
    ],
)
def test_parameters_of_mail(parameters, expected):
    assert say(start(), f"MAIL FROM:<a@example.org> {parameters}") == expected


def test_parameters_of_rcpt_are_unknown():
    assert say(start(), "MAIL FROM:<>", f"RCPT TO:<{BYPASS}> NOTIFY=NEVER") == "555 5.5.4"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("MAIL FROM:<bücher@example.org>", "553 5.6.7"),
        ("MAIL FROM:<a@bücher.example>", "553 5.6.7"),
        ("MAIL FROM:<bücher@example.org> SMTPUTF8", "250 2.1.0"),
        ("MAIL FROM:<a\udcff@example.org> SMTPUTF8", "553 5.1.7"),
        ("MAIL FROM:<\udcc0\udcaf@example.org> SMTPUTF8", "553 5.1.7"),
        ("MAIL FROM:<a\u0085b@example.org> SMTPUTF8", "553 5.1.7"),
        ("MAIL FROM:<@[>", "553 5.1.7"),
        ('MAIL FROM:<">', "501 5.5.4"),
        ("MAIL FROM:<", "501 5.5.4"),
        ("MAIL FROM:<a@example.org>x", "501 5.5.4"),
    ],
)
def test_senders(line, expected):
    assert say(start(), line) == expected


def test_an_address_beyond_ascii_needs_smtputf8_at_rcpt_too():
    rcpt = "RCPT TO:<bypass+ü@example.com>"
    assert say(start(), "MAIL FROM:<>", rcpt) == "553 5.6.7"
    dialogue = start()
    assert say(dialogue, "MAIL FROM:<> SMTPUTF8", rcpt) == "250 2.1.5"
    envelope = dialogue.envelope(NOW)
    assert envelope.smtputf8
    assert [recipient.tag for recipient in envelope.recipients] == ["ü"]


def test_a_recipient_named_twice_counts_once():
    dialogue = start()
    say(dialogue, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
    assert say(dialogue, "RCPT TO:<BYPASS@EXAMPLE.COM>") == "250 2.1.5"
    assert [recipient.address for recipient in dialogue.envelope(NOW).recipients] == [BYPASS]


def test_recipients_over_the_limit_are_put_off_and_the_others_served():
    dialogue = start(max_recipients=2)
    assert say(dialogue, "MAIL FROM:<>", "RCPT TO:<bypass+1@example.com>", "RCPT TO:<postmaster>") == "250 2.1.5"
    assert say(dialogue, "RCPT TO:<bypass+2@example.com>") == "452 4.5.3"
    assert say(dialogue, "RCPT TO:<Postmaster>") == "250 2.1.5"
    assert say(dialogue, "DATA") == "354"


def test_errors_over_the_limit_end_the_session():
    dialogue = start(max_errors=3)
    assert [say(dialogue, line) for line in ("FOO", "RCPT TO:<x>", "DATA")] == ["500 5.5.1", "503 5.5.1", "503 5.5.1"]
    reply = dialogue.obey(b"FOO\r\n")
    assert (reply.code, reply.enhanced, reply.step) == (421, "4.7.0", Step.CLOSE)


def test_refused_recipients_and_messages_are_errors_too():
    dialogue = start(max_errors=3)
    say(dialogue, "MAIL FROM:<>", "RCPT TO:<x@example.com>", f"RCPT TO:<{BYPASS}>", "DATA")
    dialogue.close_message(TOO_LARGE)
    dialogue.close_message(TOO_LARGE)
    assert say(dialogue, "FOO") == "421 4.7.0"


@pytest.mark.parametrize("line", ["NOOP", "RSET", "HELP", "VRFY x", "EHLO x", "HELO x", f"RCPT TO:<{BYPASS}>"])
def test_commands_without_a_message_end_the_session(line):
    dialogue = start(max_idle_commands=5)
    say(dialogue, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
    assert [say(dialogue, line)[0] for _ in range(4)] == ["2"] * 4
    assert say(dialogue, line) == "421 4.7.0"


def test_a_stored_message_begins_the_count_of_idle_commands_anew():
    dialogue = start(max_idle_commands=5)
    for outcome, expected in ((recorded("X"), "250 2.0.0"), (NOT_NOW, "421 4.7.0")):
        say(dialogue, "NOOP", "NOOP", "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>", "DATA")
        dialogue.close_message(outcome)
        assert say(dialogue, "NOOP", "NOOP", "NOOP", "NOOP") == expected


def test_messages_over_the_limit_end_the_session():
    dialogue = start(max_messages_per_session=2)
    for _ in range(2):
        assert say(dialogue, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>", "DATA") == "354"
        dialogue.close_message(recorded("X"))
    assert say(dialogue, "MAIL FROM:<>") == "421 4.7.0"


def test_a_limit_of_zero_is_none():
    limits = dict.fromkeys(("max_errors", "max_idle_commands", "max_recipients", "max_messages_per_session"), 0)
    dialogue = start(max_message_bytes=0, **limits)
    for _ in range(300):
        say(dialogue, "FOO", "NOOP")
    say(dialogue, "MAIL FROM:<> SIZE=99999999999999999999")
    for number in range(300):
        assert say(dialogue, f"RCPT TO:<bypass+{number}@example.com>") == "250 2.1.5"
    assert "SIZE" in dialogue.obey(b"EHLO x\r\n").lines


def test_xforward_is_offered_to_relays_alone():
    offer = "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
    assert offer in start(RELAY).obey(b"EHLO x\r\n").lines
    assert offer not in start().obey(b"EHLO x\r\n").lines
    assert say(start(), XFORWARD) == "550 5.7.0"


def test_xforward_names_the_client():
    dialogue = start(RELAY)
    assert say(dialogue, XFORWARD, "XFORWARD IDENT=4XYZ SOURCE=REMOTE") == "250 2.0.0"
    say(dialogue, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
    envelope = dialogue.envelope(NOW)
    assert (str(envelope.client), envelope.client_source) == ("198.51.100.7", ClientSource.XFORWARD)
    assert (envelope.helo_name, envelope.trusted_relay) == ("helo.example.org", True)


def test_a_relay_hears_nothing_permanent_once_a_recipient_is_taken_whatever_it_says():
    dialogue = start(RELAY)
    say(dialogue, "MAIL FROM:<a@b.example>", f"RCPT TO:<{BYPASS}>")
    reply = dialogue.obey(b"GET / HTTP/1.1\r\n")
    assert (reply.code, reply.step) == (451, Step.CLOSE)


@pytest.mark.parametrize(
    "line", ["NOOP", "XFORWARD NAME=x", "XFORWARD ADDR=[UNAVAILABLE]", "XFORWARD ADDR=127.0.0.1 HELO=x"]
)
def test_a_relay_that_names_no_client_is_not_taken_for_it(line):
    dialogue = start(RELAY)
    say(dialogue, line, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
    envelope = dialogue.envelope(NOW)
    assert (envelope.client, envelope.client_source, envelope.helo_name) == (None, ClientSource.UNKNOWN, "")
    assert envelope.trusted_relay


@pytest.mark.parametrize("line", ["RSET", "EHLO x", "message"])
def test_xforward_holds_for_one_message(line):
    dialogue = start(RELAY)
    say(dialogue, XFORWARD)
    if line == "message":
        say(dialogue, "MAIL FROM:<>", f"RCPT TO:<{BYPASS}>", "DATA")
        dialogue.close_message(recorded("X"))
    else:
        say(dialogue, line)
    say(dialogue, "MAIL FROM:<>")
    assert dialogue.envelope(NOW).client is None


def test_xforward_is_refused_within_a_message_and_when_malformed():
    dialogue = start(RELAY)
    assert say(dialogue, "XFORWARD") == "501 5.5.4"
    assert say(dialogue, "XFORWARD FOO=x") == "501 5.5.4"
    assert say(dialogue, "MAIL FROM:<>", XFORWARD) == "503 5.5.1"


def test_starttls_is_offered_where_there_is_a_certificate_and_once():
    dialogue = start(tls=True)
    assert "STARTTLS" in dialogue.obey(b"EHLO x\r\n").lines
    assert say(dialogue, "STARTTLS now") == "501 5.5.4"
    assert say(dialogue, "MAIL FROM:<>", "STARTTLS") == "220 2.0.0"
    dialogue.restart_in_tls()
    assert say(dialogue, "MAIL FROM:<>") == "503 5.5.1"
    assert "STARTTLS" not in dialogue.obey(b"EHLO x\r\n").lines
    assert say(dialogue, "STARTTLS") == "503 5.5.1"
    assert dialogue.envelope(NOW).tls


VERBS = ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "HELP", "VRFY", "QUIT", "STARTTLS", "XFORWARD", "GET"]
PIECES = [
    " ",
    " FROM:",
    " TO:",
    "<",
    ">",
    "<>",
    f"<{BYPASS}>",
    "<a@example.org>",
    '"',
    "\\",
    "[",
    "]",
    "@",
    ":",
    ",",
    "=",
]
VALUES = [" SIZE=", " BODY=", " SMTPUTF8", " ADDR=", "IPV6:", "+4", "[UNAVAILABLE]", "ü", "²", "1", "\udcff", "\u2028"]
WORDS = st.sampled_from([*VERBS, *PIECES, *VALUES])
LINES = st.one_of(
    st.binary(max_size=60), st.lists(WORDS, max_size=8).map(lambda w: "".join(w).encode("utf-8", "surrogateescape"))
)


@given(st.lists(LINES, max_size=12), st.sampled_from([RELAY, CLIENT, Peer(None)]), st.booleans())
def test_any_commands_get_well_formed_replies(lines, peer, offers_tls):
    dialogue = start(peer, tls=offers_tls, max_errors=0)
    for line in lines:
        (answer,) = parse_answers(dialogue.obey(line + b"\r\n").encode())
        assert 200 <= answer.code < 560
        envelope = dialogue.envelope(NOW)
        assert all(recipient.address.isprintable() for recipient in envelope.recipients)
        assert (envelope.reverse_path + envelope.helo_name).isprintable()
        (envelope.reverse_path + envelope.helo_name).encode()
