"""One's own password, sessions and API tokens."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from starlette.responses import Response

from responder.domain.roles import SCOPES, Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import Id
from responder.faces.web.pages.decisions import Text
from responder.faces.web.visit import Here, Visit, go
from responder.services import staff
from responder.storage import staff as store

router = APIRouter(prefix="/account")

_LIVES = {"30": timedelta(days=30), "365": timedelta(days=365), "": None}


@router.get("")
@needs(Permission.SELF)
def account(here: Here) -> Response:
    """Show the account."""
    return _show(here)


def _show(here: Visit, *, error: str | None = None, token: str | None = None) -> Response:
    sessions = partial(store.list_sessions, staff_id=here.person.id, at=here.database.now())
    return here.show(
        "account.html",
        status=422 if error else 200,
        sessions=here.database.read(sessions),
        tokens=here.database.read(partial(store.list_tokens, staff_id=here.person.id)),
        scopes=[scope for scope in SCOPES if here.person.may(scope)],
        shortest=staff.SHORTEST_PASSWORD,
        error=error,
        token=token,
    )


@router.post("/password")
@needs(Permission.SELF)
def set_password(here: Here, password: Text = "", again: Text = "", current: Text = "") -> Response:
    """Set the password; whoever has one already gives it too."""
    if password != again:
        return _show(here, error="The two passwords differ.")
    if not here.office.sign_in.knows_password(here.person, current):
        return _show(here, error="The current password is wrong.")
    try:
        staff.check_password(password, here.person.login)
    except staff.StaffError as error:
        return _show(here, error=f"The password was not set: {error}.")
    hashed = here.office.sign_in.hash_password(password)
    at, keep = here.database.now(), here.person.session or b""
    here.database.write(
        lambda connection: staff.set_password(
            connection, here.person.login, hashed, keep=keep, by=here.person.actor, at=at
        )
    )
    return go("/account?did=password")


@router.post("/sessions")
@needs(Permission.SELF)
def end_sessions(here: Here) -> Response:
    """End all sessions but this one."""
    ending = partial(store.revoke_sessions, staff_id=here.person.id, at=here.database.now(), but=here.person.session)
    here.database.write(ending)
    return go("/account?did=sessions")


@router.post("/tokens")
@needs(Permission.SELF)
def make_token(
    here: Here,
    *,
    name: Text = "",
    scopes: Annotated[tuple[Permission, ...], Form()] = (),
    days: Text = "",
) -> Response:
    """Make an API token, which is shown once."""
    if days not in _LIVES:
        raise HTTPException(422, "A token lives for 30 or 365 days, or until it is revoked.")
    allowed = [scope for scope in scopes if scope in SCOPES and here.person.may(scope)]
    making = partial(
        staff.make_token,
        login=here.person.login,
        name=name,
        scopes=allowed,
        lives_for=_LIVES[days],
        by=here.person.actor,
        at=here.database.now(),
    )
    try:
        return _show(here, token=here.database.write(making))
    except staff.StaffError as error:
        return _show(here, error=f"No token was made: {error}.")


@router.post("/tokens/{token_id}/revoke")
@needs(Permission.SELF)
def revoke_token(here: Here, token_id: Id) -> Response:
    """End an API token."""
    at = here.database.now()
    try:
        here.database.write(
            lambda connection: staff.revoke_token(connection, here.person.login, token_id, by=here.person.actor, at=at)
        )
    except staff.StaffError as error:
        raise HTTPException(404, f"This cannot be done: {error}.") from None
    return go("/account?did=token-revoked")
