"""Who is exempt: every exemption in memory, taken anew from the database when they have changed.

While the database cannot be read the last known ones are used; `age_seconds` says how old that knowledge is.
"""

from sqlalchemy import Connection, Engine

from responder.domain.address import IPAddress
from responder.domain.network_map import NetworkMap
from responder.services.clock import Clock
from responder.storage.allowlist import read_exemptions
from responder.storage.serials import EXEMPTIONS, read_serial

# An exemption's id, and when it ends in seconds since 1970: plain numbers, which cost the garbage collector nothing.
_Entry = tuple[int, float]


class Allowlist:
    """The exemptions; `find` may be called in any thread and never waits, `refresh` in one thread.

    Attributes:
        serial: which state of the exemptions is known; 0 before the first.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.serial = 0
        self._engine = engine
        self._clock = clock
        self._known: NetworkMap[_Entry] | None = None
        self._refreshed_at = clock.monotonic()

    def __len__(self) -> int:
        return len(self._known) if self._known is not None else 0

    @property
    def is_known(self) -> bool:
        """Whether the exemptions were read at all."""
        return self._known is not None

    @property
    def age_seconds(self) -> float:
        """How long ago it was last seen that these exemptions are the ones in force."""
        return self._clock.monotonic() - self._refreshed_at

    def find(self, ip: IPAddress) -> int | None:
        """Give the id of the exemption in force for `ip`, the narrowest of several; None without one.

        Raises:
            LookupError: the exemptions were never read, so nobody can tell.
        """
        if self._known is None:
            raise LookupError("the exemptions were not read yet")
        now = self._clock.now().timestamp()
        return next((exemption_id for exemption_id, expires_at in self._known.find(ip) if expires_at > now), None)

    def refresh(self) -> bool:
        """Take the exemptions from the database if they changed, and tell whether they did.

        Raises:
            SQLAlchemyError, StorageError: the database cannot be read; what was known stays.
        """
        at = self._clock.monotonic()
        with self._engine.connect() as connection:
            serial = read_serial(connection, EXEMPTIONS)
            is_new = self._known is None or serial != self.serial
            if is_new:
                self._known = self._read(connection)
        self.serial, self._refreshed_at = serial, at
        return is_new

    def _read(self, connection: Connection) -> NetworkMap[_Entry]:
        return NetworkMap.from_numbers(
            (family, _number(family, first_key), prefix, (exemption_id, expires_at.timestamp()))
            for exemption_id, family, first_key, prefix, expires_at in read_exemptions(connection, self._clock.now())
        )


def _number(family: int, key: bytes) -> int:
    return int.from_bytes(key[12:] if family == 4 else key, "big")  # noqa: PLR2004 - IP version 4
