"""Messages that leave: kinds, states, and when to try again."""

from enum import StrEnum


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
