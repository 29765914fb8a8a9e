"""How often we answer: the reply slot of a sender, and the counts of a network and a domain within an hour.

Sources: RFC 3834 section 2, RFC 5230 section 4.2. Times are aware UTC. A stored time that lies in the future (the clock
was set back) is taken for the present and stored so, which ends a wrong silence after one window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address

from responder.domain.address import IPAddress, domain_of

NO_ADDRESS = "none"
WEEK = timedelta(days=7)

# Answers that a slot remembers; more than any sensible limit, so a sender cannot make its row grow.
REMEMBERED_ANSWERS = 200

_NETWORK_PREFIX_V4 = 24
_NETWORK_PREFIX_V6 = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """One automatic answer: the refused address it was about, `NO_ADDRESS` without one, and when it was queued."""

    address: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReplySlot:
    """The automatic answers that a canonical sender got lately, oldest first."""

    answers: tuple[Answer, ...] = ()

    @property
    def used(self) -> int:
        """How many answers are remembered."""
        return len(self.answers)


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    """How many automatic answers one sender gets; 0 turns a limit off.

    Attributes:
        window_hours: within so many hours one answer about each refused address.
        max_per_sender_per_week: within any seven days so many answers in all.
    """

    window_hours: int
    max_per_sender_per_week: int


def take_slot(
    slot: ReplySlot | None, address: IPAddress | None, now: datetime, limits: ReplyLimits
) -> tuple[bool, ReplySlot]:
    """Say whether a sender may be answered about the refused `address` now, and give the slot to store.

    `slot` is None for a sender never answered. The slot given back holds the new answer when it is allowed.
    """
    about = str(address) if address else NO_ADDRESS
    if slot is None:
        return True, ReplySlot((Answer(about, now),))
    window = timedelta(hours=limits.window_hours)
    known = ReplySlot(_remembered(slot, now, max(window, WEEK)))
    repeated = any(answer.address == about and now - answer.at < window for answer in known.answers)
    this_week = sum(now - answer.at < WEEK for answer in known.answers)
    if repeated or 0 < limits.max_per_sender_per_week <= this_week:
        return False, known
    return True, ReplySlot((*known.answers, Answer(about, now))[-REMEMBERED_ANSWERS:])


def _remembered(slot: ReplySlot, now: datetime, longest: timedelta) -> tuple[Answer, ...]:
    """Give the answers that still count, with times in the future brought back to the present."""
    return tuple(Answer(answer.address, min(answer.at, now)) for answer in slot.answers if now - answer.at < longest)


def give_back(slot: ReplySlot, address: IPAddress | None) -> ReplySlot:
    """Give `slot` without its newest answer about the refused `address`, which was cancelled and never left."""
    about = str(address) if address else NO_ADDRESS
    newest = max((at for at, answer in enumerate(slot.answers) if answer.address == about), default=slot.used)
    return ReplySlot(slot.answers[:newest] + slot.answers[newest + 1 :])


class Scope(StrEnum):
    """What answers are counted by, hour by hour."""

    NETWORK = "network"
    DOMAIN = "domain"


def count_keys(client: IPAddress | None, sender_key: str) -> dict[Scope, str]:
    """Give the keys under which an answer is counted: the client's /24 or /64, and the sender's domain.

    A client that is not known is not counted: it would share one count with all others that are not known.
    """
    keys = {Scope.DOMAIN: domain_of(sender_key)}
    if client is not None:
        prefix = _NETWORK_PREFIX_V4 if isinstance(client, IPv4Address) else _NETWORK_PREFIX_V6
        host_bits = client.max_prefixlen - prefix
        keys[Scope.NETWORK] = f"{type(client)(int(client) >> host_bits << host_bits)}/{prefix}"
    return keys


def hour_of(now: datetime) -> datetime:
    """Give the full hour in which `now` is counted."""
    return now.replace(minute=0, second=0, microsecond=0)


def is_within(counts: Mapping[Scope, int], maxima: Mapping[Scope, int]) -> bool:
    """Tell whether one more answer stays within `maxima`, given the `counts` of this hour; 0 turns a limit off."""
    return all(not most or counts.get(scope, 0) < most for scope, most in maxima.items())
