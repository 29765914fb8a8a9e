"""How long to leave a partner alone who does not answer."""

import threading

from responder.services.clock import Clock

_SHORTEST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0


class Backoff:
    """Pauses that double while a partner fails, from one second to a minute; for several threads.

    Failures during a pause count as one: they were under way when it began.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    def fail(self) -> None:
        """Note that the partner did not answer."""
        with self._lock:
            now = self._clock.monotonic()
            if not self._pause or now >= self._until:
                self._pause = min(2 * self._pause, _LONGEST_SECONDS) or _SHORTEST_SECONDS
                self._until = now + self._pause

    def succeed(self) -> None:
        """Note that the partner answered."""
        with self._lock:
            self._pause = 0.0

    @property
    def in_trouble(self) -> bool:
        """The last word of the partner was none."""
        return self._pause > 0

    @property
    def left(self) -> float:
        """Seconds until the partner may be tried again, 0 when it may be now."""
        with self._lock:
            return max(self._until - self._clock.monotonic(), 0.0) if self._pause else 0.0
