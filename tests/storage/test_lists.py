"""What people look at: messages, requests and outbound messages, filtered and page by page."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from sqlalchemy import insert, update

from responder.domain.outbound import Kind, OutboundState
from responder.domain.request import DECIDED_STATES, RequestState
from responder.storage.audit import timeline
from responder.storage.messages import (
    compress,
    find_message,
    find_raw,
    list_messages,
    messages_of_request,
)
from responder.storage.outbound import find_content, find_outbound, list_outbound, outbound_of_request
from responder.storage.request_lists import count_requests, list_requests
from responder.storage.requests import RequestFilter, find_request
from responder.storage.schema import audit, messages, outbound, outbound_contents, raw_messages, requests
from tests.support.pleas import NOON
from tests.support.statements import noted

KEY = b"\0" * 10 + b"\xff\xff" + bytes([203, 0, 113])


def request_row(number, **changes):
    return {
        "id": number,
        "reference": f"AAAAA-0000{number}",
        "reply_token": f"token{number}",
        "state": RequestState.WAITING,
        "version": 1,
        "open_key": None,
        "unread": True,
        "opened_at": NOON,
        "updated_at": NOON + timedelta(hours=number),
        "sender_key": f"admin@{number}.example",
        "contact": f"admin@{number}.example",
        "domain": f"{number}.example",
        "address_key": KEY + bytes([number]),
        "networks": [],
        "proof": "none",
        "software_product": None,
        "advice": None,
        "assignee_id": None,
        "locale": "en",
        "subject": f"Mail refused {number}",
        "advice_reasons": [],
        "message_count": 1,
    } | changes


def message_row(number, request_id, **changes):
    return {
        "id": number,
        "received_at": NOON,
        "node": "one",
        "request_id": request_id,
        "reference": f"BBBBB-{number:05}",
        "rcpt_kind": "bypass",
        "recipients": [],
        "reverse_path": "a@shop.example",
        "sender_key": "a@shop.example",
        "header_from": "a@shop.example",
        "client_source": "peer",
        "helo_name": "",
        "tls": False,
        "message_references": [],
        "subject": "",
        "size": 1,
        "disposition": "silent",
        "reason": "bulk",
        "rejection": None,
        "locale": "en",
        "repeats": 0,
    } | changes


def outbound_row(number, request_id, **changes):
    return {
        "id": number,
        "kind": Kind.NOTICE,
        "request_id": request_id,
        "recipient": "a@shop.example",
        "envelope_sender": "",
        "message_id_header": f"<{number}@example.com>",
        "template": "answer",
        "locale": "en",
        "state": OutboundState.QUEUED,
        "attempts": 0,
        "created_at": NOON,
        "due_at": NOON,
        "give_up_at": NOON,
    } | changes


REQUESTS = [
    request_row(1, state="shelved"),
    request_row(2, software_product="exchange", subject="Our Server is refused, 100% sure"),
    request_row(3, state="asked", domain="deep.2.example", assignee_id=7),
    request_row(4, state="denied", advice="static"),
    request_row(5, contact="ann@shop.example", address_key=None),
]


@pytest.fixture
def connection(engine):
    with engine.execution_options(write=True).connect() as connection:
        connection.execute(insert(requests), REQUESTS)
        connection.execute(insert(messages), [message_row(10, 2, rejection={"code": 550}), message_row(11, 2)])
        connection.execute(insert(messages), [message_row(12, None)])
        yield connection


def numbers(rows):
    return [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [5, 3, 2]),
        ({"states": ()}, [5, 4, 3, 2, 1]),
        ({"states": ("denied", "shelved")}, [4, 1]),
        ({"address": ip_network("203.0.113.3/32")}, [3]),
        ({"address": ip_network("203.0.113.2/31")}, [3, 2]),
        ({"address": ip_network("2001:db8::/32")}, []),
        ({"domain": "2.Example"}, [3, 2]),
        ({"domain": "_.example"}, []),
        ({"contact": "Ann@SHOP.example"}, [5]),
        ({"software": "exchange"}, [2]),
        ({"assignee_id": 7}, [3]),
        ({"advice": "static", "states": ()}, [4]),
        ({"quoted": True}, [2]),
        ({"quoted": False}, [5, 3]),
        ({"since": NOON + timedelta(hours=3)}, [5, 3]),
        ({"text": "ref"}, [5, 3, 2]),
        ({"text": "efused"}, []),
        ({"text": "server OUR"}, [2]),
        ({"text": "100%"}, [2]),
        ({"text": "ann@shop"}, [5]),
        ({"text": "aaaaa-00005"}, [5]),
    ],
)
def test_requests_are_filtered(connection, wanted, found):
    assert numbers(list_requests(connection, RequestFilter(**wanted), limit=0)) == found


def test_decided_requests_whose_sender_wrote_again_are_found_without_walking_the_others(connection):
    rows = [request_row(6 + number, state=state, unread=False) for number, state in enumerate(DECIDED_STATES)]
    connection.execute(insert(requests), [*rows, request_row(9, state=RequestState.LAPSED)])
    wanted = RequestFilter(states=DECIDED_STATES, unread=True)
    with noted(connection) as asked:
        assert numbers(list_requests(connection, wanted, limit=2)) == [9, 4]
        assert count_requests(connection, wanted) == (2, True)
    if connection.dialect.name == "sqlite":
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert sum("ix_requests_decided_unread (state=?)" in row[3] for row in plan) == len(DECIDED_STATES), plan


def test_pages_follow_one_another_newest_first(connection):
    everything = RequestFilter(states=())
    assert numbers(list_requests(connection, everything, limit=2)) == [5, 4]
    assert numbers(list_requests(connection, everything, limit=2, after=4)) == [3, 2]
    assert numbers(list_messages(connection, limit=2)) == [12, 11]
    assert numbers(list_messages(connection, limit=2, after=11)) == [10]


def test_a_request_is_found_by_its_reference_and_those_of_its_messages(connection):
    assert find_request(connection, "AAAAA-00002")["id"] == 2
    assert find_request(connection, "BBBBB-00011")["id"] == 2
    assert find_request(connection, "BBBBB-00012") is None
    assert find_request(connection, "CCCCC-00001") is None


def test_messages_name_their_request(connection):
    assert [row["request"] for row in list_messages(connection, limit=0)] == [None, "AAAAA-00002", "AAAAA-00002"]
    assert numbers(messages_of_request(connection, 2)) == [10, 11]
    found = find_message(connection, 10)
    assert (found["request"], found["rejection"], found["received_at"]) == ("AAAAA-00002", {"code": 550}, NOON)
    assert find_message(connection, 99) is None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"disposition": "silent"}, [12, 11, 10]),
        ({"disposition": "answer"}, [13]),
        ({"reason": "mailing-list"}, [12]),
        ({"disposition": "silent", "reason": "bulk"}, [11, 10]),
        ({"disposition": "answer", "reason": "bulk"}, []),
        ({"sender_key": "b@shop.example", "disposition": "answer"}, [13]),
        ({"sender_key": "b@shop.example", "reason": "bulk"}, []),
    ],
)
def test_messages_are_filtered(connection, wanted, found):
    connection.execute(update(messages).where(messages.c.id == 12).values(reason="mailing-list"))
    answered = {"disposition": "answer", "reason": None, "sender_key": "b@shop.example"}
    connection.execute(insert(messages), [message_row(13, None, **answered)])
    assert numbers(list_messages(connection, limit=0, **wanted)) == found


@pytest.mark.parametrize(
    "wanted",
    [{"disposition": "silent"}, {"disposition": "answer"}, {"reason": "bulk"}, {"sender_key": "a@shop.example"}],
)
def test_the_newest_messages_are_found_without_sorting_all(connection, wanted):
    with noted(connection) as asked:
        list_messages(connection, limit=2, **wanted)
    ((statement, parameters),) = asked
    if connection.dialect.name == "sqlite":  # PostgreSQL plans by the numbers of its rows, of which there are few here
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert not [row for row in plan if "TEMP B-TREE" in row[3]]


def test_octets_come_back_as_they_came(connection):
    raw = bytes(range(256)) * 9
    connection.execute(insert(raw_messages), {"message_id": 10, "raw": compress(raw)})
    assert find_raw(connection, 10) == raw
    assert find_raw(connection, 11) is None


def test_outbound_messages_name_their_request(connection):
    connection.execute(insert(outbound), [outbound_row(20, 2), outbound_row(21, None), outbound_row(22, 2)])
    connection.execute(insert(outbound_contents), {"outbound_id": 20, "content": compress(b"octets")})
    assert [row["request"] for row in list_outbound(connection, limit=2)] == ["AAAAA-00002", None]
    assert numbers(list_outbound(connection, limit=0, after=22)) == [21, 20]
    assert numbers(outbound_of_request(connection, 2)) == [20, 22]
    assert find_outbound(connection, 21)["due_at"] == NOON
    assert (find_outbound(connection, 99), find_content(connection, 21)) == (None, None)
    assert find_content(connection, 20) == b"octets"


@pytest.mark.parametrize("state", list(OutboundState))
def test_outbound_messages_in_a_state_are_found_without_looking_at_all(connection, state):
    settled = {"state": state, "settled_at": None if state is OutboundState.QUEUED else NOON}
    others = [each for each in OutboundState if each is not state]
    connection.execute(insert(outbound), [outbound_row(20 + number, None, **settled) for number in range(3)])
    away = [outbound_row(30 + number, None, state=each, settled_at=NOON) for number, each in enumerate(others)]
    connection.execute(insert(outbound), away)
    with noted(connection) as asked:
        assert numbers(list_outbound(connection, limit=2, state=state)) == [22, 21]
        assert numbers(list_outbound(connection, limit=2, state=state, after=21)) == [20]
    if connection.dialect.name == "sqlite" and state is not OutboundState.SENT:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert [row for row in plan if "SEARCH outbound USING INTEGER PRIMARY KEY (rowid=?)" in row[3]], plan
            assert not [row for row in plan if "TEMP B-TREE" in row[3]], plan


def test_the_timeline_of_a_subject_is_its_own_and_in_order(connection):
    event = {"at": NOON, "actor_kind": "service", "subject_kind": "request", "event": "opened", "data": {}}
    connection.execute(insert(audit), [event | {"id": number, "subject_id": 2} for number in (31, 30)])
    connection.execute(insert(audit), event | {"id": 32, "subject_id": 3})
    assert numbers(timeline(connection, "request", 2)) == [30, 31]


def test_a_time_without_a_zone_is_not_stored(connection):
    with pytest.raises(Exception, match="without a zone"):
        connection.execute(update(messages).values(received_at=NOON.replace(tzinfo=None)))
