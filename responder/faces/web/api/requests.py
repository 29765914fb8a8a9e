"""The queue."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.api.fields import Reference, RequestQuery
from responder.faces.web.api.models import Request, RequestDetails, Rows
from responder.faces.web.visit import Here
from responder.storage.requests import OPEN_STATES, RequestFilter
from responder.storage.staff import find_person

router = APIRouter(tags=["requests"])


@router.get("/requests")
@needs(Permission.READ)
def list_requests(here: Here, asked: Annotated[RequestQuery, Query()]) -> Rows[Request]:
    """List requests, the one changed last first."""
    page = here.office.queue.list(_filter(here, asked), limit=asked.limit, after=asked.after)
    return Rows[Request].model_validate({"items": page.rows, "after": page.after})


def _filter(here: Here, asked: RequestQuery) -> RequestFilter:
    given: dict[str, Any] = asked.model_dump(exclude={"state", "assignee", "limit", "after"}, mode="python")
    given["address"] = asked.address
    if asked.assignee is not None:
        login = asked.assignee.strip().lower()
        person = here.database.read(lambda connection: find_person(connection, login))
        given["assignee_id"] = person["id"] if person else -1
    return RequestFilter(states=tuple(asked.state) or OPEN_STATES, **given)


@router.get("/requests/{reference}")
@needs(Permission.READ)
def show_request(here: Here, reference: Reference) -> RequestDetails:
    """Show one request with all that belongs to it; the reference of any of its messages will do."""
    return RequestDetails.model_validate(here.office.queue.show(reference))
