"""Deciding about requests.

With the header Idempotency-Key a call is done once, however often it is sent: the second one gives the outcome of the
first, and another body under the same key is refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.api.fields import Days, DryRun, Key, NetworkField, Reference, TextField
from responder.faces.web.api.models import Outcome
from responder.faces.web.visit import Here
from responder.services import review_actions as actions

router = APIRouter(prefix="/requests/{reference}", tags=["decisions"])


class Body(BaseModel):
    """What all decisions take: `seen`, the version that was seen; another one by now is refused with 409."""

    model_config = ConfigDict(extra="forbid")

    seen: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = None


class ApproveBody(Body):
    """Exempt a network, by default the refused address, and tell the sender."""

    network: NetworkField | None = None
    days: Days | None = None
    reason: TextField = ""
    text: TextField = ""
    confirm: NetworkField | None = None


class DenyBody(Body):
    """Refuse, and tell the sender why."""

    paragraphs: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=20)
    reason: TextField = ""
    text: TextField = ""


class TextBody(Body):
    """Words: a question, or a note for other staff."""

    text: TextField


class AssignBody(Body):
    """Who has it in hand; null is nobody."""

    login: Annotated[str, Field(max_length=64)] | None = None


class ReasonBody(Body):
    """Why, for other staff."""

    reason: TextField = ""


class PromoteBody(Body):
    """Whether the automatic answer, which its message did not get, is sent too."""

    answer: bool = False


class DismissBody(ReasonBody):
    """Whether the sender or its domain is never answered again."""

    block: Literal["sender", "domain"] | None = None


def require_reasons(here: Here, keys: Sequence[str]) -> tuple[str, ...]:
    """Give the deny reasons `keys`.

    Raises:
        HTTPException: 422, one of them is none.
    """
    known = here.office.deny_reasons() if keys else {}
    if wrong := next((key for key in keys if key not in known), None):
        raise HTTPException(422, f"{wrong!r} is no deny reason; there are {', '.join(sorted(known))}.")
    return tuple(keys)


class Decider:
    """Does one action to one request for a program."""

    def __init__(
        self, here: Here, reference: Reference, idempotency_key: Key = None, *, dry_run: DryRun = False
    ) -> None:
        self.here = here
        self._reference = reference
        self._key = idempotency_key
        self._is_dry = dry_run

    def do(self, action: actions.Action, body: Body) -> Outcome:
        """Do it, or tell what it would do."""
        review, actor = self.here.office.review, self.here.person.actor
        if self._is_dry:
            return shape(review.preview(self._reference, action, actor, seen=body.seen))
        once = actions.Once(self._key, self._digest(action, body)) if self._key else None
        return shape(review.decide(self._reference, action, actor, seen=body.seen, once=once))

    def _digest(self, action: actions.Action, body: Body) -> bytes:
        what = f"{self._reference}\n{type(action).__name__}\n{body.model_dump_json()}"
        return hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()


Decides = Annotated[Decider, Depends()]


@router.post("/approve")
@needs(Permission.DECIDE)
def approve(decider: Decides, body: ApproveBody) -> Outcome:
    """Exempt a network and tell the sender."""
    action = actions.Approve(body.network, body.days, body.reason, body.text, body.confirm)  # type: ignore[arg-type]
    return decider.do(action, body)


@router.post("/deny")
@needs(Permission.DECIDE)
def deny(decider: Decides, body: DenyBody) -> Outcome:
    """Refuse, and tell the sender why."""
    paragraphs = require_reasons(decider.here, body.paragraphs)
    return decider.do(actions.Deny(paragraphs, body.reason, body.text), body)


@router.post("/ask")
@needs(Permission.DECIDE)
def ask(decider: Decides, body: TextBody) -> Outcome:
    """Ask the sender something."""
    return decider.do(actions.Ask(body.text), body)


@router.post("/note")
@needs(Permission.DECIDE)
def note(decider: Decides, body: TextBody) -> Outcome:
    """Write something down for other staff."""
    return decider.do(actions.Note(body.text), body)


@router.post("/assign")
@needs(Permission.DECIDE)
def assign(decider: Decides, body: AssignBody) -> Outcome:
    """Say who has it in hand."""
    return decider.do(actions.Assign(body.login), body)


@router.post("/reopen")
@needs(Permission.DECIDE)
def reopen(decider: Decides, body: ReasonBody) -> Outcome:
    """Bring back what was denied, dismissed or had lapsed."""
    return decider.do(actions.Reopen(body.reason), body)


@router.post("/promote")
@needs(Permission.DECIDE)
def promote(decider: Decides, body: PromoteBody) -> Outcome:
    """Take it from the shelf into the queue."""
    return decider.do(actions.Promote(body.answer), body)


@router.post("/dismiss")
@needs(Permission.DECIDE)
def dismiss(decider: Decides, body: DismissBody) -> Outcome:
    """Close without a word to the sender."""
    return decider.do(actions.Dismiss(body.block, body.reason), body)


@router.post("/undo")
@needs(Permission.DECIDE)
def undo(decider: Decides, body: Body) -> Outcome:
    """Take an approval or a denial back whose notice has not left."""
    return decider.do(actions.Undo(), body)


@router.post("/recheck")
@needs(Permission.DECIDE)
def recheck(decider: Decides, body: Body) -> Outcome:
    """Have the evidence gathered again."""
    return decider.do(actions.Recheck(), body)


@router.post("/mark-read")
@needs(Permission.DECIDE)
def mark_read(decider: Decides, body: Body) -> Outcome:
    """Say that what the sender wrote last was seen."""
    return decider.do(actions.MarkRead(), body)


def shape(outcome: actions.Outcome) -> Outcome:
    """Give an outcome as programs read it: networks and ids are text."""
    values: dict[str, Any] = asdict(outcome)
    values["network"] = None if outcome.network is None else str(outcome.network)
    values["overlaps"] = [str(network) for network in outcome.overlaps]
    for name in ("exemption_id", "outbound_id"):
        values[name] = None if values[name] is None else str(values[name])
    return Outcome.model_validate(values)
