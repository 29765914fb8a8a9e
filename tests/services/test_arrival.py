"""By what a repeat is known: everything that the sender wrote, and nothing that a relay adds at the top."""

import hashlib
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.envelope import Content
from responder.services.arrival import receipt_key
from tests.support.pleas import Letter

HEADER = b"From: a@shop.example\r\nSubject: help\r\nReceived: below the top\r\n\r\n"
BODY = b"We were refused.\r\n"
TRACE = (
    b"Received: from a ([192.0.2.1])\r\n\tby b; now\r\n",
    b"RETURN-PATH: <a@shop.example>\r\n",
    b"Delivered-To : bypass@example.com\r\n",
    b"Authentication-Results: mx; spf=pass\r\n \r\n x\r\n",
)
ENVELOPE = Letter().envelope()


def content(kept, body=BODY):
    return Content(kept + body, len(kept + body), hashlib.sha256(body).digest())


def key(kept=HEADER, body=BODY, envelope=ENVELOPE, message_id="<1@shop.example>"):
    return receipt_key(envelope, content(kept, body), message_id)


@pytest.mark.parametrize("trace", [*TRACE, b"".join(TRACE), TRACE[0].replace(b"\r\n", b"\n")])
def test_trace_fields_at_the_top_make_no_difference(trace):
    assert key(trace + HEADER) == key()


def test_the_client_makes_no_difference():
    assert key(envelope=replace(ENVELOPE, client=ip_address("198.51.100.1"), helo_name="other")) == key()


@pytest.mark.parametrize(
    "other",
    [
        {"envelope": replace(ENVELOPE, reverse_path="b@shop.example")},
        {"message_id": "<2@shop.example>"},
        {"message_id": None},
        {"body": b"We were refused!\r\n"},
        {"kept": HEADER.replace(b"help", b"HELP")},
        {"kept": HEADER.replace(b"below", b"above")},
        {"kept": b"X-Received: by relay\r\n" + HEADER},
        {"kept": b"X-Spam: no\r\nReceived: from a\r\n" + HEADER},
    ],
)
def test_everything_else_makes_one(other):
    assert key(**other) != key()


def test_reverse_path_and_message_id_are_not_run_together():
    one = key(envelope=replace(ENVELOPE, reverse_path="ab"), message_id="c")
    assert one != key(envelope=replace(ENVELOPE, reverse_path="a"), message_id="bc")


@given(st.binary(max_size=300) | st.text(alphabet="received:\r\n \t\0", max_size=300).map(str.encode))
def test_any_octets_have_a_key(kept):
    assert len(key(kept)) == 32


def test_a_header_that_is_one_endless_trace_is_read_in_linear_time():
    assert len(key(b"Received:\n \n" * 20_000 + b"received: " * 20_000)) == 32
