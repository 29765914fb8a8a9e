"""Senders that are never answered."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import ROWS
from responder.faces.web.pages.decisions import Text
from responder.faces.web.visit import Here, go
from responder.services.review_actions import ReviewError

router = APIRouter(prefix="/blocked")


@router.get("")
@needs(Permission.READ)
def blocked(here: Here, after: Annotated[str, Query(max_length=320)] = "") -> Response:
    """List senders and domains."""
    page = here.office.queue.blocked(limit=ROWS, after=after or None)
    return here.show("blocked.html", rows=page.rows, pager=({}, page.after, after))


@router.post("")
@needs(Permission.DECIDE)
def block(here: Here, pattern: Text = "", reason: Text = "") -> Response:
    """Never answer a sender or domain again."""
    try:
        here.office.blocked.add(pattern.strip(), here.person.actor, reason=reason)
    except ReviewError as error:
        raise HTTPException(422, str(error)) from None
    return go("/blocked?did=blocked")


@router.post("/remove")
@needs(Permission.DECIDE)
def unblock(here: Here, pattern: Text = "") -> Response:
    """Answer a sender or domain again."""
    try:
        here.office.blocked.remove(pattern, here.person.actor)
    except ReviewError as error:
        raise HTTPException(422, str(error)) from None
    return go("/blocked?did=unblocked")
