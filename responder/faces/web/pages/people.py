"""People who may sign in."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import Connection
from starlette.responses import Response

from responder.domain.roles import LoginError, Permission, Role
from responder.faces.web.access import needs
from responder.faces.web.pages.decisions import Text
from responder.faces.web.visit import Here, Visit, go
from responder.services import staff

T = TypeVar("T")

router = APIRouter(prefix="/people")


@router.get("")
@needs(Permission.MANAGE)
def people(here: Here) -> Response:
    """List people."""
    everybody = here.database.read(staff.people)
    return here.show("people.html", everybody=everybody, roles=list(Role))


@router.post("")
@needs(Permission.MANAGE)
def add(here: Here, login: Text = "", role: Annotated[Role, Form()] = Role.REVIEWER) -> Response:
    """Add a person, and show the link by which they sign in first."""
    at = here.database.now()

    def work(connection: Connection) -> str:
        added = staff.add(connection, login, role, by=here.person.actor, at=at)
        return staff.make_link(connection, added["login"], by=here.person.actor, at=at)

    return _show_link(here, login, _change(here, work))


@router.post("/{login}/link")
@needs(Permission.MANAGE)
def link(here: Here, login: str) -> Response:
    """Make a one-time link for a here.person."""
    at = here.database.now()
    token = _change(here, lambda connection: staff.make_link(connection, login, by=here.person.actor, at=at))
    return _show_link(here, login, token)


@router.post("/{login}/role")
@needs(Permission.MANAGE)
def change_role(here: Here, login: str, role: Annotated[Role, Form()]) -> Response:
    """Give a person another role."""
    at = here.database.now()
    _change(here, lambda connection: staff.set_role(connection, login, role, by=here.person.actor, at=at))
    return go("/people?did=person-changed")


@router.post("/{login}/disable")
@needs(Permission.MANAGE)
def disable(here: Here, login: str) -> Response:
    """Keep a person from signing in."""
    at = here.database.now()
    _change(here, lambda connection: staff.disable(connection, login, by=here.person.actor, at=at))
    return go("/people?did=person-changed")


@router.post("/{login}/enable")
@needs(Permission.MANAGE)
def enable(here: Here, login: str) -> Response:
    """Let a person sign in again."""
    at = here.database.now()
    _change(here, lambda connection: staff.enable(connection, login, by=here.person.actor, at=at))
    return go("/people?did=person-changed")


@router.post("/{login}/sessions")
@needs(Permission.MANAGE)
def end_sessions(here: Here, login: str) -> Response:
    """End every session of a here.person."""
    at = here.database.now()
    _change(here, lambda connection: staff.end_sessions(connection, login, by=here.person.actor, at=at))
    return go("/people?did=sessions")


def _change(here: Visit, work: Callable[[Connection], T]) -> T:
    try:
        return here.database.write(work)
    except (staff.StaffError, LoginError) as error:
        raise HTTPException(422, f"This cannot be done: {error}.") from None


def _show_link(here: Visit, login: str, token: str) -> Response:
    base = here.office.site.base_url or str(here.request.base_url).rstrip("/")
    return here.show("link_made.html", login=login, link=f"{base}/sign-in/{token}")
