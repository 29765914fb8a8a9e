"""May we answer? The ordered rules of RFC 3834 and of practice, each with the reason that it gives."""

from dataclasses import dataclass
from enum import StrEnum


class Disposition(StrEnum):
    """What becomes of a message."""

    ANSWER = "answer"
    SILENT = "silent"


class Reason(StrEnum):
    """Why a message is not answered; the first that holds, in this order."""

    TO_STAFF = "to-staff"
    NULL_REVERSE_PATH = "null-reverse-path"
    UNANSWERABLE_ADDRESS = "unanswerable-address"
    OWN_ADDRESS = "own-address"
    LOOP = "loop"
    TOO_MANY_HOPS = "too-many-hops"
    REPORT = "report"
    AUTO_SUBMITTED = "auto-submitted"
    MAILING_LIST = "mailing-list"
    BULK = "bulk"
    SUPPRESSED = "suppressed"
    SYSTEM_SENDER = "system-sender"
    AUTOMATIC = "automatic"
    BLOCKED = "blocked"
    SPAM = "spam"
    MALFORMED = "malformed"
    FORGED = "forged"
    UNPROVEN = "unproven"
    REPLY_LIMIT = "reply-limit"


@dataclass(frozen=True, slots=True)
class Decision:
    """The disposition of one message, with its reason when silent."""

    disposition: Disposition
    reason: Reason | None = None
