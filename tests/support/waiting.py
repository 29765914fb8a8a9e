"""Waiting for what another process does, where nothing tells of it."""

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
