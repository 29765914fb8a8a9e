"""Requests cut out of octets: however they come in, the same requests come out, and nothing but refusals else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.faces.policy_protocol import MAX_REQUEST_BYTES, MalformedRequest, RequestReader, encode_action
from tests.support.policy import request


def read_all(reader):
    found = []
    while (attributes := reader.next()) is not None:
        found.append(attributes)
    return found


@given(st.lists(st.integers(1, 60), max_size=80), st.sampled_from([b"\n", b"\r\n"]))
def test_where_the_octets_are_cut_does_not_matter(cuts, end):
    octets = (request(recipient="one@example.com") + request(recipient="two@example.com")).replace(b"\n", end)
    reader, found, start = RequestReader(), [], 0
    for cut in [*cuts, len(octets)]:
        reader.feed(octets[start : start + cut])
        start += cut
        found += read_all(reader)
    assert [one["recipient"] for one in found] == ["one@example.com", "two@example.com"]
    assert reader.is_empty


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_request_or_refused(octets):
    reader = RequestReader()
    reader.feed(octets)
    try:
        found = read_all(reader)
    except MalformedRequest:
        return
    assert all(one["request"] == "smtpd_access_policy" for one in found)


@given(st.binary(max_size=100))
def test_an_attribute_of_any_octets_is_read(value):
    value = value.replace(b"\n", b"").replace(b"\r", b"")
    reader = RequestReader()
    reader.feed(b"request=smtpd_access_policy\nhelo_name=" + value + b"\n\n")
    assert reader.next()["helo_name"] == value.decode("utf-8", "replace")


def test_the_largest_request_is_read_and_a_larger_one_is_not():
    frame = len(b"request=smtpd_access_policy\nsender=\n\n")
    for extra, fits in ((0, True), (1, False)):
        reader = RequestReader()
        reader.feed(b"request=smtpd_access_policy\nsender=" + b"x" * (MAX_REQUEST_BYTES - frame + extra) + b"\n\n")
        if fits:
            assert len(reader.next()["sender"]) == MAX_REQUEST_BYTES - frame
        else:
            with pytest.raises(MalformedRequest):
                reader.next()


def test_of_an_attribute_given_twice_the_last_counts():
    reader = RequestReader()
    reader.feed(b"request=smtpd_access_policy\nrecipient=a@b.example\nrecipient=c@d.example\n\n")
    assert reader.next()["recipient"] == "c@d.example"


@given(st.text(max_size=100))
def test_no_action_ends_its_own_line(action):
    line = encode_action(action)
    assert line.startswith(b"action=")
    assert line.endswith(b"\n\n")
    assert not {b"\n", b"\r"} & {bytes([octet]) for octet in line[:-2]}
