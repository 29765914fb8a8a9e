"""No client can hold on to more than its limits give it, whatever it does or does not do."""

import asyncio
import resource
import socket
import time
import tracemalloc
from contextlib import suppress
from ipaddress import ip_network

import pytest

from tests.support.smtp import BYPASS, MESSAGE, Store, in_loop, serving

SOON = 0.3
MIB = 1 << 20


async def gone(service, connections=0):
    """Wait until no more than `connections` are left."""
    await service.face._until(lambda: service.face.connections <= connections)


async def drip(dialog, octets):
    """Send the same octets again and again until the server hangs up; gives what it said."""
    said = asyncio.create_task(dialog.rest())
    while not (await asyncio.wait([said], timeout=SOON / 10))[0]:
        dialog.send(octets)
    return [answer.short for answer in await said]


async def until_cut(send):
    """Call `send` again and again until the connection is gone."""
    with suppress(EOFError, ConnectionError):
        while True:
            await send()


@in_loop
async def test_a_silent_client_is_cut():
    async with serving(command_timeout_seconds=SOON) as service:
        dialog = await service.connect()
        assert [answer.short for answer in await dialog.rest()] == ["220", "421 4.7.0"]


@in_loop
async def test_half_a_command_buys_no_time():
    async with serving(command_timeout_seconds=SOON) as service:
        dialog = await service.greeted()
        assert await drip(dialog, b"N") == ["421 4.7.0"]


@in_loop
async def test_a_dripping_message_is_cut():
    async with serving(message_timeout_seconds=SOON) as service:
        dialog = await service.greeted()
        await dialog.begin()
        assert await drip(dialog, b"x\r\n") == ["421 4.7.0"]
        assert not service.store.messages


@in_loop
async def test_a_busy_session_has_an_end():
    async with serving(session_timeout_seconds=SOON, max_idle_commands=0) as service:
        dialog = await service.greeted()
        await until_cut(lambda: dialog.say("NOOP"))
        await gone(service)


@in_loop
async def test_a_message_is_not_cut_while_it_is_stored():
    async with serving(store=Store(held=True), session_timeout_seconds=SOON, command_timeout_seconds=SOON) as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(MESSAGE + b".\r\n")
        await service.store.taken.wait()
        asyncio.get_running_loop().call_later(3 * SOON, service.store.settle)
        assert (await dialog.answer()).short == "250 2.0.0"
        assert [answer.short for answer in await dialog.rest()] == ["421 4.7.0"]


@in_loop
async def test_storing_that_takes_too_long_is_put_off_and_the_session_goes_on():
    async with serving(
        store=Store(held=True), message_timeout_seconds=SOON, command_timeout_seconds=3 * SOON
    ) as service:
        dialog = await service.greeted()
        assert (await dialog.deliver()).short == "451 4.3.0"
        service.store.settle()
        assert (await dialog.say("NOOP")).short == "250 2.0.0"
        assert [answer.short for answer in await dialog.rest()] == ["421 4.7.0"]


@in_loop
async def test_a_client_that_never_reads_is_cut():
    async with serving(command_timeout_seconds=3 * SOON, max_idle_commands=0) as service:
        for listener in service.face._sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, service.face.addresses[0])
        await until_cut(lambda: loop.sock_sendall(client, b"HELP\r\n" * 1000))
        await gone(service)
        client.close()


@in_loop
async def test_one_address_has_so_many_connections_and_others_theirs():
    async with serving(max_connections_per_client=2) as service:
        first = await service.greeted(source="127.0.0.2")
        await service.greeted(source="127.0.0.2")
        refused = await service.connect(source="127.0.0.2")
        assert [answer.short for answer in await refused.rest()] == ["421 4.7.0"]
        await service.greeted(source="127.0.0.3")
        await first.say("QUIT")
        await gone(service, 2)
        await service.greeted(source="127.0.0.2")


@in_loop
async def test_relays_have_no_limit_per_client():
    async with serving(max_connections_per_client=1, relays=(ip_network("127.0.0.2/32"),)) as service:
        for _ in range(3):
            assert (await (await service.connect(source="127.0.0.2")).greet()).code == 250


@in_loop
async def test_all_together_have_so_many_connections():
    async with serving(max_connections=2) as service:
        dialogs = [await service.greeted(source=f"127.0.0.{number}") for number in (2, 3)]
        refused = await service.connect(source="127.0.0.4")
        assert [answer.short for answer in await refused.rest()] == ["421 4.7.0"]
        await dialogs[0].close()
        await gone(service, 1)
        await service.greeted(source="127.0.0.4")


