"""May we answer? The ordered rules of RFC 3834 and of practice, each with the reason that it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from responder.domain import marks, rules
from responder.domain.envelope import Envelope
from responder.domain.identity import Identity
from responder.domain.message import InboundMessage
from responder.domain.rules import Facts


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


# What can be told at intake, from envelope and message, in the order of `Reason`.
RULES: tuple[tuple[Reason, Callable[[Facts], bool]], ...] = (
    (Reason.TO_STAFF, rules.is_for_staff),
    (Reason.NULL_REVERSE_PATH, rules.has_null_reverse_path),
    (Reason.UNANSWERABLE_ADDRESS, rules.is_unanswerable),
    (Reason.OWN_ADDRESS, rules.is_from_us),
    (Reason.LOOP, rules.is_loop),
    (Reason.TOO_MANY_HOPS, rules.has_too_many_hops),
    (Reason.REPORT, rules.is_report),
    (Reason.AUTO_SUBMITTED, rules.is_auto_submitted),
    (Reason.MAILING_LIST, rules.is_from_list),
    (Reason.BULK, rules.is_bulk),
    (Reason.SUPPRESSED, rules.is_suppressed),
    (Reason.SYSTEM_SENDER, rules.is_from_system),
    (Reason.AUTOMATIC, rules.is_marked_automatic),
    (Reason.SPAM, rules.is_spam),
    (Reason.MALFORMED, rules.is_unreadable),
)


def decide(envelope: Envelope, message: InboundMessage, identity: Identity) -> Decision:
    """Say whether to answer, from what the message and its envelope show; the first rule that fires gives the reason.

    `blocked`, `reply-limit` and what evidence decides are not known here. Never fails, whatever the message holds.
    """
    facts = Facts(envelope, message, identity)
    for reason, fires in RULES:
        if fires(facts):
            return Decision(Disposition.SILENT, reason)
    return Decision(Disposition.ANSWER)


def is_from_postmaster(envelope: Envelope, message: InboundMessage) -> bool:
    """Tell whether a postmaster sent it, behind whom people read (RFC 5321 section 4.5.1), by envelope or From."""
    addresses = (envelope.reverse_path, message.header_from)
    return any(rules.local_parts(address)[1] == marks.POSTMASTER for address in addresses)
