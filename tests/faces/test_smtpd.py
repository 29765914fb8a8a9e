"""The rows of the SMTP contract, over a socket."""

import logging
from ipaddress import ip_address, ip_network

import pytest

from responder.domain.envelope import ClientSource, RecipientKind
from responder.storage.errors import StorageUnavailable
from tests.support.smtp import BYPASS, MESSAGE, NOW, Store, in_loop, serving

LOOPBACK = (ip_network("127.0.0.0/8"),)


@in_loop
async def test_the_greeting_names_the_host_and_no_software():
    async with serving() as service:
        answer = await (await service.connect()).answer()
        assert (answer.code, answer.lines) == (220, ("mx.example.com ESMTP",))


@in_loop
async def test_ehlo_offers_what_the_contract_names():
    async with serving(max_message_bytes=12345) as service:
        answer = await (await service.connect()).greet()
        assert answer.lines == (
            "mx.example.com",
            "PIPELINING",
            "SIZE 12345",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
        )


@in_loop
async def test_a_stored_message_hears_its_reference():
    async with serving() as service:
        dialog = await service.greeted()
        answer = await dialog.deliver()
        assert (answer.short, answer.text) == ("250 2.0.0", "AAAAA-00001 recorded")


@in_loop
async def test_the_envelope_says_what_smtp_said():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.deliver(sender="Ann@Example.ORG", recipients=["Bypass+Tag@EXAMPLE.com", "Postmaster"])
        envelope = service.store.envelope
        assert envelope.reverse_path == "Ann@Example.ORG"
        assert [(r.address, r.kind, r.tag) for r in envelope.recipients] == [
            ("Bypass+Tag@EXAMPLE.com", RecipientKind.BYPASS, "tag"),
            ("Postmaster", RecipientKind.STAFF, None),
        ]
        assert (envelope.client, envelope.client_source) == (ip_address("127.0.0.1"), ClientSource.PEER)
        assert envelope.helo_name == "client.example.org"
        assert (envelope.tls, envelope.smtputf8, envelope.trusted_relay) == (False, False, False)
        assert envelope.received_at == NOW


@in_loop
async def test_the_content_arrives_with_one_dot_taken_from_each_stuffed_line():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.deliver(b"..first\r\nA: b\r\n\r\n...\r\n..\r\n.x\r\n")
        assert service.store.kept == b".first\r\nA: b\r\n\r\n..\r\n.\r\nx\r\n"


@in_loop
async def test_messages_of_one_session_are_separate():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.deliver(b"one\r\n", sender="one@example.org")
        await dialog.deliver(b"two\r\n", sender="")
        assert [(e.reverse_path, c.kept) for e, c in service.store.messages] == [
            ("one@example.org", b"one\r\n"),
            ("", b"two\r\n"),
        ]


@pytest.mark.parametrize("address", [BYPASS, "ByPass@Example.COM", "bypass+x=y@example.com", '"bypass"@example.com'])
@in_loop
async def test_bypass_addresses_are_taken(address):
    async with serving() as service:
        dialog = await service.greeted()
        assert (await dialog.say("MAIL FROM:<>", f"RCPT TO:<{address}>")).short == "250 2.1.5"


@pytest.mark.parametrize(
    "address", ["postmaster", "PostMaster", "postmaster@example.com", "ABUSE@example.net", "Postmaster@EXAMPLE.NET"]
)
@in_loop
async def test_postmaster_and_abuse_are_taken_for_staff(address):
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.deliver(recipients=[address])
        assert [r.kind for r in service.store.envelope.recipients] == [RecipientKind.STAFF]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("nobody@example.com", "550 5.1.1"),
        ("nobody@EXAMPLE.NET", "550 5.1.1"),
        ("user%example.org@example.com", "550 5.1.1"),
        ("example.org!user@example.com", "550 5.1.1"),
        ('"bypass@example.com"@example.com', "550 5.1.1"),
        ("user@example.org", "550 5.7.1"),
        ("bypass@example.org", "550 5.7.1"),
        ("bypass@example.com.example.org", "550 5.7.1"),
        ("bypass@[192.0.2.1]", "550 5.7.1"),
        ("abuse@example.org", "550 5.7.1"),
        ("@relay.example.org:bypass@example.com", "553 5.1.3"),
        ("abuse", "553 5.1.3"),
        ("bypass", "553 5.1.3"),
        ("", "553 5.1.3"),
        ("bypass@example.com@example.org", "553 5.1.3"),
        ('"bypass@example.com"', "553 5.1.3"),
    ],
)
@in_loop
async def test_other_recipients_are_refused(address, expected):
    async with serving() as service:
        dialog = await service.greeted()
        assert (await dialog.say("MAIL FROM:<>", f"RCPT TO:<{address}>")).short == expected
        assert (await dialog.say("DATA")).short == "503 5.5.1"


@in_loop
async def test_two_recipients_in_one_command_are_refused():
    async with serving() as service:
        dialog = await service.greeted()
        answer = await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>,<{BYPASS}>")
        assert answer.short == "501 5.5.4"


