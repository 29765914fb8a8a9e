"""What everybody did."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import RowMapping
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import ROWS, After, take_page
from responder.faces.web.visit import Here
from responder.services.shapes import event_object
from responder.storage.audit import list_events

router = APIRouter()


@router.get("/audit")
@needs(Permission.READ)
def audit(
    here: Here,
    by: Annotated[str, Query(max_length=64)] = "",
    after: After = None,
) -> Response:
    """List events, newest first."""
    look = partial(list_events, actor_id=by.strip().lower() or None, limit=ROWS + 1, after=after)
    page = take_page(here.database.read(look), _shape)
    given = {"by": by}
    return here.show("audit.html", rows=page.rows, given=given, pager=(given, page.after, after))


def _shape(row: RowMapping) -> dict[str, Any]:
    names = ("id", "actor_kind", "subject_kind")
    return event_object(row) | {name: row[name] for name in names}
