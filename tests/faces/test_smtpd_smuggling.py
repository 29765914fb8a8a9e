"""Only CR LF . CR LF ends a message, over a real connection; and nothing behind STARTTLS or DATA is a command."""

import asyncio

import pytest

from tests.support.smtp import in_loop, serving
from tests.support.smuggling import SECOND_MESSAGE, SEQUENCES, smuggled, unstuffed


@pytest.mark.parametrize("name", SEQUENCES)
@in_loop
async def test_one_message_is_stored_and_one_reply_given(name):
    content = smuggled(SEQUENCES[name], line_octets=900)
    async with serving() as service:
        dialog = await service.greeted()
        assert (await dialog.begin()).code == 354
        dialog.send(content + b".\r\nQUIT\r\n")
        assert [answer.short for answer in await dialog.rest()] == ["250 2.0.0", "221 2.0.0"]
        assert service.store.kept == unstuffed(content)


@pytest.mark.parametrize("name", SEQUENCES)
@in_loop
async def test_segments_of_one_octet_are_read_like_one(name):
    content = smuggled(SEQUENCES[name])
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.begin()
        for octet in content + b".\r\n":
            dialog.send(bytes([octet]))
            await asyncio.sleep(0)
        assert (await dialog.answer()).short == "250 2.0.0"
        assert service.store.kept == unstuffed(content)


@in_loop
async def test_a_session_that_is_cut_in_the_content_stores_nothing():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(smuggled(b"\n.\n") + b"\r\n.\r")
        dialog.writer.write_eof()
        assert await dialog.rest() == []
        assert not service.store.messages


@in_loop
async def test_commands_behind_the_true_end_are_obeyed():
    async with serving() as service:
        dialog = await service.greeted()
        await dialog.begin()
        dialog.send(b"first\r\n.\r\n" + SECOND_MESSAGE.partition(b"Subject")[0])
        assert [answer.code for answer in await dialog.answers(4)] == [250, 250, 250, 354]
