"""One decision about many requests."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.api.decisions import require_reasons, shape
from responder.faces.web.api.fields import TextField
from responder.faces.web.api.models import BulkResult
from responder.faces.web.api.problems import problem_of
from responder.faces.web.visit import Here
from responder.services import review_actions as actions
from responder.services.review import MOST_AT_ONCE

router = APIRouter(tags=["decisions"])


class BulkBody(BaseModel):
    """One action to many requests; its fields are those of the action."""

    model_config = ConfigDict(extra="forbid")

    references: list[Annotated[str, Field(max_length=20)]] = Field(min_length=1, max_length=MOST_AT_ONCE)
    action: Literal["approve", "deny", "dismiss", "assign", "reopen", "promote", "recheck", "mark-read"]
    reason: TextField = ""
    paragraphs: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=20)
    login: Annotated[str, Field(max_length=64)] | None = None
    dry_run: bool = False


@router.post("/decisions")
@needs(Permission.DECIDE)
def decide_all(here: Here, body: BulkBody) -> list[BulkResult]:
    """Do one action to many requests, each by itself; or tell what it would do (`dry_run`)."""
    references = list(dict.fromkeys(body.references))
    require_reasons(here, body.paragraphs)
    action, actor = _bulk_action(body), here.person.actor
    return _results(references, here.office.review.decide_all(references, action, actor, dry_run=body.dry_run))


def _bulk_action(body: BulkBody) -> actions.Action:
    made: dict[str, actions.Action] = {
        "approve": actions.Approve(reason=body.reason),
        "deny": actions.Deny(tuple(body.paragraphs), body.reason),
        "dismiss": actions.Dismiss(reason=body.reason),
        "assign": actions.Assign(body.login),
        "reopen": actions.Reopen(body.reason),
        "promote": actions.Promote(),
        "recheck": actions.Recheck(),
        "mark-read": actions.MarkRead(),
    }
    return made[body.action]


def _results(references: Sequence[str], results: Sequence[actions.Outcome | actions.ReviewError]) -> list[BulkResult]:
    return [
        BulkResult(reference=reference, outcome=shape(result), problem=None)
        if isinstance(result, actions.Outcome)
        else BulkResult(reference=reference, outcome=None, problem=problem_of(result))
        for reference, result in zip(references, results, strict=True)
    ]
