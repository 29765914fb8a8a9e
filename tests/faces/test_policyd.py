"""The policy protocol over a socket: what mail servers send, and what nobody should."""

import asyncio
import socket
import struct

import pytest

from responder.faces.policy_protocol import MAX_ATTRIBUTES, MAX_REQUEST_BYTES, encode_action
from tests.support.policy import Asker, request, serving
from tests.support.smtp import in_loop


@in_loop
async def test_one_connection_carries_many_questions():
    async with serving() as service:
        asker = await service.asker()
        for number in range(50):
            assert await asker.ask(recipient=f"user{number}@example.com") == f"550 5.7.1 user{number}@example.com"


@in_loop
async def test_questions_that_follow_one_another_are_answered_in_order():
    async with serving() as service:
        asker = await service.asker()
        await asker.send(b"".join(request(recipient=f"user{number}@example.com") for number in range(500)))
        answers = [await asker.action() for _ in range(500)]
        assert answers == [f"550 5.7.1 user{number}@example.com" for number in range(500)]


@in_loop
async def test_an_answer_that_takes_time_holds_up_its_own_connection_alone():
    free = asyncio.Event()

    async def later(question):
        await free.wait()
        return f"later {question.recipient}"

    def answer(question):
        return later(question) if question.recipient.startswith("slow") else f"now {question.recipient}"

    async with serving(answer) as service:
        slow, quick = await service.asker(), await service.asker()
        await slow.send(request(recipient="slow@x.example") + request(recipient="quick@x.example"))
        assert await quick.ask(recipient="other@x.example") == "now other@x.example"
        free.set()
        assert [await slow.action(), await slow.action()] == ["later slow@x.example", "now quick@x.example"]


@in_loop
async def test_a_request_may_come_octet_by_octet():
    async with serving() as service:
        asker = await service.asker()
        for octet in request():
            await asker.send(bytes([octet]))
            await asyncio.sleep(0)
        assert await asker.action() == "550 5.7.1 user@example.com"


@in_loop
async def test_lines_may_end_as_those_of_a_person_do():
    async with serving() as service:
        asker = await service.asker()
        await asker.send(request().replace(b"\n", b"\r\n"))
        assert await asker.action() == "550 5.7.1 user@example.com"


@in_loop
async def test_a_client_that_has_closed_its_side_is_answered_and_then_left():
    async with serving() as service:
        asker = await service.asker()
        await asker.send(request() + request(recipient="last@example.com"))
        asker.writer.write_eof()
        assert await asker.rest() == b"action=550 5.7.1 user@example.com\n\naction=550 5.7.1 last@example.com\n\n"
        await service.connections(0)


@in_loop
async def test_a_client_that_has_closed_its_side_still_gets_what_is_looked_up():
    free = asyncio.Event()

    async def answer(asked):
        if asked.recipient == "slow@x.example":
            await free.wait()
        return "DUNNO"

    async with serving(answer) as service:
        asker, other = await service.asker(), await service.asker()
        await asker.send(request(recipient="slow@x.example"))
        asker.writer.write_eof()
        assert await other.ask() == "DUNNO", "by now the service has seen that the first one closed its side"
        free.set()
        assert await asker.rest() == b"action=DUNNO\n\n"


@in_loop
async def test_half_a_request_is_no_question():
    async with serving() as service:
        asker = await service.asker()
        await asker.send(request()[:-1])
        asker.writer.write_eof()
        assert await asker.rest() == b""
        await service.connections(0)


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"EHLO mail.shop.example\n\n",
        b"protocol_state=RCPT\n\n",
        b"request=junk\nprotocol_state=RCPT\n\n",
        b"=value\n" + request(),
        b"request=smtpd_access_policy\nno equals sign\n\n",
        b"request=smtpd_access_policy\n" + b"a=b\n" * MAX_ATTRIBUTES + b"\n",
        b"x" * MAX_REQUEST_BYTES,
        b"request=smtpd_access_policy\nsender=" + b"x" * MAX_REQUEST_BYTES + b"\n\n",
        b"a=b\n" * MAX_REQUEST_BYTES,
        b"\x00\xff\xfe\n\n",
    ],
    ids=lambda sent: sent[:20].decode("latin-1"),
)
@in_loop
async def test_what_is_no_request_gets_no_answer_and_the_connection_closes(sent):
    async with serving() as service:
        asker = await service.asker()
        await asker.send(sent)
        assert await asker.rest() == b""
        await service.connections(0)
        assert await (await service.asker()).ask() == "550 5.7.1 user@example.com"


@in_loop
async def test_what_was_asked_before_something_malformed_is_answered():
    async with serving() as service:
        asker = await service.asker()
        await asker.send(request() + b"junk\n\n" + request())
        assert await asker.rest() == b"action=550 5.7.1 user@example.com\n\n"


