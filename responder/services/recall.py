"""Pleas read with what the policy service remembers: the refusal that they quote, or that of their sender."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Engine, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from responder.domain.address import IPAddress, is_public, key_to_ip, sender_key
from responder.domain.envelope import Content, Envelope
from responder.domain.plea import AddressSource, Proof
from responder.domain.reading import Reading
from responder.domain.reference import find_references
from responder.storage.errors import StorageError
from responder.storage.refusals import find_by_reference, find_by_sender

_TEXT_CHARACTERS = 32 * 1024
_REFERENCES = 20
_BEFORE_REFUSAL = frozenset({AddressSource.REJECTION, AddressSource.TEXT})


class Read(Protocol):
    """Reads one message, with what is remembered of its sender."""

    def __call__(
        self,
        envelope: Envelope,
        content: Content,
        *,
        refused_lately: IPAddress | None = None,
        carries_reference: bool = False,
    ) -> Reading:
        """See `responder.domain.reading.read`."""


@dataclass(frozen=True, slots=True)
class _Memory:
    """What was found: the refused client, and whether the plea carries the reference of a refusal of its address."""

    client: IPAddress
    carries_reference: bool


class Recall:
    """Reads messages for intake; asks the database only about those that a refusal could tell something of.

    Args:
        engine: the database that remembers refusals.
        read: reads one message.
        remember_for: how long a refusal counts.
        clock: gives the aware time.
    """

    def __init__(self, engine: Engine, read: Read, *, remember_for: timedelta, clock: Callable[[], datetime]) -> None:
        self.remember_for = remember_for
        self._engine = engine
        self._read_message = read
        self._clock = clock

    def read(self, envelope: Envelope, content: Content) -> Reading:
        """Read one message, a second time where a refusal of ours tells more; a database in trouble tells nothing."""
        reading = self._read_message(envelope, content)
        needs_address = not _is_found_first(reading)
        references = _references(reading) if needs_address or reading.plea.proof is Proof.NONE else ()
        if not needs_address and not references:
            return reading
        try:
            memory = self._recall(reading, references, needs_address=needs_address)
        except (SQLAlchemyError, StorageError):
            return reading
        if memory is None:
            return reading
        return self._read_message(
            envelope, content, refused_lately=memory.client, carries_reference=memory.carries_reference
        )

    def _recall(self, reading: Reading, references: tuple[str, ...], *, needs_address: bool) -> _Memory | None:
        since = self._clock() - self.remember_for
        with self._engine.connect() as connection:
            quoted = find_by_reference(connection, references, since) if references else ()
            sender = sender_key(reading.envelope.reverse_path)
            row: RowMapping | None = quoted[0] if quoted else None
            if row is None and needs_address and sender:
                row = find_by_sender(connection, sender, since)
        if row is None:
            return None
        client = key_to_ip(bytes(row["client_key"]))
        address = client if needs_address else reading.plea.address
        clients = {key_to_ip(bytes(one["client_key"])) for one in quoted}
        return _Memory(client, address in clients)


def _is_found_first(reading: Reading) -> bool:
    """Tell whether the address comes from where it counts more than what we remember."""
    plea = reading.plea
    if plea.address_source is AddressSource.RECEIVED:
        return plea.address is not None and is_public(plea.address)
    return plea.address_source in _BEFORE_REFUSAL


def _references(reading: Reading) -> tuple[str, ...]:
    """Give what stands in the message like a reference, what the quoted refusal says first."""
    rejection, message = reading.plea.rejection, reading.message
    found = [*(find_references(rejection.text) if rejection else ()), *find_references(message.subject)]
    for part in message.parts:
        found += find_references(part.text, characters=_TEXT_CHARACTERS)
    return tuple(dict.fromkeys(found))[:_REFERENCES]
