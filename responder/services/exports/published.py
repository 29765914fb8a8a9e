"""What stands in published files, and in what it differs from what is approved."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Connection

from responder.domain.address import IPNetwork
from responder.services.exports import FORMATS
from responder.services.exports.on_demand import State, write_export

_CHUNK = 1 << 16


def digest_of(path: Path) -> str | None:
    """Give the SHA-256 of a file in hexadecimal, None where there is none."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return None
    return digest.hexdigest()


def count_entries(path: Path, name: str) -> int:
    """Give the number of entries of a file in the format `name`, 0 where there is none."""
    return sum(1 for _ in read_networks(path, name))


def read_networks(path: Path, name: str) -> Iterator[IPNetwork]:
    """Give the networks that a file in the format `name` holds, none where there is no file."""
    try:
        with path.open(encoding="ascii", errors="replace", newline="\n") as lines:
            yield from FORMATS[name].read(lines)
    except FileNotFoundError:
        return


class Difference(StrEnum):
    """In what a published file differs from what is approved."""

    NO_FILE = "no-file"
    MISSING = "missing"
    LEFT_OVER = "left-over"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One difference between a file and what it should be.

    Attributes:
        name: the format.
        difference: what is wrong.
        network: what is missing or left over, None where the difference is not about one.
    """

    name: str
    difference: Difference
    network: IPNetwork | None = None


def find_deviations(connection: Connection, name: str, state: State, path: Path) -> Iterator[Deviation]:
    """Compare the file at `path` with what the format `name` says of `state`.

    Raises:
        OSError: the file cannot be read.
    """
    published = digest_of(path)
    if published is None:
        yield Deviation(name, Difference.NO_FILE)
        return
    text = b"".join(write_export(connection, name, state.at))
    if hashlib.sha256(text).hexdigest() != published:
        wanted = dict.fromkeys(FORMATS[name].read(iter(text.decode("ascii").splitlines(keepends=True))))
        yield from _compare(name, wanted, dict.fromkeys(read_networks(path, name)))


def _compare(name: str, wanted: Collection[IPNetwork], found: Collection[IPNetwork]) -> Iterator[Deviation]:
    missing = [network for network in wanted if network not in found]
    left_over = [network for network in found if network not in wanted]
    yield from (Deviation(name, Difference.MISSING, network) for network in missing)
    yield from (Deviation(name, Difference.LEFT_OVER, network) for network in left_over)
    if not missing and not left_over:
        yield Deviation(name, Difference.TEXT)
