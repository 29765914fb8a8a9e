"""Deciding about many requests: first what would change, then the change."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.looks import LookQuery
from responder.faces.web.view import query
from responder.faces.web.visit import Here, go
from responder.services.review_actions import (
    Action,
    Approve,
    Assign,
    Deny,
    Dismiss,
    MarkRead,
    Outcome,
    Promote,
    Recheck,
    Reopen,
    ReviewError,
)

router = APIRouter()

Bulk = Literal["approve", "deny", "dismiss", "assign", "recheck", "promote", "reopen", "mark-read"]
References = Annotated[tuple[Annotated[str, Form(max_length=20)], ...], Form(max_length=500)]
Text = Annotated[str, Form()]


@router.post("/bulk")
@needs(Permission.DECIDE)
def bulk(
    here: Here,
    *,
    look: LookQuery,
    action: Annotated[Bulk, Form()],
    references: References = (),
    reason: Text = "",
    paragraphs: Annotated[tuple[str, ...], Form()] = (),
    step: Annotated[Literal["show", "do"], Form()] = "show",
) -> Response:
    """Show what an action would do to the selected requests, or do it."""
    if not references:
        return go(f"/queue{query(look.given)}")
    references = tuple(dict.fromkeys(references))
    act = _action(action, reason, paragraphs, here.person.login)
    try:
        results = here.office.review.decide_all(references, act, here.person.actor, dry_run=step == "show")
    except ReviewError as error:
        raise HTTPException(422, str(error)) from None
    return here.show(
        "bulk.html",
        action=action,
        reason=reason,
        paragraphs=paragraphs,
        results=_rows(references, results),
        possible=sum(isinstance(each, Outcome) and not each.doubts for each in results),
        is_done=step == "do",
        deny_reasons=here.office.deny_reasons() if action == "deny" else {},
        view=query(look.given),
    )


def _action(name: Bulk, reason: str, paragraphs: tuple[str, ...], login: str) -> Action:
    actions: dict[str, Action] = {
        "approve": Approve(reason=reason),
        "deny": Deny(paragraphs=paragraphs, reason=reason),
        "dismiss": Dismiss(reason=reason),
        "assign": Assign(login),
        "recheck": Recheck(),
        "promote": Promote(),
        "reopen": Reopen(reason=reason),
        "mark-read": MarkRead(),
    }
    return actions[name]


def _rows(
    references: Sequence[str], results: Sequence[Outcome | ReviewError]
) -> list[tuple[str, Outcome | None, str | None]]:
    """Give for each request what came of it, or why nothing did."""
    return [
        (reference, result, None) if isinstance(result, Outcome) else (reference, None, str(result))
        for reference, result in zip(references, results, strict=True)
    ]