@in_loop
async def test_a_flood_of_commands_ends_the_session():
    async with serving() as service:
        dialog = await service.connect()
        dialog.send(b"EHLO x\r\n" + b"NOOP\r\n" * 600)
        answers = await dialog.rest()
        assert (len(answers), answers[-1].short) == (52, "421 4.7.0")


@pytest.mark.parametrize("octets", [1025, 2000, 70_000])
@in_loop
async def test_a_long_command_line_is_refused_as_a_whole(octets):
    async with serving() as service:
        dialog = await service.greeted()
        dialog.send(b"NOOP " + b"x" * (octets - 7) + b"\r\nNOOP\r\n")
        assert [answer.short for answer in await dialog.answers(2)] == ["500 5.5.2", "250 2.0.0"]


@in_loop
async def test_the_longest_command_line_is_taken():
    async with serving() as service:
        dialog = await service.greeted()
        dialog.send(b"NOOP " + b"x" * 1017 + b"\r\n")
        assert (await dialog.answer()).short == "250 2.0.0"


@in_loop
async def test_an_endless_command_line_costs_no_memory_and_ends_in_time():
    async with serving(command_timeout_seconds=3 * SOON) as service:
        dialog = await service.greeted()

        def send():
            dialog.send(b"x" * 65536)
            return dialog.writer.drain()

        await until_cut(send)
        await gone(service)


@pytest.mark.parametrize("piece", [b"x" * 65536, b"\r\n" * 4096, b"." * 65536, b"\r\n.." * 4096])
@in_loop
async def test_no_content_costs_more_memory_than_its_kept_part(piece):
    total = 64 * MIB if piece[:1] in b"x." else 8 * MIB
    async with serving(keep_bytes=MIB, max_message_bytes=MIB) as service:
        dialog = await service.greeted()
        other = await service.greeted()
        await dialog.begin()
        tracemalloc.start()
        try:
            slowest = 0.0
            for number in range(total // len(piece)):
                dialog.send(piece)
                await dialog.writer.drain()
                if number % 100 == 0:
                    began = time.perf_counter()
                    await other.say("RSET" if number % 4000 else "MAIL FROM:<>")
                    slowest = max(slowest, time.perf_counter() - began)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        dialog.send(b"\r\n.\r\n")
        assert (await dialog.answer()).short == "552 5.3.4"
        assert peak < 8 * MIB
        assert slowest < 0.25


@in_loop
async def test_a_client_is_served_beside_500_idle_ones():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    try:
        async with serving(max_connections_per_client=0) as service:
            for _ in range(500):
                await service.connect()
            began = time.perf_counter()
            dialog = await service.greeted()
            assert (await dialog.deliver()).short == "250 2.0.0"
            assert time.perf_counter() - began < 0.25
            assert service.face.connections == 501
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("reset", [True, False])
@in_loop
async def test_a_client_that_hangs_up_after_the_dot_ends_no_submission(reset):
    async with serving(store=Store(held=True)) as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(MESSAGE + b".\r\n")
        await service.store.taken.wait()
        await dialog.close(reset=reset)
        if reset:
            await gone(service)
        (submission,) = service.store.waiting
        drained = asyncio.create_task(service.face.drain(30))
        await asyncio.wait([drained], timeout=SOON)
        assert not drained.done()
        assert not submission.cancelled()
        service.store.settle()
        await drained
        assert not len(service.face.handover)


@in_loop
async def test_draining_ends_idle_sessions_and_takes_no_new_one():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.say("MAIL FROM:<>", f"RCPT TO:<{BYPASS}>")
        await service.face.drain(30)
        assert [answer.short for answer in await dialog.rest()] == ["421 4.3.2"]
        with pytest.raises(ConnectionError):
            await service.connect()


@in_loop
async def test_draining_lets_messages_on_their_way_finish():
    async with serving(store=Store(held=True)) as service:
        arriving, storing = await service.greeted(), await service.greeted()
        await arriving.begin()
        await storing.begin()
        storing.send(MESSAGE + b".\r\n")
        await service.store.taken.wait()
        drained = asyncio.create_task(service.face.drain(30))
        await asyncio.wait([drained], timeout=SOON)
        assert not drained.done()
        service.store.held = False
        service.store.settle()
        arriving.send(MESSAGE + b".\r\n")
        for dialog in (arriving, storing):
            assert [answer.short for answer in await dialog.rest()] == ["250 2.0.0", "421 4.3.2"]
        await drained


@in_loop
async def test_draining_has_an_end():
    async with serving(store=Store(held=True)) as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(MESSAGE + b".\r\n")
        await service.store.taken.wait()
        await service.face.drain(SOON)
        assert await dialog.rest() == []
        assert service.face.connections == 0
        service.store.settle()
