"""What a worker does now and then: say that it lives, take over from the dead, mend what a wrong clock left behind.

Other services hand in chores of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from responder.services.clock import Clock
from responder.services.instance import is_dead
from responder.storage import nodes, outbox
from responder.storage.partitions import make_partitions
from responder.storage.writer import Writer

BEAT_SECONDS = 1.0
TICK_SECONDS = 20.0
_ALIVE_FOR = timedelta(seconds=3 * TICK_SECONDS)
_NODES_KEPT_FOR = timedelta(days=7)
_PARTITIONS_EVERY = timedelta(days=1)
# Jitter, and the difference between the clocks of nodes.
_LEEWAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to be done again and again.

    Attributes:
        run: does what is due at the time given, for a second or so, and tells whether there may be more.
        every_seconds: how long to wait once there is no more.
        patience_seconds: how much longer it waits while messages leave, which come first.
    """

    run: Callable[[datetime], bool]
    every_seconds: float
    patience_seconds: float = 0.0


class Upkeep:
    """Keeps one worker among the nodes; every step raises StorageUnavailable when the database cannot be used."""

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        instance: str,
        faces: str,
        version: str,
        retry_seconds: Sequence[int],
        chores: Sequence[Chore] = (),
    ) -> None:
        """Take what this process is and does; no message waits longer than the longest of `retry_seconds` or so."""
        self._writer = writer
        self._clock = clock
        self._instance = instance
        self._faces = faces
        self._version = version
        self._horizon = timedelta(seconds=2 * max(retry_seconds)) + _LEEWAY
        self._partitions_at: datetime | None = None
        self._chores = (Chore(self._tick_on, TICK_SECONDS), *chores)
        self._due_at = [clock.monotonic()] * len(self._chores)

    def enroll(self) -> None:
        """Join the nodes; when nobody else is there, make due at once what the dead had claimed."""
        self._writer.run(self._enroll).result()

    def _enroll(self, connection: Connection) -> None:
        at = outbox.time_of(connection, self._clock.now())
        dead = [other for other in nodes.instances(connection) if is_dead(other, self._instance)]
        for other in dead:
            nodes.remove(connection, other)
        outbox.free_claims_of(connection, dead, at)
        name = self._instance.partition("/")[0]
        nodes.remove(connection, self._instance)
        nodes.register(connection, instance=self._instance, name=name, faces=self._faces, version=self._version, at=at)
        if nodes.is_alone(connection, self._instance, at - _ALIVE_FOR):
            outbox.free_claims(connection, self._instance, at)

    def due(self, *, is_busy: bool = False) -> list[Callable[[], None]]:
        """Give what is to be done now, to be asked every `BEAT_SECONDS`; what fails is due again in its time.

        While `is_busy`, messages being on their way, what has patience waits.
        """
        now = self._clock.monotonic()
        due = zip(self._chores, self._due_at, strict=True)
        numbers = [
            number for number, (chore, at) in enumerate(due) if at + (chore.patience_seconds if is_busy else 0) <= now
        ]
        for number in numbers:
            self._due_at[number] = now + self._chores[number].every_seconds
        return [partial(self._run, number) for number in numbers]

    def _run(self, number: int) -> None:
        if self._chores[number].run(self._clock.now()):
            self._due_at[number] = self._clock.monotonic()

    def _tick_on(self, _now: datetime) -> bool:
        self.tick()
        return False

    def tick(self) -> None:
        """Do what is to be done every `TICK_SECONDS`."""
        self._writer.run(self._tick).result()

    def _tick(self, connection: Connection) -> None:
        at = outbox.time_of(connection, self._clock.now())
        nodes.see(connection, self._instance, at)
        nodes.forget(connection, at - _NODES_KEPT_FOR)
        outbox.bring_back(connection, at, self._horizon)
        if self._partitions_at is None or not timedelta() <= at - self._partitions_at < _PARTITIONS_EVERY:
            make_partitions(connection, at)
            self._partitions_at = at

    def leave(self) -> None:
        """Go from the nodes."""
        self._writer.run(lambda connection: nodes.remove(connection, self._instance)).result()
