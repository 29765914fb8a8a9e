"""The SMTP transport against relays that do all that a relay can do wrong."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from responder.services.transports import Deferred, Refused, Transport, Unreachable, make_transport
from tests.support import relay as does
from tests.support.certificates import Certificate
from tests.support.relay import OFFERS, Relay, then_close

CONTENT = b"Subject: help\r\n\r\ntext\r\n"
STEPS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "dot")
FAULTS = (does.CLOSE, does.RESET, does.SILENCE, does.GARBAGE, does.DRIP, does.HUGE, does.ENDLESS, does.ENDLESS_LINE)


def _connect(relay: Relay, **options) -> Transport:
    options = {"password": None, "timeout_seconds": 20, "hostname": "bypass.example.com", **options}
    url = options.pop("url", relay.url)
    return make_transport(url, data_dir=Path("/nonexistent"), **options)


@contextmanager
def _talking(script=None, **options) -> Iterator[tuple[Relay, Transport]]:
    with Relay(script, **options) as relay:
        transport = _connect(relay)
        yield relay, transport
        transport.close()


def _send(transport: Transport, number: int = 1, recipient: str = "admin@example.org", **options):
    pieces = (options.pop("content", CONTENT),)
    return transport.deliver(number, options.pop("sender", ""), recipient, pieces, **options)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("offers", [OFFERS, OFFERS[1:]], ids=["pipelined", "one by one"])
def test_any_fault_at_any_step_defers_and_the_next_message_goes(step: str, fault: str, offers: tuple[str, ...]):
    seconds = 0.3 if fault in {does.SILENCE, does.DRIP} else 20
    with Relay({step: [fault]}, offers=offers) as relay:
        transport = _connect(relay, timeout_seconds=seconds)
        with pytest.raises(Deferred) as caught:
            _send(transport)
        assert isinstance(caught.value, Unreachable) == (step in {"connect", "EHLO"})
        assert caught.value.code is None
        assert len(caught.value.text) <= 500
        transport = _connect(relay)
        assert _send(transport, 2).code == 250
        assert [taken.content for taken in relay.taken] == [CONTENT]
        transport.close()


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("offers", [OFFERS, OFFERS[1:]], ids=["pipelined", "one by one"])
@pytest.mark.parametrize(("code", "outcome"), [(451, Deferred), (550, Refused)])
def test_the_code_decides_and_the_connection_stays(step: str, offers: tuple[str, ...], code: int, outcome):
    with _talking({step: [f"{code} 4.0.0 no"]}, offers=offers) as (relay, transport):
        with pytest.raises(outcome) as caught:
            _send(transport)
        assert (caught.value.code, caught.value.text) == (code, "4.0.0 no")
        assert not isinstance(caught.value, Unreachable)
        assert _send(transport, 2).code == 250
        assert len(relay.taken) == 1
        assert relay.connections == 1


@pytest.mark.parametrize("code", [421, 451, 554])
@pytest.mark.parametrize("step", ["connect", "EHLO"])
def test_being_turned_away_says_nothing_about_the_message(step: str, code: int):
    script = {step: f"{code} 4.3.2 not now"} | ({"HELO": f"{code} 4.3.2 not now"} if step == "EHLO" else {})
    with _talking(script) as (_, transport), pytest.raises(Unreachable, match="not now"):
        _send(transport)


@pytest.mark.parametrize("code", [530, 535, 538])
def test_a_relay_that_wants_a_login_loses_no_message(code: int):
    with _talking({"MAIL": f"{code} 5.7.0 authentication required"}) as (_, transport), pytest.raises(Unreachable):
        _send(transport)


def test_commands_go_out_together_only_when_pipelining_is_offered():
    for offers, sent in ((OFFERS, ["MAIL", "RCPT", "DATA"]), (OFFERS[1:], ["MAIL"])):
        with _talking({"MAIL": "550 5.7.1 no"}, offers=offers) as (relay, transport):
            with pytest.raises(Refused):
                _send(transport)
            assert [line.split()[0] for line in relay.commands[1:-1]] == sent


def test_text_is_never_sent_for_a_refused_recipient():
    with _talking({"RCPT": ["550 5.1.1 unknown"], "DATA": ["354 go ahead"], "dot": ["554 5.5.1 none"]}) as (
        relay,
        transport,
    ):
        with pytest.raises(Refused, match=r"5\.1\.1 unknown"):
            _send(transport)
        assert _send(transport, 2).code == 250
        assert relay.connections == 1
        assert [taken.content for taken in relay.taken] == [CONTENT]


def test_a_relay_that_goes_on_after_refusing_mail_gets_no_empty_message():
    script = {"MAIL": ["550 5.7.1 no"], "RCPT": ["250 2.1.5 ok"], "DATA": ["354 go ahead"]}
    with _talking(script) as (relay, transport):
        with pytest.raises(Refused, match=r"5\.7\.1"):
            _send(transport)
        _send(transport, 2)
        assert [taken.content for taken in relay.taken] == [CONTENT]
        assert relay.connections == 2


def test_data_answered_as_done_is_not_done():
    with _talking({"DATA": "250 2.0.0 sure"}) as (relay, transport):
        with pytest.raises(Deferred, match="as if it were done"):
            _send(transport)
        assert relay.taken == []


@pytest.mark.parametrize("offers", [OFFERS, ()])
def test_only_what_was_offered_is_used(offers: tuple[str, ...]):
    with _talking(offers=offers) as (relay, transport):
        _send(transport, content="Subject: ä\r\n\r\n".encode())
        (taken,) = relay.taken
        assert taken.mail == ("MAIL FROM:<> SIZE=15 BODY=8BITMIME" if offers else "MAIL FROM:<>")
        assert taken.rcpt == f"RCPT TO:<admin@example.org>{' NOTIFY=NEVER' if offers else ''}"


def test_reports_are_asked_for_where_they_are_wanted():
    with _talking() as (relay, transport):
        _send(transport, sender="bypass+b-1@example.com", reports=True)
        assert relay.taken[0].rcpt == "RCPT TO:<admin@example.org>"


def test_helo_follows_a_refused_ehlo():
    with _talking({"EHLO": "502 5.5.1 what?"}) as (relay, transport):
        _send(transport)
        assert relay.commands[:2] == ["EHLO bypass.example.com", "HELO bypass.example.com"]
        assert relay.taken[0].mail == "MAIL FROM:<>"


def test_an_international_address_needs_smtputf8():
    with _talking() as (relay, transport):
        _send(transport, recipient="jürgen@example.org")
        assert relay.taken[0].mail.endswith(" SMTPUTF8")
        assert relay.taken[0].rcpt.startswith("RCPT TO:<jürgen@example.org>")
    with _talking(offers=["SIZE 0"]) as (relay, transport):
        with pytest.raises(Refused, match="SMTPUTF8"):
            _send(transport, recipient="jürgen@example.org")
        assert _send(transport, 2).code == 250
        assert relay.connections == 1


def test_a_message_over_the_relays_size_is_not_offered():
    with _talking(offers=["SIZE 10"]) as (relay, transport):
        with pytest.raises(Refused, match="takes 10"):
            _send(transport)
        assert not any(line.startswith("MAIL") for line in relay.commands)


def test_dots_arrive_as_they_were():
    content = b".first\r\n\r\n.\r\n..\r\n.MAIL FROM:<>\r\n"
    with _talking() as (relay, transport):
        _send(transport, content=content)
        assert relay.taken[0].raw == b"..first\r\n\r\n..\r\n...\r\n..MAIL FROM:<>\r\n"
        assert relay.taken[0].content == content


def test_connections_are_kept_and_replaced_when_dead():
    with _talking() as (relay, transport):
        for number in range(3):
            _send(transport, number)
        assert relay.connections == 1
        relay.drop_connections()
        _send(transport, 3)
        assert relay.connections == 2
        assert len(relay.taken) == 4


@pytest.mark.parametrize("end", [then_close("421 4.4.2 idle for too long"), does.CLOSE, does.RESET])
def test_a_kept_connection_that_ends_at_mail_is_replaced_once(end: str):
    with _talking({"MAIL": ["250 2.1.0 ok", end]}) as (relay, transport):
        _send(transport, 1)
        assert _send(transport, 2).code == 250
        assert relay.connections == 2
        assert len(relay.taken) == 2


def test_421_on_a_fresh_connection_defers():
    with _talking({"MAIL": then_close("421 4.3.2 shutting down")}) as (relay, transport):
        with pytest.raises(Deferred, match="shutting down"):
            _send(transport)
        assert relay.connections == 1


def test_what_may_have_been_taken_is_not_repeated_at_once():
    with _talking({"dot": ["250 2.0.0 ok", does.CLOSE]}) as (relay, transport):
        _send(transport, 1)
        with pytest.raises(Deferred):
            _send(transport, 2)
        assert relay.connections == 1


def test_250_then_close_is_taken():
    with _talking({"dot": then_close("250 2.0.0 queued as 17")}) as (relay, transport):
        assert str(_send(transport, 1)) == "250 2.0.0 queued as 17"
        assert _send(transport, 2).code == 250
        assert len(relay.taken) == 2


def test_replies_are_clean():
    with _talking({"dot": "250-2.0.0 \x1b[31mred\r\n250 \u202eline " + "x" * 600}) as (_, transport):
        reply = _send(transport)
        assert reply.text.startswith("2.0.0 \\x1b[31mred \\u202eline x")
        assert len(reply.text) == 500


@pytest.mark.parametrize("answer", ["250-2.0.0 one\r\n550 5.0.0 two", "99 no", "abc", "2500 x"])
def test_a_reply_that_is_none_defers(answer: str):
    with _talking({"dot": answer}) as (_, transport), pytest.raises(Deferred):
        _send(transport)


def test_nobody_listens():
    with Relay() as relay:
        transport = _connect(relay)
    with pytest.raises(Unreachable, match="refused"):
        _send(transport)


def test_a_name_that_does_not_resolve():
    with Relay() as relay:
        transport = _connect(relay, url="smtp://relay.invalid")
        with pytest.raises(Unreachable, match=r"relay\.invalid:25"):
            _send(transport)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificates"), "127.0.0.1")


@pytest.fixture
def stranger(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path, "relay.example")


@contextmanager
def _talking_tls(scheme: str, shown: Certificate, trusted: Certificate, script=None, *, password=None, offers=()):
    implicit = scheme == "smtps"
    offers = (*OFFERS, *offers, *([] if implicit else ["STARTTLS"]))
    with Relay(script, offers=offers, tls=shown.server_context(), implicit_tls=implicit) as relay:
        user = "us%40er@" if password else ""
        url = f"{scheme}://{user}127.0.0.1:{relay.port}"
        transport = _connect(relay, url=url, tls_context=trusted.client_context(), password=password)
        yield relay, transport
        transport.close()


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_certificate_must_be_trusted_and_carry_the_name(scheme: str, certificate: Certificate, stranger: Certificate):
    for shown, trusted in ((stranger, certificate), (stranger, stranger)):
        with _talking_tls(scheme, shown, trusted) as (relay, transport):
            with pytest.raises(Unreachable, match="certificate verify failed"):
                _send(transport)
            assert not any(line.startswith("MAIL") for line in relay.commands)


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_kept_tls_connections(scheme: str, certificate: Certificate):
    with _talking_tls(scheme, certificate, certificate) as (relay, transport):
        for number in range(3):
            _send(transport, number)
        relay.drop_connections()
        _send(transport, 3)
        assert len(relay.taken) == 4
        assert all(taken.tls for taken in relay.taken)
        assert relay.connections == 2


@pytest.mark.parametrize(
    "answer",
    ["502 5.5.1 what?", "454 4.7.0 not now", "220 go\r\n250 2.0.0 spoken in the clear", does.CLOSE, does.GARBAGE],
)
def test_without_tls_nothing_is_sent(answer: str, certificate: Certificate):
    script = {"STARTTLS": answer}
    with _talking_tls("smtp+starttls", certificate, certificate, script) as (relay, transport):
        with pytest.raises(Unreachable):
            _send(transport)
        assert not any(line.startswith("MAIL") for line in relay.commands)


@pytest.mark.parametrize("methods", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH CRAM-MD5 plain"])
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_login_under_tls(scheme: str, methods: str, certificate: Certificate):
    with _talking_tls(scheme, certificate, certificate, password="pässword", offers=[methods]) as (relay, transport):
        _send(transport)
        (taken,) = relay.taken
        words = [base64.b64decode(word).decode() for word in taken.login.split()[2:]]
        assert words == (["us@er", "pässword"] if methods == "AUTH LOGIN" else ["\0us@er\0pässword"])


def test_a_wrong_password_is_our_trouble_and_stays_secret(certificate: Certificate):
    script = {"AUTH": "535 5.7.8 wrong"}
    with _talking_tls("smtps", certificate, certificate, script, password="pässword", offers=["AUTH PLAIN"]) as (
        _,
        transport,
    ):
        with pytest.raises(Unreachable, match=r"535 5\.7\.8 wrong") as caught:
            _send(transport)
        assert "pässword" not in repr(caught.value) + repr(vars(transport))


def test_no_method_in_common(certificate: Certificate):
    with (
        _talking_tls("smtps", certificate, certificate, password="secret", offers=["AUTH GSSAPI"]) as (_, transport),
        pytest.raises(Unreachable, match="neither AUTH PLAIN nor AUTH LOGIN"),
    ):
        _send(transport)


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_check_shows_that_the_null_reverse_path_is_refused(step: str):
    with _talking({step: "553 5.1.7 no bounces here"}) as (_, transport), pytest.raises(Refused, match="no bounces"):
        transport.check("postmaster@example.com")
