"""The policy face's place among the nodes, where every process shows which exemptions it answers from."""

from sqlalchemy import Connection

from responder.services.clock import Clock
from responder.storage import nodes
from responder.storage.allowlist import note_serial
from responder.storage.writer import Writer

_SEEN_EVERY_SECONDS = 20.0


class PolicyNode:
    """Keeps `exemptions_serial` of one process up to date; every step raises StorageUnavailable in trouble.

    Args:
        writer: writes it.
        clock: tells the time.
        instance: unique to this start of the process.
        faces: those that the process runs.
        version: of the program.
        has_worker: a worker in this process enrolls it and says that it lives; else that is done here.
    """

    def __init__(
        self, writer: Writer, clock: Clock, *, instance: str, faces: str, version: str, has_worker: bool
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._row = {"instance": instance, "name": instance.partition("/")[0], "faces": faces, "version": version}
        self._has_worker = has_worker
        self._noted: int | None = None
        self._noted_at = 0.0

    def keep(self, serial: int) -> None:
        """Note that this process answers from the exemptions of `serial`; costs nothing while all is as it was."""
        at = self._clock.monotonic()
        if serial == self._noted and at - self._noted_at < _SEEN_EVERY_SECONDS:
            return
        if self._writer.run(lambda connection: self._note(connection, serial)).result():
            self._noted, self._noted_at = serial, at

    def _note(self, connection: Connection, serial: int) -> bool:
        instance = self._row["instance"]
        if not self._has_worker:
            if not note_serial(connection, instance, serial):
                nodes.register(connection, **self._row, at=self._clock.now())
            nodes.see(connection, instance, self._clock.now())
        return note_serial(connection, instance, serial)

    def leave(self) -> None:
        """Go from the nodes, where no worker does it."""
        if not self._has_worker:
            self._writer.run(lambda connection: nodes.remove(connection, self._row["instance"])).result()
