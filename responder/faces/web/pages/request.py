"""One request."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.request import OPEN_STATES
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.flash import read_flash
from responder.faces.web.lists import require
from responder.faces.web.looks import Look, LookError, LookQuery
from responder.faces.web.view import query
from responder.faces.web.visit import Here, Visit
from responder.services.passages import Passage, read_passages
from responder.services.review_actions import Approve, Outcome, ReviewError, UnknownRequest
from responder.services.shapes import message_details
from responder.storage.messages import find_message

router = APIRouter()

_SPELLED_OUT = 3  # messages whose words are on the page; the others are one click away
_OTHERS = 10
_DECISIONS = frozenset({"approved", "denied", "asked", "dismissed", "reopened", "undone", "promoted", "lapsed"})


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered into a form that could not be done: which action, its fields, and why not."""

    action: str
    fields: dict[str, Any]
    error: str


@router.get("/requests/{reference}")
@needs(Permission.READ)
def show(here: Here, reference: str, look: LookQuery) -> Response:
    """Show one request; any reference that leads to it will do."""
    try:
        case = here.office.queue.show(parse_reference(reference))
    except (NoReferenceError, UnknownRequest) as error:
        return here.tell(str(error), status=404)
    if case["reference"] != reference:
        return RedirectResponse(f"/requests/{case['reference']}{query(look.given)}", 301)
    return show_case(here, case, look)


def show_case(
    here: Visit,
    case: dict[str, Any],
    look: Look,
    *,
    entered: Entered | None = None,
    status: int = 200,
) -> Response:
    """Show a request, with what was `entered` where that could not be done."""
    spelled_out = [_read(here, int(each["id"])) for each in case["message_list"][-_SPELLED_OUT:]]
    return here.show(
        "request.html",
        status=status,
        case=case,
        rejection=next((message["rejection"] for message, _ in reversed(spelled_out) if message["rejection"]), None),
        passages=spelled_out,
        networks=case["networks"] or ([case["address"]] if case["address"] else []),
        related=here.office.queue.related(case["reference"], limit=_OTHERS),
        of_domain=here.office.queue.of_domain(case["reference"], limit=_OTHERS),
        offer=_offer(here, case) if case["state"] in OPEN_STATES else None,
        deny_reasons=here.office.deny_reasons(),
        decisions=_DECISIONS,
        view=query(look.given),
        next_reference=find_next(here, case["reference"], look),
        entered=entered,
        flash=read_flash(here),
    )


def _read(here: Visit, message_id: int) -> tuple[dict[str, Any], tuple[Passage, ...] | None]:
    """Give a message and what it says."""
    row = require(here.database.read(partial(find_message, message_id=message_id)), "message")
    return message_details(row), here.database.read(partial(read_passages, message_id=message_id))


def _offer(here: Visit, case: dict[str, Any]) -> Outcome | str | None:
    """Give what approving would do, or why it cannot be done; None where the person decides nothing."""
    if not here.person.may(Permission.DECIDE):
        return None
    try:
        return here.office.review.preview(case["reference"], Approve(), here.person.actor)
    except ReviewError as error:
        return str(error)


def find_next(here: Visit, reference: str, look: Look) -> str | None:
    """Give the case that follows in the list that the person came from."""
    try:
        page = here.office.queue.list(look.wanted(here.person), limit=1, after=reference)
    except (LookError, UnknownRequest):
        return None
    return page.rows[0]["reference"] if page.rows else None
