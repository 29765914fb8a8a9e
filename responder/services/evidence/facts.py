"""Facts: what the DNS said about one name, as plain data that checks can be tried with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Kind(StrEnum):
    """Which records were asked for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    PTR = "PTR"
    TXT = "TXT"


class Status(StrEnum):
    """What came of a look-up.

    Attributes:
        FOUND: there are such records.
        NO_DATA: the name exists and has none.
        NO_NAME: the name does not exist (NXDOMAIN).
        FAILED: the servers answered that they cannot tell (SERVFAIL), or with nonsense.
        REFUSED: they do not answer us.
        TIMED_OUT: no answer came in time.
    """

    FOUND = "found"
    NO_DATA = "no-data"
    NO_NAME = "no-name"
    FAILED = "failed"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"


UNKNOWN = frozenset({Status.FAILED, Status.REFUSED, Status.TIMED_OUT})
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known about one name and kind of record.

    Attributes:
        name: the name asked about, lower case, without the dot at its end.
        kind: the records asked for.
        status: what came of it.
        values: addresses; names without the dot at their end; `PREFERENCE NAME` of MX; the octets of TXT, one record
            each, as Latin-1 characters.
        ttl_seconds: how long it holds; None where the servers did not say.
        observed_at: when the answer came, UTC.
    """

    name: str
    kind: Kind
    status: Status
    values: tuple[str, ...] = ()
    ttl_seconds: int | None = None
    observed_at: datetime = _EPOCH

    @property
    def is_unknown(self) -> bool:
        """Tell whether nothing is known."""
        return self.status in UNKNOWN
