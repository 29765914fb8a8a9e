"""Octets as tables keep them: one zlib stream, in which a piece that comes again and again is compressed only once.

Most of an answer is the same as in the one before. DEFLATE (RFC 1951) lets blocks that were compressed apart follow one
another, so the stream is put together of blocks that are at hand; whoever reads it needs no more than zlib.
"""

import zlib
from collections.abc import Iterable
from functools import lru_cache
from struct import Struct

# The two octets that begin every zlib stream with a window of 32 KiB and no dictionary (RFC 1950 section 2.2).
_BEGIN = b"\x78\x9c"
_LAST_BLOCK = b"\x03\x00"  # one that holds nothing
# Smaller ones change from message to message, and to compress those costs more than it saves.
_WORTH_IT = 384
_RAW_DEFLATE = -15
_STORED = Struct("<BHH")  # no last block and stored, the length, its complement


def pack(pieces: Iterable[bytes]) -> bytes:
    """Give what a table keeps of `pieces`, which follow one another; large ones should be the same each time."""
    pieces = list(pieces)
    packed = [_compressed(piece) if len(piece) >= _WORTH_IT else _as_it_is(piece) for piece in pieces]
    checksum = zlib.adler32(b"".join(pieces))
    return b"".join([_BEGIN, *packed, _LAST_BLOCK, checksum.to_bytes(4, "big")])


@lru_cache(maxsize=512)
def _compressed(piece: bytes) -> bytes:
    """Give blocks that refer to nothing outside of them and end at a whole octet."""
    compressor = zlib.compressobj(wbits=_RAW_DEFLATE)
    return compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)


def _as_it_is(piece: bytes) -> bytes:
    """Give a stored block (RFC 1951 section 3.2.4)."""
    size = len(piece)
    return _STORED.pack(0, size, size ^ 0xFFFF) + piece
