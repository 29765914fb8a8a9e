"""Ids given by the application: positive 64-bit numbers that grow with time.

41 bits of milliseconds since 2025, 10 bits of counter, 12 bits that differ between processes.
"""

import os
import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_EPOCH_MILLISECONDS = int(_EPOCH.timestamp() * 1000)
_MILLISECOND = timedelta(milliseconds=1)
_COUNTER_BITS = 10
_NODE_BITS = 12
_LARGEST = 2**63 - 1


class _Generator:
    """The ids of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.restart()

    def restart(self) -> None:
        """Take node bits of its own, as a forked child must."""
        self._lock = threading.Lock()
        self._node = secrets.randbits(_NODE_BITS)
        self._last = 0

    def next(self) -> int:
        """Give the next id; never the same, never a smaller one, also when the clock is set back."""
        now = (time.time_ns() // 1_000_000 - _EPOCH_MILLISECONDS) << _COUNTER_BITS
        with self._lock:
            self._last = max(self._last + 1, now)
            return self._last << _NODE_BITS | self._node


_generator = _Generator()
os.register_at_fork(after_in_child=_generator.restart)


def new_id() -> int:
    """Give a new id: below 2**63, greater than every one that this process gave before; safe in any thread."""
    return _generator.next()


def first_id_at(at: datetime) -> int:
    """Give the smallest id that can be made at the aware time `at`; 0 before 2025."""
    milliseconds = max((at - _EPOCH) // _MILLISECOND, 0)
    return min(milliseconds << (_COUNTER_BITS + _NODE_BITS), _LARGEST)
