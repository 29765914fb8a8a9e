"""Waiting for what a program that is not ours does: a port that opens, a map read anew, a file replaced.

None of these comes with an event that a test could wait for. What our own service does stands in its log, for which
`Running.wait_for` waits.
"""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SECONDS = 30.0


def wait_until(look: Callable[[], T], what: object, *, seconds: float = SECONDS) -> T:
    """Look again and again until `look` gives something true, and give that."""
    ends = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < ends, f"waited for {what!r} in vain"
        time.sleep(0.05)
    return found
