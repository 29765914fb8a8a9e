"""A clock that moves when it is told to."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Starts at the real time, so that a database's own clock agrees, and stands still."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, **passed: float) -> None:
        """Let time pass, given as for timedelta."""
        self._now += timedelta(**passed)
        self._monotonic += timedelta(**passed).total_seconds()

    def set_by(self, **moved: float) -> None:
        """Set the clock, while no time passes."""
        self._now += timedelta(**moved)
