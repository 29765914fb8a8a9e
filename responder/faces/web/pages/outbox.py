"""What leaves, left or failed."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Connection
from starlette.responses import Response

from responder.domain.outbound import OutboundState
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import ROWS, After, Id, require, take_page
from responder.faces.web.pages.messages import attachment
from responder.faces.web.visit import Here, Visit, go
from responder.services import outbox
from responder.services.passages import read_sent
from responder.services.shapes import outbound_details, outbound_object
from responder.storage.outbound import find_content, find_outbound, list_outbound

router = APIRouter(prefix="/outbox")


@router.get("")
@needs(Permission.READ)
def listing(
    here: Here,
    state: Annotated[OutboundState | None, Query()] = None,
    after: After = None,
) -> Response:
    """List outbound messages, newest first."""
    look = partial(list_outbound, limit=ROWS + 1, after=after, state=state)
    page = take_page(here.database.read(look), outbound_object)
    given = {"state": state}
    return here.show(
        "outbox.html", rows=page.rows, given=given, pager=(given, page.after, after), states=list(OutboundState)
    )


@router.get("/{outbound_id}")
@needs(Permission.READ)
def one(here: Here, outbound_id: Id) -> Response:
    """Show one outbound message."""
    row = require(here.database.read(partial(find_outbound, outbound_id=outbound_id)), "outbound message")
    passages = here.database.read(partial(read_sent, outbound_id=outbound_id))
    return here.show("outbound.html", message=outbound_details(row), passages=passages)


@router.get("/{outbound_id}/raw")
@needs(Permission.READ)
def raw(here: Here, outbound_id: Id) -> Response:
    """Give the octets as they leave."""
    octets = require(here.database.read(partial(find_content, outbound_id=outbound_id)), "message yet")
    return attachment(octets, f"outbound-{outbound_id}.eml")


@router.post("/{outbound_id}/retry")
@needs(Permission.SEND)
def retry(here: Here, outbound_id: Id) -> Response:
    """Try again now."""
    now, patience = here.database.now(), here.office.give_up_after
    return _change(
        here, outbound_id, "retried", lambda each: outbox.retry(each, outbound_id, here.person.actor, now, patience)
    )


@router.post("/{outbound_id}/cancel")
@needs(Permission.SEND)
def cancel(here: Here, outbound_id: Id) -> Response:
    """Keep it from leaving."""
    now = here.database.now()
    return _change(
        here, outbound_id, "cancelled", lambda each: outbox.cancel(each, outbound_id, here.person.actor, now)
    )


def _change(here: Visit, outbound_id: int, did: str, work: Callable[[Connection], object]) -> Response:
    try:
        here.database.write(work)
    except outbox.OutboxError as error:
        raise HTTPException(409, f"This cannot be done: {error}.") from None
    return go(f"/outbox/{outbound_id}?did={did}")
