import asyncio

import pytest

from tests.support.certificates import Certificate
from tests.support.smtp import BYPASS, in_loop, serving

SOON = 0.5


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"), "mx.example.com").server_context()


@in_loop
async def test_a_message_over_tls_is_marked(tls):
    async with serving(tls=tls) as service:
        dialog = await service.connect()
        assert "STARTTLS" in (await dialog.greet()).lines
        await dialog.start_tls()
        assert "STARTTLS" not in (await dialog.say("EHLO again.example.org")).lines
        assert (await dialog.deliver()).short == "250 2.0.0"
        assert service.store.envelope.tls
        assert service.store.envelope.helo_name == "again.example.org"
        assert (await dialog.say("QUIT")).short == "221 2.0.0"
        assert await dialog.rest() == []
        await service.face._until(lambda: service.face.connections == 0)


@in_loop
async def test_what_was_said_in_the_clear_is_forgotten(tls):
    async with serving(tls=tls) as service:
        dialog = await service.greeted()
        await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
        await dialog.start_tls()
        assert (await dialog.say("RCPT TO:<postmaster>")).short == "503 5.5.1"
        assert (await dialog.say("MAIL FROM:<>")).short == "503 5.5.1"


@in_loop
async def test_a_second_starttls_is_refused(tls):
    async with serving(tls=tls) as service:
        dialog = await service.greeted()
        await dialog.start_tls()
        assert (await dialog.say("STARTTLS")).short == "503 5.5.1"
        assert (await dialog.say("NOOP")).short == "250 2.0.0"


@in_loop
async def test_commands_behind_starttls_end_the_session(tls):
    async with serving(tls=tls) as service:
        dialog = await service.greeted()
        dialog.send(b"STARTTLS\r\nEHLO evil.example.org\r\nMAIL FROM:<>\r\n")
        assert await dialog.rest() == []
        await service.face._until(lambda: service.face.connections == 0)


@pytest.mark.parametrize("octets", [b"EHLO evil.example.org\r\n", b"\x16\x03\x01", b"\x16\x03\x01\x00\x05hello"])
@in_loop
async def test_a_broken_handshake_ends_the_session(tls, octets):
    async with serving(tls=tls, command_timeout_seconds=SOON) as service:
        dialog = await service.greeted()
        await dialog.say("STARTTLS")
        dialog.send(octets)
        await dialog.reader.read()
        await service.face._until(lambda: service.face.connections == 0)


@in_loop
async def test_a_client_that_leaves_in_the_handshake_is_counted_off(tls):
    async with serving(tls=tls) as service:
        dialog = await service.greeted()
        await dialog.say("STARTTLS")
        await dialog.close()
        await service.face._until(lambda: service.face.connections == 0)


@in_loop
async def test_deadlines_hold_in_tls(tls):
    async with serving(tls=tls, command_timeout_seconds=SOON) as service:
        dialog = await service.greeted()
        await dialog.start_tls()
        assert [answer.short for answer in await dialog.rest()] == ["421 4.7.0"]


@in_loop
async def test_draining_ends_sessions_in_tls_and_in_the_handshake(tls):
    async with serving(tls=tls) as service:
        inside, between = await service.greeted(), await service.greeted()
        await inside.start_tls()
        await inside.say("EHLO x")
        await between.say("STARTTLS")
        drained = asyncio.create_task(service.face.drain(SOON))
        assert [answer.short for answer in await inside.rest()] == ["421 4.3.2"]
        await drained


@in_loop
async def test_without_a_certificate_there_is_no_starttls():
    async with serving() as service:
        dialog = await service.connect()
        assert "STARTTLS" not in (await dialog.greet()).lines
        assert (await dialog.say("STARTTLS")).short == "502 5.5.1"
