"""How long something takes, as the measurements count it."""

import statistics
import time
from collections.abc import Callable

ROUNDS = 9


def median(work: Callable[[], object]) -> tuple[float, float]:
    """Give the median milliseconds of `work`, and of the processor for it, which others on the machine do not touch."""
    taken, used = [], []
    for _ in range(ROUNDS):
        began, began_using = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - began_using) * 1000)
    return statistics.median(taken), statistics.median(used)
