"""Exports as files that mail servers read: replaced whole, only when they changed, never by a list that broke off."""

import fcntl
import hashlib
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine

from responder import maillog
from responder.services.clock import Clock
from responder.services.exports.on_demand import State, read_state, write_export
from responder.services.exports.published import count_entries, digest_of
from responder.storage.outbox import time_of
from responder.storage.serials import EXEMPTIONS, read_serial

# A list of a few entries may lose most of them in one decision.
_MAY_ALWAYS_GO = 10
_FILE_MODE = 0o644  # for mail servers, which run as other users
_FOLDER_MODE = 0o755


@dataclass(frozen=True, slots=True)
class PublishingTerms:
    """What is published where.

    Attributes:
        folder: of the files; each has the name of its format.
        formats: which of `FORMATS`.
        every_seconds: how often the files themselves are looked at.
        max_shrink_percent: how much of a list may go at once, 0 for all of it.
    """

    folder: Path
    formats: tuple[str, ...]
    every_seconds: int
    max_shrink_percent: int


class Outcome(StrEnum):
    """What became of one file."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Publication:
    """One file, after an attempt to publish.

    Attributes:
        name: its format.
        outcome: what became of it.
        before: entries of the file that was there; None where nothing changed.
        after: entries that it has, or would have if that had not been refused; None where nothing changed.
    """

    name: str
    outcome: Outcome
    before: int | None = None
    after: int | None = None


_Look = tuple[int, int, int]


class Publisher:
    """Keeps the files of one node; one thread at a time."""

    def __init__(self, engine: Engine, clock: Clock, terms: PublishingTerms) -> None:
        self._engine = engine
        self._clock = clock
        self._terms = terms
        self._state: State | None = None
        self._looked_at = -math.inf
        self._seen: dict[str, _Look] = {}
        self._refused: dict[str, Publication] = {}

    def publish_due(self) -> None:
        """Publish if a decision was made, an exemption ended, or `every_seconds` have passed; cheap otherwise.

        Where a file cannot be written that is logged, and tried again after `every_seconds`.
        """
        if not self._is_due():
            return
        self._state, self._looked_at = None, self._clock.monotonic()
        try:
            self.publish()
        except OSError as error:
            maillog.publishing_failed(folder=self._terms.folder, error=error.strerror or error)

    def _is_due(self) -> bool:
        now = self._clock.monotonic()
        is_late = now - self._looked_at >= self._terms.every_seconds
        if self._state is None:
            return is_late
        if is_late:
            self._looked_at = now
            if self._look() != self._seen:
                return True
        with self._engine.connect() as connection:
            serial, at = read_serial(connection, EXEMPTIONS), time_of(connection, self._clock.now())
        return not self._state.is_current(serial, at)

    def _look(self) -> dict[str, _Look]:
        """Give what shows that a file is not the one that was written, or was changed since."""
        looks: dict[str, _Look] = {}
        for name in self._terms.formats:
            with suppress(FileNotFoundError):
                found = (self._terms.folder / name).stat()
                looks[name] = found.st_ino, found.st_mtime_ns, found.st_size
        return looks

    def publish(self, *, force: bool = False) -> list[Publication]:
        """Bring every file up to date; `force` also when a list shrinks by more than the terms allow.

        Raises:
            OSError: a file cannot be written; those before it are.
        """
        self._terms.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        # The lock comes before the look at the database: who writes last has seen the latest.
        with _locked(self._terms.folder) as folder, self._engine.connect() as connection:
            state = read_state(connection, self._clock.now())
            publications = [self._publish(connection, name, state, force=force) for name in self._terms.formats]
            os.fsync(folder)
        self._state, self._seen, self._looked_at = state, self._look(), self._clock.monotonic()
        return publications

    def _publish(self, connection: Connection, name: str, state: State, *, force: bool) -> Publication:
        path = self._terms.folder / name
        fresh = _fresh_name(path)
        try:
            if _write(fresh, write_export(connection, name, state.at)) == digest_of(path):
                publication = Publication(name, Outcome.UNCHANGED)
            else:
                publication = self._replace(name, path, fresh, force=force)
        finally:
            fresh.unlink(missing_ok=True)
        self._tell(publication)
        return publication

    def _replace(self, name: str, path: Path, fresh: Path, *, force: bool) -> Publication:
        before, after = count_entries(path, name), count_entries(fresh, name)
        if not force and self._is_too_short(before, after):
            return Publication(name, Outcome.REFUSED, before, after)
        fresh.replace(path)
        return Publication(name, Outcome.WRITTEN, before, after)

    def _is_too_short(self, before: int, after: int) -> bool:
        lost, share = before - after, self._terms.max_shrink_percent
        return bool(share) and lost > _MAY_ALWAYS_GO and lost * 100 > before * share

    def _tell(self, publication: Publication) -> None:
        """Log what happened; a refusal once, until it is another."""
        name = publication.name
        if publication.outcome is Outcome.WRITTEN:
            maillog.published(format_name=name, entries=publication.after)
        if publication.outcome is not Outcome.REFUSED:
            self._refused.pop(name, None)
        elif self._refused.get(name) != publication:
            self._refused[name] = publication
            maillog.not_published(format_name=name, entries=publication.after, published=publication.before)


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` to `path` so that whoever reads it sees the old file or the new one, whole.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    with _locked(path.parent) as folder:
        fresh = _fresh_name(path)
        try:
            _write(fresh, pieces)
            fresh.replace(path)
            os.fsync(folder)
        finally:
            fresh.unlink(missing_ok=True)


def _fresh_name(path: Path) -> Path:
    """Give where the next version of a file is written, in the same folder: only there a rename replaces it."""
    return path.with_name(f".{path.name}.new")


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Keep other processes from publishing into `folder`; gives it opened."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _write(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a file so that it is on disk, and give the digest of what is in it."""
    digest = hashlib.sha256()
    with _create(path) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _create(path: Path) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _FILE_MODE)
    os.fchmod(handle, _FILE_MODE)
    return os.fdopen(handle, "wb")
