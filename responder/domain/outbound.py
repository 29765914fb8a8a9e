"""Messages that leave: kinds, states, and when to try again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

# How far jitter moves an attempt, as a share of the delay.
JITTER_SHARE = 0.1


class Kind(StrEnum):
    """What an outbound message is."""

    REPLY = "reply"
    NOTICE = "notice"
    QUESTION = "question"
    WARNING = "warning"
    TEST = "test"


class OutboundState(StrEnum):
    """Where an outbound message stands; there is no sending state, a claim only moves the due time."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


def next_attempt(
    attempts: int, now: datetime, retry_seconds: Sequence[int], give_up_at: datetime, jitter: float = 0.0
) -> datetime | None:
    """Give the time of the next attempt, None when none is left (RFC 5321 section 4.5.4.1).

    `attempts` counts those already made, at least one; `retry_seconds` holds the delay after each, the last also for
    all that follow. `jitter` from -1 to 1 moves the time by up to `JITTER_SHARE` of the delay, so that messages
    deferred together do not come back together.
    """
    delay = retry_seconds[min(max(attempts, 1), len(retry_seconds)) - 1]
    moved = 1 + JITTER_SHARE * max(-1.0, min(jitter, 1.0))
    due_at = now + timedelta(seconds=delay * moved)
    return due_at if due_at <= give_up_at else None
