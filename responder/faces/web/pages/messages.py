"""What came, with disposition and reason."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from responder.domain.address import sender_key
from responder.domain.disposition import Disposition, Reason
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import ROWS, After, Id, require, take_page
from responder.faces.web.visit import Here
from responder.services.passages import read_passages
from responder.services.shapes import message_details, message_object
from responder.storage.messages import find_message, find_raw, list_messages

router = APIRouter(prefix="/messages")


@router.get("")
@needs(Permission.READ)
def messages(
    here: Here,
    *,
    reason: Annotated[Reason | Disposition | None, Query()] = None,
    sender: Annotated[str, Query(max_length=320)] = "",
    after: After = None,
) -> Response:
    """List messages, newest first."""
    look = partial(
        list_messages,
        limit=ROWS + 1,
        after=after,
        disposition=reason if isinstance(reason, Disposition) else None,
        reason=reason if isinstance(reason, Reason) else None,
        sender_key=sender_key(sender) if sender else None,
    )
    page = take_page(here.database.read(look), message_object)
    given = {"reason": reason, "sender": sender}
    return here.show(
        "messages.html",
        rows=page.rows,
        given=given,
        pager=(given, page.after, after),
        choices=[*Disposition, *Reason],
    )


@router.get("/{message_id}")
@needs(Permission.READ)
def message(here: Here, message_id: Id) -> Response:
    """Show one message."""
    row = require(here.database.read(partial(find_message, message_id=message_id)), "message")
    passages = here.database.read(partial(read_passages, message_id=message_id))
    return here.show("message.html", message=message_details(row), passages=passages)


@router.get("/{message_id}/raw")
@needs(Permission.READ)
def raw(here: Here, message_id: Id) -> Response:
    """Give the octets that were kept of a message, to be stored, never shown."""
    octets = require(here.database.read(partial(find_raw, message_id=message_id)), "message")
    return attachment(octets, f"message-{message_id}.eml")


def attachment(octets: bytes, name: str) -> Response:
    """Give octets for a file; no browser looks for a page in them."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": "sandbox"}
    return Response(octets, media_type="application/octet-stream", headers=headers)
