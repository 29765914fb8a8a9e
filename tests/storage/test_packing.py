"""What tables keep of octets can be read by anybody who has zlib."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from responder.storage.packing import pack


@given(st.lists(st.binary(max_size=40).flatmap(lambda octets: st.sampled_from([octets, octets * 50]))))
def test_what_is_packed_in_pieces_is_one_stream(pieces):
    assert zlib.decompress(pack(pieces)) == b"".join(pieces)


def test_large_pieces_shrink():
    assert len(pack([b"It is the same in every message. " * 100, b"one of a kind"])) < 200
