"""Exports on demand: written out for a command, or served with a tag by which a reader knows that nothing changed."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import Connection, Engine

from responder.services.clock import Clock
from responder.services.exports import FORMATS
from responder.storage.exported import next_expiry, read_exempt
from responder.storage.outbox import time_of
from responder.storage.serials import EXEMPTIONS, read_serial


@dataclass(frozen=True, slots=True)
class State:
    """What the exemptions in force were at a moment: as long as it is current, every export stays as it is.

    Attributes:
        serial: grows with every decision.
        at: the moment.
        until: when the first of them ends, None when none does.
    """

    serial: int
    at: datetime
    until: datetime | None

    def is_current(self, serial: int, now: datetime) -> bool:
        """Tell whether the exemptions are the same at `now`, when the serial is `serial`."""
        return serial == self.serial and self.at <= now and (self.until is None or now < self.until)


def read_state(connection: Connection, now: datetime) -> State:
    """Give the state at `now`, or by the database's clock where all nodes have that one."""
    at = time_of(connection, now)
    return State(read_serial(connection, EXEMPTIONS), at, next_expiry(connection, at))


def write_export(connection: Connection, name: str, at: datetime) -> Iterator[bytes]:
    """Give the octets of the export `name`, one of `FORMATS`, as of `at`, piece by piece."""
    return (piece.encode("ascii") for piece in FORMATS[name].write(read_exempt(connection, at)))


@dataclass(frozen=True, slots=True)
class ServedExport:
    """An export as HTTP gives it.

    Attributes:
        content: its octets; empty when the reader has them already.
        etag: the value of the ETag field, in its quotes: the same octets have the same.
        media_type: for Content-Type.
        is_unchanged: the reader has it already: the answer is 304.
    """

    content: bytes
    etag: str
    media_type: str
    is_unchanged: bool = False


class ExportServer:
    """Serves exports from memory for as long as the exemptions stay the same; for any number of threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = Lock()
        self._served: dict[str, tuple[State, ServedExport]] = {}

    def serve_export(self, name: str, if_none_match: str | None = None) -> ServedExport:
        """Give the export `name`, one of `FORMATS`.

        Args:
            name: the format.
            if_none_match: the field If-None-Match of the request (RFC 9110 section 13.1.2).

        Raises:
            KeyError: there is no such format.
        """
        served = self._current(name)
        if if_none_match is not None and _matches(if_none_match, served.etag):
            return ServedExport(b"", served.etag, served.media_type, is_unchanged=True)
        return served

    def _current(self, name: str) -> ServedExport:
        media_type = FORMATS[name].media_type
        with self._lock, self._engine.connect() as connection:  # whoever asks next gets what is being made now
            known = self._served.get(name)
            now = time_of(connection, self._clock.now())
            if known and known[0].is_current(read_serial(connection, EXEMPTIONS), now):
                return known[1]
            state = read_state(connection, now)
            content = b"".join(write_export(connection, name, state.at))
            served = ServedExport(content, f'"{hashlib.sha256(content).hexdigest()}"', media_type)
            self._served[name] = state, served
            return served


def _matches(if_none_match: str, etag: str) -> bool:
    """Tell whether a field names `etag`, or any; the weak comparison of RFC 9110 section 8.8.3.2."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
