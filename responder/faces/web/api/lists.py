"""Exemptions, blocked senders, messages, the outbox, the audit, figures."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.responses import Response

from responder.domain.address import sender_key
from responder.domain.disposition import Disposition, Reason
from responder.domain.outbound import OutboundState
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.api import models
from responder.faces.web.api.fields import AfterId, Days, Id, Limit, NetworkField, TextField
from responder.faces.web.lists import require, take_page
from responder.faces.web.visit import Here, Visit
from responder.services import outbox
from responder.services.dashboard import read_figures
from responder.services.exemptions import ExemptionOutcome
from responder.services.shapes import event_object, message_details, message_object, outbound_details, outbound_object
from responder.storage.audit import list_events
from responder.storage.exemptions import ExemptionFilter
from responder.storage.messages import find_message, find_raw, list_messages
from responder.storage.outbound import find_outbound, list_outbound

router = APIRouter()

_OCTETS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/exemptions", tags=["exemptions"])
@needs(Permission.READ)
def list_exemptions(
    here: Here,
    *,
    state: Literal["active", "over", "all"] = "active",
    address: Annotated[NetworkField | None, Query()] = None,
    flagged: bool | None = None,
    limit: Limit = 50,
    after: AfterId = None,
) -> models.Rows[models.Exemption]:
    """List exemptions, newest first; with `address` those that hold it or lie in it."""
    is_active = {"active": True, "over": False, "all": None}[state]
    wanted = ExemptionFilter(is_active=is_active, network=address, is_flagged=flagged)  # type: ignore[arg-type]
    page = here.office.queue.exemptions(wanted, limit=limit, after=after)
    return models.Rows[models.Exemption].model_validate({"items": page.rows, "after": page.after})


class ExemptionBody(BaseModel):
    """Exempt a network without a request; nobody is told."""

    model_config = ConfigDict(extra="forbid")

    network: NetworkField
    days: Days | None = None
    reason: TextField


@router.post("/exemptions", tags=["exemptions"])
@needs(Permission.DECIDE)
def add_exemption(here: Here, body: ExemptionBody) -> models.ExemptionOutcome:
    """Exempt a network, or renew what is exempt."""
    network: Any = body.network
    return _outcome(here.office.exemptions.add(network, here.person.actor, days=body.days, reason=body.reason))


class RevokeBody(BaseModel):
    """Why, in words that the sender reads too where `notify`."""

    model_config = ConfigDict(extra="forbid")

    reason: TextField = ""
    text: TextField = ""
    notify: bool = True


@router.post("/exemptions/{exemption_id}/revoke", tags=["exemptions"])
@needs(Permission.DECIDE)
def revoke_exemption(here: Here, exemption_id: Id, body: RevokeBody) -> models.ExemptionOutcome:
    """Take an exemption back."""
    revoke = here.office.exemptions.revoke
    return _outcome(revoke(exemption_id, here.person.actor, reason=body.reason, text=body.text, notify=body.notify))


def _outcome(outcome: ExemptionOutcome) -> models.ExemptionOutcome:
    return models.ExemptionOutcome(
        exemption_id=str(outcome.exemption_id),
        network=str(outcome.network),
        expires_at=outcome.expires_at,
        renews=outcome.renews,
        overlaps=[str(network) for network in outcome.overlaps],
        outbound_id=None if outcome.outbound_id is None else str(outcome.outbound_id),
    )


@router.get("/blocked", tags=["blocked senders"])
@needs(Permission.READ)
def list_blocked(
    here: Here, limit: Limit = 50, after: Annotated[str | None, Query(max_length=320)] = None
) -> models.Rows[models.Blocked]:
    """List senders and domains that are never answered, in their order."""
    page = here.office.queue.blocked(limit=limit, after=after)
    return models.Rows[models.Blocked].model_validate({"items": page.rows, "after": page.after})


class BlockBody(BaseModel):
    """A sender or domain."""

    model_config = ConfigDict(extra="forbid")

    pattern: Annotated[str, Field(min_length=1, max_length=320)]
    reason: TextField = ""


class Pattern(models.Model):
    """The sender or domain as it is kept."""

    pattern: str


@router.post("/blocked", tags=["blocked senders"])
@needs(Permission.DECIDE)
def block(here: Here, body: BlockBody) -> Pattern:
    """Never answer a sender or domain again."""
    return Pattern(pattern=here.office.blocked.add(body.pattern, here.person.actor, reason=body.reason))


@router.post("/blocked/remove", tags=["blocked senders"])
@needs(Permission.DECIDE)
def unblock(here: Here, body: BlockBody) -> Pattern:
    """Answer a sender or domain again."""
    return Pattern(pattern=here.office.blocked.remove(body.pattern, here.person.actor))


@router.get("/messages", tags=["messages"])
@needs(Permission.READ)
def messages(
    here: Here,
    *,
    disposition: Disposition | None = None,
    reason: Reason | None = None,
    sender: Annotated[str | None, Query(max_length=320)] = None,
    limit: Limit = 50,
    after: AfterId = None,
) -> models.Rows[models.Message]:
    """List messages that came, newest first."""
    look = partial(
        list_messages,
        limit=limit + 1,
        after=after,
        disposition=disposition,
        reason=reason,
        sender_key=None if sender is None else sender_key(sender),
    )
    page = take_page(here.database.read(look), message_object, limit)
    return models.Rows[models.Message].model_validate({"items": page.rows, "after": page.after})


@router.get("/messages/{message_id}", tags=["messages"])
@needs(Permission.READ)
def message(here: Here, message_id: Id) -> models.MessageDetails:
    """Show one message."""
    row = require(here.database.read(partial(find_message, message_id=message_id)), "message")
    return models.MessageDetails.model_validate(message_details(row))


@router.get("/messages/{message_id}/raw", tags=["messages"], response_class=Response, responses=_OCTETS)
@needs(Permission.READ)
def raw_message(here: Here, message_id: Id) -> Response:
    """Give the octets that were kept of a message."""
    octets = require(here.database.read(partial(find_raw, message_id=message_id)), "message")
    return Response(octets, media_type="application/octet-stream")


@router.get("/outbox", tags=["outbox"])
@needs(Permission.READ)
def list_outbox(
    here: Here, state: OutboundState | None = None, limit: Limit = 50, after: AfterId = None
) -> models.Rows[models.Outbound]:
    """List messages that leave, left or failed, newest first."""
    look = partial(list_outbound, limit=limit + 1, after=after, state=state)
    page = take_page(here.database.read(look), outbound_object, limit)
    return models.Rows[models.Outbound].model_validate({"items": page.rows, "after": page.after})


@router.get("/outbox/{outbound_id}", tags=["outbox"])
@needs(Permission.READ)
def show_outbound(here: Here, outbound_id: Id) -> models.OutboundDetails:
    """Show one outbound message."""
    row = require(here.database.read(partial(find_outbound, outbound_id=outbound_id)), "outbound message")
    return models.OutboundDetails.model_validate(outbound_details(row))


@router.post("/outbox/{outbound_id}/retry", tags=["outbox"])
@needs(Permission.SEND)
def retry(here: Here, outbound_id: Id) -> models.OutboundDetails:
    """Try again now what failed or waits."""
    now, patience = here.database.now(), here.office.give_up_after
    return _change(here, outbound_id, lambda each: outbox.retry(each, outbound_id, here.person.actor, now, patience))


@router.post("/outbox/{outbound_id}/cancel", tags=["outbox"])
@needs(Permission.SEND)
def cancel(here: Here, outbound_id: Id) -> models.OutboundDetails:
    """Keep what waits from leaving."""
    now = here.database.now()
    return _change(here, outbound_id, lambda each: outbox.cancel(each, outbound_id, here.person.actor, now))


def _change(here: Visit, outbound_id: int, work: Callable[[Connection], object]) -> models.OutboundDetails:
    require(here.database.read(partial(find_outbound, outbound_id=outbound_id)), "outbound message")
    try:
        here.database.write(work)
    except outbox.OutboxError as error:
        raise HTTPException(409, str(error)) from None
    return show_outbound(here, outbound_id)


@router.get("/audit", tags=["figures"])
@needs(Permission.READ)
def audit(
    here: Here, by: Annotated[str | None, Query(max_length=64)] = None, limit: Limit = 50, after: AfterId = None
) -> models.Rows[models.AuditEvent]:
    """List what happened, newest first."""
    look = partial(list_events, actor_id=by and by.lower(), limit=limit + 1, after=after)
    page = take_page(here.database.read(look), _audit_object, limit)
    return models.Rows[models.AuditEvent].model_validate({"items": page.rows, "after": page.after})


def _audit_object(row: Any) -> dict[str, Any]:
    more = {"id": str(row["id"]), "actor_kind": row["actor_kind"], "subject_kind": row["subject_kind"]}
    return event_object(row) | more | {"subject_id": str(row["subject_id"])}


@router.get("/figures", tags=["figures"])
@needs(Permission.READ)
def figures(here: Here) -> models.Figures:
    """Give the figures of the dashboard."""
    look = partial(read_figures, now=here.database.now(), overdue_after=here.office.site.overdue_after)
    values = asdict(here.database.read(look))
    for name in ("silent", "software", "networks", "policy_answers"):
        values[name] = [{"name": key, "count": number} for key, number in values[name]]
    return models.Figures.model_validate(values)
