"""What time it is, and how much has passed: two questions with two answers, since the first clock can be set."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from responder import maillog

_JUMP = timedelta(minutes=5)
_UNSTEADY_SECONDS = 3600.0


class Clock(Protocol):
    """Where services get the time from."""

    def now(self) -> datetime:
        """Give the time, UTC; it may jump, in both directions."""

    def monotonic(self) -> float:
        """Give seconds since some fixed moment; they only grow."""


class SystemClock:
    """The machine's clocks."""

    @staticmethod
    def now() -> datetime:
        """Give the time, UTC."""
        return datetime.now(UTC)

    @staticmethod
    def monotonic() -> float:
        """Give seconds that only grow."""
        return time.monotonic()


class ClockWatch:
    """Notices when the first clock is set, after which nothing must be given up or forgotten for its age for a while.

    Not every jump is an error; but what it makes old is lost for good, and waiting an hour costs little.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset = self._measure()
        self._steady_at = clock.monotonic()

    def is_steady(self) -> bool:
        """Compare the clocks, and tell whether they have agreed for an hour; to be asked every few minutes."""
        offset = self._measure()
        if abs(offset - self._offset) > _JUMP:
            self._steady_at = self._clock.monotonic() + _UNSTEADY_SECONDS
            maillog.clock_jumped(seconds=round((offset - self._offset).total_seconds()))
        self._offset = offset
        return self._clock.monotonic() >= self._steady_at

    def _measure(self) -> timedelta:
        return self._clock.now() - datetime.fromtimestamp(self._clock.monotonic(), UTC)
