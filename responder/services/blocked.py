"""Senders that are never answered."""

from concurrent.futures import Future
from functools import partial

from sqlalchemy import Connection

from responder.domain.actor import Actor
from responder.domain.address import DOMAIN_CHARACTERS, AddressError, canonical_domain, parse_mailbox, sender_key
from responder.domain.roles import Permission
from responder.services.clock import Clock
from responder.services.desk import clean_text
from responder.services.review_actions import NotAllowed, NotPossible, ReviewError, UnknownRequest
from responder.storage.audit import note_event
from responder.storage.blocked import block, unblock
from responder.storage.outbox import time_of
from responder.storage.writer import Writer


class Blocked:
    """Adds and removes patterns; each method waits until what it did is on disk. Intake follows within ten seconds."""

    def __init__(self, writer: Writer, *, clock: Clock) -> None:
        """Take where to write, and the time."""
        self._writer = writer
        self._clock = clock

    def add(self, pattern: str, actor: Actor, *, reason: str = "") -> str:
        """Never answer the sender or domain `pattern` again, and give the pattern as it is kept.

        Raises:
            NotAllowed: the role does not allow it.
            ReviewError: it is neither an address nor a domain, or a top-level domain.
            NotPossible: it is blocked already.
            StorageUnavailable: the database cannot be written.
        """
        return self._settle(self._writer.run(partial(self._add, pattern, actor, reason)))

    def remove(self, pattern: str, actor: Actor) -> str:
        """Answer the sender or domain again, and give the pattern as it was kept.

        Raises:
            NotAllowed: the role does not allow it.
            UnknownRequest: it is not blocked.
            StorageUnavailable: the database cannot be written.
        """
        return self._settle(self._writer.run(partial(self._remove, pattern, actor)))

    def _add(self, pattern: str, actor: Actor, reason: str, connection: Connection) -> str | ReviewError:
        at = time_of(connection, self._clock.now())
        try:
            _require(actor)
            known, why = _read_new_pattern(pattern), clean_text(reason, "reason")
        except ReviewError as error:
            return error
        if not block(connection, known, why, actor.name, at):
            return NotPossible(f"{known} is blocked already")
        note_event(connection, ("blocked", 0), "blocked", actor, at, data={"pattern": known, "reason": why})
        return known

    def _remove(self, pattern: str, actor: Actor, connection: Connection) -> str | ReviewError:
        at = time_of(connection, self._clock.now())
        try:
            _require(actor)
            known = read_pattern(pattern)
        except ReviewError as error:
            return error
        if not unblock(connection, known):
            return UnknownRequest(f"{known} is not blocked")
        note_event(connection, ("blocked", 0), "unblocked", actor, at, data={"pattern": known})
        return known

    @staticmethod
    def _settle(future: Future[str | ReviewError]) -> str:
        pattern = future.result()
        if isinstance(pattern, ReviewError):
            raise pattern
        return pattern


def read_pattern(text: str) -> str:
    """Give the pattern that `text` spells: an address as senders are remembered by it, or a domain.

    Raises:
        ReviewError: it is neither.
    """
    typed = text.strip()
    domain = canonical_domain(typed.removeprefix("@"))
    try:
        if "@" in typed.removeprefix("@"):
            return sender_key(parse_mailbox(typed))
        parse_mailbox(f"a@{domain}")
    except AddressError:
        raise ReviewError(f"{typed[:DOMAIN_CHARACTERS]!r} is neither an address nor a domain") from None
    return domain


def _read_new_pattern(text: str) -> str:
    """Give the pattern that `text` spells; one slip must not silence everybody below a top-level domain."""
    known = read_pattern(text)
    if "." not in known:
        raise ReviewError(f"{known} is a whole top-level domain: block a domain below it")
    return known


def _require(actor: Actor) -> None:
    if not actor.may(Permission.DECIDE):
        raise NotAllowed(f"{actor.name} has the role {actor.role}, which decides nothing")
