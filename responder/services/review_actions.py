"""What people decide about a request, as values, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from responder.domain.address import IPNetwork
from responder.domain.request import RequestState

LONGEST_TEXT = 4_000
"""Characters of a reason, question or note; more is an error."""


@dataclass(frozen=True, slots=True)
class Approve:
    """Exempt a network and tell the sender.

    Attributes:
        network: what to exempt; None is the refused address, or the only network asked for.
        days: for how long; None is what the settings say.
        reason: why, kept with the exemption and never sent.
        text: words for the sender besides those of the template.
        confirm: the network once more, as somebody typed it, where `Outcome.doubts` asks for it.
    """

    network: IPNetwork | None = None
    days: int | None = None
    reason: str = ""
    text: str = ""
    confirm: IPNetwork | None = None


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse, and tell the sender why.

    Attributes:
        paragraphs: keys of the deny reasons (templates) to give, in order.
        reason: why, in words that the sender reads.
        text: what else to tell the sender.
    """

    paragraphs: tuple[str, ...] = ()
    reason: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the sender; `text` is the question."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write something down for other staff; never sent, and it makes nobody's decision stale."""

    text: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Say who has the request in hand: a login, or None for nobody."""

    login: str | None


@dataclass(frozen=True, slots=True)
class Reopen:
    """Bring back what was denied, dismissed or had lapsed; `reason` is for other staff."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Promote:
    """Take a shelved request into the queue; `answer` also queues the automatic answer that its message did not get."""

    answer: bool = False


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Close without a word to the sender.

    Attributes:
        block: also never answer this `sender`, or anybody in their `domain`, again.
        reason: why, for other staff.
    """

    block: Literal["sender", "domain"] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """Take back an approval or a denial whose notice has not left."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """Have the evidence gathered again."""


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Say that what the sender wrote last was seen; no event of the history."""


Action = Approve | Deny | Ask | Note | Assign | Reopen | Promote | Dismiss | Undo | Recheck | MarkRead


@dataclass(frozen=True, slots=True)
class Once:
    """The idempotency key of a call: the same key of the same actor is done once.

    Attributes:
        key: as the caller made it, at most 200 characters.
        body_sha256: of what was asked; the same key with another one is an error.
    """

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action did to a request, or would do (`is_dry`).

    Attributes:
        reference: the request.
        action: its name: `approve`, `deny`, `ask`, ...
        before: the state from which it came.
        after: the state in which it is.
        version: the version to name in the next decision.
        is_dry: nothing was changed.
        network: what is exempt by it, None if nothing.
        expires_at: when that ends.
        exemption_id: its id; None where there is none, or it would only be made.
        renews: that exemption was active already.
        overlaps: other active exemptions that hold the network, or lie in it.
        doubts: why the network has to be typed once more, empty if it need not: `unproven`, `not-asked-for`.
        outbound_id: the message to the sender; None where nothing leaves, or it would only be queued.
        outbound_kind: `notice`, `question` or `reply`; None where nothing leaves.
        due_at: when that leaves; until then `Undo` takes an approval or a denial back.
        blocked: the sender or domain that is never answered from now on.
        related: references of open requests of the same refused address, or inside the network.
        repeated: it had been done before under the same idempotency key.
    """

    reference: str
    action: str
    before: RequestState
    after: RequestState
    version: int
    is_dry: bool = False
    network: IPNetwork | None = None
    expires_at: datetime | None = None
    exemption_id: int | None = None
    renews: bool = False
    overlaps: tuple[IPNetwork, ...] = ()
    doubts: tuple[str, ...] = ()
    outbound_id: int | None = None
    outbound_kind: str | None = None
    due_at: datetime | None = None
    blocked: str | None = None
    related: tuple[str, ...] = ()
    repeated: bool = False


class ReviewError(Exception):
    """What was asked for cannot be done; the text is one line fit for staff and names what to do.

    `code` names the kind for programs: `unknown`, `not-allowed`, `stale`, `not-possible`, `unconfirmed`, `too-wide`,
    `has-left`, `unusable`, `key-reused`.
    """

    code = "unusable"


class UnknownRequest(ReviewError):
    """There is no such request, exemption or pattern."""

    code = "unknown"


class NotAllowed(ReviewError):
    """The role of the actor does not allow it."""

    code = "not-allowed"


class StaleDecision(ReviewError):
    """The request is no longer as the decision saw it: somebody decided first, or the sender wrote again.

    Attributes:
        by: who changed it: a login, `service`, or `sender`.
        event: what they did: `approved`, `denied`, `asked`, `joined` (the sender wrote), ...
        at: when.
        version: the version that it has now.
    """

    code = "stale"

    def __init__(self, text: str, *, by: str, event: str, at: datetime, version: int) -> None:
        super().__init__(text)
        self.by = by
        self.event = event
        self.at = at
        self.version = version


class NotPossible(ReviewError):
    """A request in its state takes no such action."""

    code = "not-possible"


class Unconfirmed(ReviewError):
    """The network must be typed once more (`Approve.confirm`); `doubts` says why.

    Attributes:
        network: what to type.
        doubts: `unproven`, `not-asked-for`, or both.
    """

    code = "unconfirmed"

    def __init__(self, text: str, *, network: IPNetwork, doubts: tuple[str, ...]) -> None:
        super().__init__(text)
        self.network = network
        self.doubts = doubts


class TooWide(ReviewError):
    """The network may not be exempted, or not by this role."""

    code = "too-wide"


class NoticeHasLeft(ReviewError):
    """It is too late to undo."""

    code = "has-left"


class KeyReused(ReviewError):
    """The idempotency key was used for something else."""

    code = "key-reused"