@pytest.mark.parametrize("error", [StorageUnavailable("disk full"), RuntimeError("INSERT\r\n250 secret")])
@in_loop
async def test_what_cannot_be_stored_is_kept_by_the_client(error):
    async with serving(store=Store(error=error)) as service:
        dialog = await service.greeted()
        answer = await dialog.deliver()
        assert answer.short == "451 4.3.0"
        assert "secret" not in answer.text
        assert "disk" not in answer.text
        service.store.error = None
        assert (await dialog.deliver()).short == "250 2.0.0"


@in_loop
async def test_a_submission_that_fails_at_once_is_a_passing_fault():
    def submit(envelope, content):
        raise ValueError("secret")

    async with serving(submit=submit) as service:
        dialog = await service.greeted()
        answer = await dialog.deliver()
        assert answer.short == "451 4.3.0"
        assert "secret" not in answer.text


@in_loop
async def test_a_fault_in_the_dialogue_is_a_passing_one_and_ends_the_session(monkeypatch):
    def broken(*_):
        raise KeyError("secret\r\n250 OK")

    monkeypatch.setattr("responder.faces.smtp_dialogue.Dialogue._recipient", broken)
    async with serving() as service:
        dialog = await service.greeted()
        answer = await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
        assert answer.short == "451 4.3.0"
        assert "secret" not in answer.text
        assert await dialog.rest() == []


@in_loop
async def test_a_declared_size_over_the_limit_is_refused_at_mail():
    async with serving(max_message_bytes=1000) as service:
        dialog = await service.greeted()
        assert (await dialog.say("MAIL FROM:<a@example.org> SIZE=1001")).short == "552 5.3.4"
        assert (await dialog.say("MAIL FROM:<a@example.org> SIZE=1000")).short == "250 2.1.0"


@pytest.mark.parametrize(("octets", "expected"), [(1000, "250 2.0.0"), (1001, "552 5.3.4")])
@in_loop
async def test_the_size_is_counted_whatever_was_declared(octets, expected):
    async with serving(max_message_bytes=1000) as service:
        dialog = await service.greeted()
        content = b".." + b"x" * (octets - 3) + b"\r\n"  # the stuffed dot is no octet of the message
        assert (await dialog.deliver(content, parameters=" SIZE=10")).short == expected
        assert (await dialog.deliver()).short == "250 2.0.0"


@in_loop
async def test_a_long_message_is_kept_in_part():
    async with serving(keep_bytes=100) as service:
        dialog = await service.greeted()
        await dialog.deliver(MESSAGE + b"x" * 5000 + b"\r\n")
        ((_, content),) = service.store.messages
        assert (len(content.kept), content.size) == (100, len(MESSAGE) + 5002)


@pytest.mark.parametrize(("hops", "expected"), [(100, "250 2.0.0"), (101, "554 5.4.6")])
@in_loop
async def test_a_message_that_loops_is_refused(hops, expected):
    async with serving() as service:
        dialog = await service.greeted()
        content = b"RECEIVED: from a by b\r\n" * hops + b"Subject: x\r\n\r\nReceived: no\r\n"
        assert (await dialog.deliver(content)).short == expected


@in_loop
async def test_a_pipelined_session_is_answered_in_order():
    async with serving() as service:
        dialog = await service.connect()
        dialog.send(b"EHLO c.example.org\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@example.com>\r\n")
        dialog.send(f"RCPT TO:<{BYPASS}>\r\nNOOP\r\nDATA\r\n".encode())
        assert [answer.code for answer in await dialog.answers(7)] == [220, 250, 250, 550, 250, 250, 354]
        dialog.send(MESSAGE + b".\r\nRSET\r\nQUIT\r\n")
        assert [answer.short for answer in await dialog.rest()] == ["250 2.0.0", "250 2.0.0", "221 2.0.0"]


@in_loop
async def test_text_before_the_354_is_refused_and_the_session_ends():
    async with serving() as service:
        dialog = await service.greeted()
        dialog.send(f"MAIL FROM:<>\r\nRCPT TO:<{BYPASS}>\r\nDATA\r\nSubject: early\r\n\r\n.\r\n".encode())
        assert [answer.short for answer in await dialog.rest()] == ["250 2.1.0", "250 2.1.5", "503 5.5.1"]
        assert not service.store.messages


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "get"])
@in_loop
async def test_web_verbs_end_the_session(verb):
    async with serving() as service:
        dialog = await service.connect()
        dialog.send(f"{verb} / HTTP/1.1\r\nEHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{BYPASS}>\r\nDATA\r\n".encode())
        assert [answer.code for answer in await dialog.rest()] == [220, 554]


