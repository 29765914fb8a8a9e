import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.faces.smtp_content import ContentReader
from tests.support.smuggling import SEQUENCES, smuggled, unstuffed

KEEP = 1 << 20
LINE_OCTETS = [0, 1, 996, 997, 998, 999, 1000, 1001, 2002, 4093, 4094, 4095, 4096, 65534, 65535, 65536, 262143, 262144]
NASTY = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.", b"\r\n.\r", b"x", b"\x00"]), max_size=30)


def read(octets, *, piece=None, keep=KEEP):
    """Feed `octets` in pieces; gives the reader and what is left behind the end, None without an end."""
    reader = ContentReader(keep)
    piece = piece or len(octets) or 1
    for at in range(0, len(octets), piece):
        rest = reader.feed(octets[at : at + piece])
        if rest is not None:
            return reader, rest + octets[at + piece :]
    return reader, None


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("line_octets", LINE_OCTETS)
def test_no_sequence_but_the_true_one_ends_a_message(name, line_octets):
    content = smuggled(SEQUENCES[name], line_octets=line_octets)
    reader, rest = read(content + b".\r\n")
    assert rest == b""
    assert reader.content().kept == unstuffed(content)


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7])
def test_the_borders_of_segments_change_nothing(name, piece):
    content = smuggled(SEQUENCES[name], line_octets=10)
    whole, _ = read(content + b".\r\n")
    reader, rest = read(content + b".\r\nNOOP\r\n", piece=piece)
    assert rest == b"NOOP\r\n"
    assert reader.content() == whole.content()


@pytest.mark.parametrize("end", [b"text\r\r\n.\r\n", b"text\r\n.\r\n", b"\n\r\n.\r\n", b".\r\n"])
@pytest.mark.parametrize("piece", [1, 2, 3, None])
def test_the_true_end_is_seen_wherever_segments_break(end, piece):
    reader, rest = read(end + b"NEXT", piece=piece)
    assert rest == b"NEXT"
    assert reader.content().kept == end[:-3]


@given(NASTY, st.integers(1, 9), st.integers(0, 40))
def test_any_octets_are_read_by_the_letter_of_the_standard(parts, piece, keep):
    octets = b"".join(parts)
    body, end, _ = (b"\r\n" + octets + b"\r\n.\r\n").partition(b"\r\n.\r\n")
    expected = unstuffed(body[2:] + b"\r\n") if len(body) >= 2 else b""
    reader, rest = read(octets + b"\r\n.\r\n", piece=piece, keep=keep)
    assert end
    assert rest is not None
    assert (reader.content().kept, reader.content().size) == (expected[:keep], len(expected))


@given(NASTY, st.integers(1, 9), st.integers(1, 40))
def test_what_a_client_stuffs_arrives_as_it_was_and_is_hashed_in_one_piece(parts, piece, keep):
    octets = b"".join(parts) + b"\r\n"
    stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
    reader, rest = read(stuffed + b".\r\n", piece=piece, keep=keep)
    content = reader.content()
    assert (rest, content.kept, content.size) == (b"", octets[:keep], len(octets))
    bodies = [octets[at:] for at in range(len(octets) + 1)]
    assert content.body_sha256 in {hashlib.sha256(body).digest() for body in bodies}


@pytest.mark.parametrize("empty_line", [b"\r\n", b"\n"])
@pytest.mark.parametrize("piece", [1, 3, None])
def test_the_hash_is_of_the_body_alone(empty_line, piece):
    body = b"kept\r\n" + b"x" * 500 + b"\r\n"
    one, _ = read(b"Received: one" + empty_line + empty_line + body + b".\r\n", piece=piece, keep=100)
    two, _ = read(b"X-Other: header" + empty_line + empty_line + body + b".\r\n", keep=200)
    assert one.content().body_sha256 == two.content().body_sha256 == hashlib.sha256(body).digest()


def test_bodies_that_differ_past_the_kept_part_have_other_hashes():
    one, _ = read(b"A: b\r\n\r\n" + b"x" * 500 + b"1\r\n.\r\n", keep=100)
    two, _ = read(b"A: b\r\n\r\n" + b"x" * 500 + b"2\r\n.\r\n", keep=100)
    assert one.content().kept == two.content().kept
    assert one.content().body_sha256 != two.content().body_sha256


def test_a_message_whose_header_never_ends_is_told_from_another_past_the_kept_part():
    one, _ = read(b"A: " + b"x" * 500 + b"1\r\n.\r\n", keep=100)
    two, _ = read(b"A: " + b"x" * 500 + b"2\r\n.\r\n", keep=100)
    assert one.content().body_sha256 != two.content().body_sha256


def test_fields_are_counted_in_the_header_alone():
    octets = b"Received: a\r\nX-Received: b\r\nrECEIVED: c\r\n folded\r\n\r\nReceived: d\r\n.\r\n"
    reader, _ = read(octets)
    assert reader.count_fields(b"received") == 2


@pytest.mark.parametrize("piece", [b"x" * 65536, b"\r\n" * 32768, b"\r\n.." * 16384, b".\r" * 32768])
def test_what_is_held_does_not_grow(piece):
    reader = ContentReader(1000)
    for _ in range(200):
        assert reader.feed(piece) is None
    assert len(reader.content().kept) == 1000
    assert len(reader._held) < 5
