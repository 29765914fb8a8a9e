"""What is exempt."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Form, HTTPException, Query
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import ROWS, After, Id
from responder.faces.web.pages.decisions import FieldError, Text, read_days, read_network, read_optional_network
from responder.faces.web.view import query
from responder.faces.web.visit import Here, Visit, go
from responder.services.review_actions import ReviewError
from responder.storage.exemptions import ExemptionFilter

router = APIRouter(prefix="/exemptions")

State = Annotated[Literal["active", "expiring", "flagged", "over", "all"], Query()]
Address = Annotated[str, Query(max_length=60)]

_EXPIRING = timedelta(days=30)


@router.get("")
@needs(Permission.READ)
def exemptions(
    here: Here,
    *,
    state: State = "active",
    address: Address = "",
    after: After = None,
) -> Response:
    """List exemptions."""
    return _show(here, state, address, after)


def _show(
    here: Visit, state: str, address: str, after: int | None = None, *, entered: Mapping[str, str] | None = None
) -> Response:
    """Show the list, with what was `entered` to exempt a network and why that cannot be done, its `error`."""
    rows, next_id, error = [], None, None
    try:
        page = here.office.queue.exemptions(_wanted(here, state, address), limit=ROWS, after=after)
        rows, next_id = page.rows, page.after
    except FieldError as problem:
        error = str(problem)
    given = {"state": state, "address": address}
    return here.show(
        "exemptions.html",
        status=422 if error or entered else 200,
        rows=rows,
        given=given,
        pager=(given, next_id, after),
        view=query(given),
        error=error,
        entered=entered or dict.fromkeys(("network", "days", "reason", "error"), ""),
    )


def _wanted(here: Visit, state: str, address: str) -> ExemptionFilter:
    network = read_optional_network(address)
    if state == "expiring":
        return ExemptionFilter(network=network, expires_before=here.database.now() + _EXPIRING)
    if state == "flagged":
        return ExemptionFilter(network=network, is_flagged=True)
    return ExemptionFilter(is_active={"active": True, "over": False, "all": None}[state], network=network)


@router.post("")
@needs(Permission.DECIDE)
def add(here: Here, network: Text = "", days: Text = "", reason: Text = "") -> Response:
    """Exempt a network without a request; nobody is told."""
    try:
        wanted = read_network(network)
        here.office.exemptions.add(wanted, here.person.actor, days=read_days(days), reason=reason)
    except (FieldError, ReviewError) as error:
        entered = {"network": network, "days": days, "reason": reason, "error": str(error)}
        return _show(here, "active", "", entered=entered)
    return go("/exemptions?did=exempted")


@router.post("/{exemption_id}/revoke")
@needs(Permission.DECIDE)
def revoke(
    here: Here,
    *,
    exemption_id: Id,
    reason: Text = "",
    notify: Annotated[bool, Form()] = False,
) -> Response:
    """Take an exemption back."""
    try:
        here.office.exemptions.revoke(exemption_id, here.person.actor, reason=reason, notify=notify)
    except ReviewError as error:
        raise HTTPException(422, str(error)) from None
    return go("/exemptions?did=revoked")