@pytest.mark.parametrize("first", [b"\x16\x03\x01\x02\x00", b"\x00", b"\x80", b"{"])
@in_loop
async def test_a_session_that_begins_in_another_protocol_ends_at_its_first_octet(first):
    async with serving() as service:
        dialog = await service.connect()
        dialog.send(first)
        assert [answer.code for answer in await dialog.rest()] == [220, 554]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("NOOP", "250 2.0.0"),
        ("noop anything", "250 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("RSET x", "501 5.5.4"),
        ("HELP", "214 2.0.0"),
        ("HELP MAIL", "214 2.0.0"),
        ("VRFY bypass", "252 2.1.5"),
        ("VRFY", "501 5.5.4"),
        ("QUIT now", "501 5.5.4"),
        ("EXPN list", "502 5.5.1"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("ETRN example.com", "502 5.5.1"),
        ("BDAT 10 LAST", "502 5.5.1"),
        ("STARTTLS", "502 5.5.1"),
        ("LHLO x", "500 5.5.1"),
        ("FOO", "500 5.5.1"),
        ("XFORWARD NAME=x", "550 5.7.0"),
        ("HELO", "501 5.5.4"),
        ("EHLO", "501 5.5.4"),
        ("", "500 5.5.2"),
        (" NOOP", "500 5.5.2"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM:a@example.org", "501 5.5.4"),
        ("RCPT TO:<bypass@example.com>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
    ],
)
@in_loop
async def test_other_commands(command, expected):
    async with serving() as service:
        dialog = await service.greeted()
        assert (await dialog.say(command)).short == expected
        assert (await dialog.say("NOOP")).short == "250 2.0.0"


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP \x00\r\n", b"NOOP \x1b[2J\r\n", b"NOOP\r\r\n"])
@in_loop
async def test_a_line_with_a_bare_line_end_or_control_character_is_refused(line):
    async with serving() as service:
        dialog = await service.greeted()
        dialog.send(line)
        assert (await dialog.answer()).short == "500 5.5.2"


@in_loop
async def test_commands_out_of_order_are_refused():
    async with serving() as service:
        dialog = await service.connect()
        await dialog.answer()
        assert (await dialog.say("MAIL FROM:<>")).short == "503 5.5.1"
        assert (await dialog.say("HELO x")).code == 250
        assert (await dialog.say("MAIL FROM:<>", "MAIL FROM:<>")).short == "503 5.5.1"


@pytest.mark.parametrize("command", ["RSET", "EHLO again", "HELO again"])
@in_loop
async def test_a_restart_forgets_the_message_under_way(command):
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>", command)
        assert (await dialog.say("DATA")).short == "503 5.5.1"


@in_loop
async def test_quit_ends_the_session():
    async with serving() as service:
        dialog = await service.greeted()
        dialog.send(b"QUIT\r\nNOOP\r\n")
        assert [answer.short for answer in await dialog.rest()] == ["221 2.0.0"]


@in_loop
async def test_a_client_that_closed_its_side_after_the_dot_still_hears_the_outcome():
    async with serving(store=Store(held=True)) as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(MESSAGE + b".\r\n")
        dialog.writer.write_eof()
        await service.store.taken.wait()
        service.store.settle()
        assert [answer.short for answer in await dialog.rest()] == ["250 2.0.0"]


@in_loop
async def test_a_relay_never_hears_5yz_once_a_recipient_is_taken():
    async with serving(relays=LOOPBACK, max_message_bytes=1500, keep_bytes=500) as service:
        dialog = await service.greeted()
        await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
        for command in ("DATA now", "FOO", "MAIL FROM:<>", "XFORWARD NAME=x", "EXPN x", "RSET now"):
            assert (await dialog.say(command)).code == 451
        await dialog.say("RSET")
        assert (await dialog.deliver(b"Received: x\r\n" * 101 + b"\r\n")).code == 250
        assert (await dialog.deliver(b"x" * 2000 + b"\r\n")).code == 250
        ((_, looping), (_, large)) = service.store.messages
        assert (looping.size, large.size, len(large.kept)) == (1315, 2002, 500)
        assert (looping.is_too_large, large.is_too_large) == (False, True)


@in_loop
async def test_a_relay_that_talks_too_early_hears_a_passing_refusal():
    async with serving(relays=LOOPBACK) as service:
        dialog = await service.greeted()
        dialog.send(f"MAIL FROM:<>\r\nRCPT TO:<{BYPASS}>\r\nDATA\r\nearly\r\n.\r\n".encode())
        assert [answer.code for answer in await dialog.rest()] == [250, 250, 451]


@in_loop
async def test_refusals_are_logged_without_passwords_and_our_faults_once(caplog):
    caplog.set_level(logging.INFO, "responder")
    async with serving(store=Store(error=StorageUnavailable("disk full"))) as service:
        dialog = await service.greeted()
        await dialog.say("FOO \u202e", "AUTH PLAIN c2VjcmV0", "MAIL FROM:<>", "RCPT TO:<x@example.org>", "RSET")
        await dialog.deliver()
    logged = [(r.getMessage(), r.fields.get("command"), r.fields.get("why")) for r in caplog.records]
    assert logged[1:5] == [
        ("refused", "FOO \u202e", None),
        ("refused", "AUTH", None),
        ("refused", "RCPT TO:<x@example.org>", None),
        ("not-recorded", None, "disk full"),
    ]
