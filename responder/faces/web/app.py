"""The application: every route, who may pass, and what is said when something goes wrong."""

from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import RedirectResponse, Response

from responder import maillog
from responder.faces.web import api
from responder.faces.web.access import API, SignInNeeded, admit
from responder.faces.web.api import problems
from responder.faces.web.guard import Guard
from responder.faces.web.office import Office
from responder.faces.web.pages import ROUTERS
from responder.faces.web.visit import Visit
from responder.services.review_actions import ReviewError
from responder.storage.errors import StorageError

__all__ = ["make_app"]

_UNAVAILABLE = "The database cannot be used just now. Nothing was changed; try again in a moment."


def make_app(office: Office) -> FastAPI:
    """Give the application that serves pages and API out of `office`."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
        redirect_slashes=False,
    )
    app.state.office = office
    for router in ROUTERS:
        app.include_router(router, include_in_schema=False)
    app.include_router(api.router)
    app.add_middleware(Guard, base_url=office.site.base_url)
    app.add_exception_handler(SignInNeeded, _ask_to_sign_in)
    app.add_exception_handler(StarletteHTTPException, _tell_refusal)
    app.add_exception_handler(RequestValidationError, _tell_invalid)
    app.add_exception_handler(ReviewError, _tell_decision)
    app.add_exception_handler(StorageError, _tell_trouble)
    app.add_exception_handler(SQLAlchemyError, _tell_trouble)
    return app


async def _ask_to_sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInNeeded)  # noqa: S101 - what it is registered for
    if request.url.path.startswith(API) or "authorization" in request.headers:
        return problems.tell(401, "A bearer token is needed that counts.", {"WWW-Authenticate": "Bearer"})
    return RedirectResponse(f"/sign-in?next={quote(error.next_path)}", 303)


async def _tell_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101
    texts = {404: "There is no such page.", 405: "This cannot be done here."}
    detail = error.detail if isinstance(error, HTTPException) else texts.get(error.status_code, error.detail)
    return _tell(request, error.status_code, str(detail), dict(error.headers or {}))


async def _tell_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = error.errors()
    if any(each["type"] == "json_invalid" for each in faults):
        return _tell(request, 422, "The body is no JSON.")
    fields = sorted({".".join(str(part) for part in each["loc"][1:]) or "body" for each in faults})
    return _tell(request, 422, f"These fields cannot be used as they are: {', '.join(fields)[:500]}.")


async def _tell_decision(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReviewError)  # noqa: S101
    problem = problems.problem_of(error)
    return problems.answer(problem) if request.url.path.startswith(API) else _tell(request, problem.status, str(error))


async def _tell_trouble(request: Request, error: Exception) -> Response:
    maillog.storage_trouble(what="web", error=getattr(error, "orig", None) or error)
    return _tell(request, 503, _UNAVAILABLE)


def _tell(request: Request, status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    if request.url.path.startswith(API):
        return problems.tell(status, text, headers)
    response = Visit(request, request.app.state.office, None).tell(text, status=status)
    response.headers.update(headers or {})
    return response