@in_loop
async def test_names_that_nobody_knows_and_values_of_any_kind_do_no_harm():
    async with serving() as service:
        asker = await service.asker()
        hostile = b"new_name=\x1b[31m\x00\xff\nsender=<script>=\xc3\xa9\nrecipient=user@example.com\n"
        await asker.send(b"request=smtpd_access_policy\n" + hostile + b"\n")
        assert await asker.action() == "550 5.7.1 user@example.com"


@pytest.mark.parametrize("kind", ["at once", "later"])
@in_loop
async def test_a_fault_gives_no_answer_and_closes_that_connection_alone(kind):
    async def later():
        raise RuntimeError("looked up and broken")

    def answer(question):
        if question.recipient != "fault@example.com":
            return "DUNNO"
        if kind == "later":
            return later()
        raise RuntimeError("broken")

    async with serving(answer) as service:
        one, other = await service.asker(), await service.asker()
        assert await one.ask() == "DUNNO"
        await one.send(request(recipient="fault@example.com") + request())
        assert await one.rest() == b""
        assert await other.ask() == "DUNNO"
        assert service.face.faults == 1


@in_loop
async def test_a_thousand_idle_connections_are_kept_and_each_is_answered():
    async with serving() as service:
        askers = [await service.asker() for _ in range(1000)]
        await service.connections(1000)
        for asker in askers:
            await asker.send(request())
        assert {await asker.action() for asker in askers} == {"550 5.7.1 user@example.com"}
        assert service.face.connections == 1000


@in_loop
async def test_more_connections_than_allowed_are_closed_at_once():
    async with serving(max_connections=2) as service:
        kept = [await service.asker() for _ in range(2)]
        assert await (await service.asker()).rest() == b""
        await kept[0].close()
        await service.connections(1)
        assert await (await service.asker()).ask() == "550 5.7.1 user@example.com"
        assert await kept[1].ask() == "550 5.7.1 user@example.com"


@in_loop
async def test_a_client_that_takes_no_answers_is_not_read_for_ever_and_then_cut(monkeypatch):
    monkeypatch.setattr("responder.faces.policyd._STUCK_SECONDS", 0.1)
    monkeypatch.setattr("responder.faces.policyd._LOOK_EVERY_SECONDS", 0.02)
    asked = []

    def answer(question):
        asked.append(question)
        return f"550 5.7.1 {'x' * 200}"

    async with serving(answer) as service:
        asker = await service.asker()
        asker.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asker.reader._transport.pause_reading()
        asker.writer.write(request() * 100_000)
        await service.connections(1)
        await service.connections(0)
        assert len(asked) < 100_000


@in_loop
async def test_half_a_request_does_not_keep_a_connection_for_ever(monkeypatch):
    monkeypatch.setattr("responder.faces.policyd._STUCK_SECONDS", 0.1)
    monkeypatch.setattr("responder.faces.policyd._LOOK_EVERY_SECONDS", 0.02)
    async with serving() as service:
        idle, slow = await service.asker(), await service.asker()
        await service.connections(2)
        await slow.send(b"request=smtpd_access_policy\n")
        assert await slow.rest() == b""
        assert await idle.ask() == "550 5.7.1 user@example.com"


@in_loop
async def test_a_client_that_is_gone_before_its_answer_does_no_harm():
    asked, free = asyncio.Event(), asyncio.Event()

    async def answer(_):
        asked.set()
        await free.wait()
        return "DUNNO"

    async with serving(answer) as service:
        asker = await service.asker()
        await asker.send(request())
        await asked.wait()
        gone = asker.writer.get_extra_info("socket")
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asker.writer.transport.abort()
        free.set()
        assert await (await service.asker()).ask() == "DUNNO"
        await service.connections(1)
        assert service.face.faults == 0


@in_loop
async def test_a_stop_answers_what_was_asked_and_closes_the_rest():
    asked, free = asyncio.Event(), asyncio.Event()

    async def answer(_):
        asked.set()
        await free.wait()
        return "DUNNO"

    async with serving(answer) as service:
        idle, busy = await service.asker(), await service.asker()
        await busy.send(request())
        await asked.wait()
        stopping = asyncio.create_task(service.face.drain(5))
        assert await idle.rest() == b""
        free.set()
        assert await busy.rest() == b"action=DUNNO\n\n"
        await stopping
        with pytest.raises(OSError):
            await Asker.connect(service.port)


@in_loop
async def test_a_stop_does_not_wait_for_ever():
    asked = asyncio.Event()

    async def answer(_):
        asked.set()
        await asyncio.Event().wait()

    async with serving(answer) as service:
        asker = await service.asker()
        await asker.send(request())
        await asked.wait()
        await service.face.drain(0.05)
        assert await asker.rest() == b""


def test_nothing_in_an_action_ends_its_line():
    assert encode_action("550 5.7.1 one\r\n\naction=OK\n") == b"action=550 5.7.1 one action=OK\n\n"
    assert encode_action("REJECT \u00e9") == b"action=REJECT ?\n\n"
