"""Signing in and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import client_of, cookie_name, is_secure, needs, own_path
from responder.faces.web.visit import Here, Visit, go
from responder.services.sign_in import SESSION_LIVES_FOR, Admission, SignInError, TooManyAttempts

router = APIRouter()

_MARK = "browser"
_MARK_LIVES_FOR_SECONDS = 400 * 86_400  # as long as browsers keep any (RFC 6265bis section 5.5)


@router.get("/sign-in")
@needs(Permission.PUBLIC)
def ask(here: Here, next_path: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Show the form."""
    return here.show("sign_in.html", next_path=own_path(next_path), login="", error=None)


@router.post("/sign-in")
@needs(Permission.PUBLIC)
def by_password(
    here: Here,
    login: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next_path: Annotated[str, Form(alias="next")] = "/",
) -> Response:
    """Sign in with login and password."""
    client, mark = client_of(here.request, here.office.site), here.request.cookies.get(_MARK)
    try:
        admission = here.office.sign_in.by_password(login, password, client=client, mark=mark)
    except SignInError as error:
        status = 429 if isinstance(error, TooManyAttempts) else 401
        return here.show(
            "sign_in.html", status=status, next_path=own_path(next_path), login=login[:64], error=str(error)
        )
    return _welcome(here, admission, own_path(next_path))


@router.get("/sign-in/{token}")
@needs(Permission.PUBLIC)
def ask_by_link(here: Here, token: str) -> Response:
    """Ask before a link is used up: programs that look at links in mail follow them too."""
    login = here.office.sign_in.whose_link(token)
    return here.show("link.html", status=200 if login else 410, login=login)


@router.post("/sign-in/{token}")
@needs(Permission.PUBLIC)
def by_link(here: Here, token: str) -> Response:
    """Sign in with a one-time link."""
    try:
        return _welcome(here, here.office.sign_in.by_link(token), "/")
    except SignInError:
        return here.show("link.html", status=410, login=None)


@router.post("/sign-out")
@needs(Permission.SELF)
def leave(here: Here) -> Response:
    """End the session."""
    if here.person.session:
        here.office.sign_in.sign_out(here.person.session)
    response = go("/sign-in")
    name = cookie_name(here.request, here.office.site)
    response.delete_cookie(name, httponly=True, samesite="strict", secure=is_secure(here.request, here.office.site))
    return response


@router.get("/")
@needs(Permission.SELF)
def first_page() -> Response:
    """Open the queue."""
    return go("/queue")


def _welcome(here: Visit, admission: Admission, path: str) -> Response:
    response = go(path)
    secure = is_secure(here.request, here.office.site)
    ages = (
        (cookie_name(here.request, here.office.site), admission.session, int(SESSION_LIVES_FOR.total_seconds())),
        (_MARK, admission.mark, _MARK_LIVES_FOR_SECONDS),
    )
    for name, value, seconds in ages:
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="strict", secure=secure)
    return response
