"""Why something was not done, as programs read it (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from responder.faces.web.api.models import Problem
from responder.services.review_actions import ReviewError, StaleDecision, Unconfirmed

MEDIA_TYPE = "application/problem+json"

_STATUSES = {
    "unknown": 404,
    "not-allowed": 403,
    "stale": 409,
    "not-possible": 409,
    "has-left": 409,
    "key-reused": 409,
    "unconfirmed": 422,
    "too-wide": 422,
    "unusable": 422,
}

_MEANINGS = {
    400: "The body is no text.",
    401: "No token, or one that does not count (any more).",
    403: "The token, or its owner's role, does not allow it.",
    404: "There is no such thing.",
    409: "It cannot be done any more, or not in this state; somebody may have been faster.",
    413: "The body is too large.",
    422: "What was sent cannot be used.",
    503: "The database cannot be used just now; nothing was changed.",
}

_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": _CONTENT} for status, meaning in _MEANINGS.items()
}
"""The answers that every call may give besides its own."""


def problem_of(error: ReviewError) -> Problem:
    """Give what a program is told of a decision that was not taken."""
    status = _STATUSES.get(error.code, 422)
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=str(error), code=error.code)
    more: dict[str, Any] = {}
    if isinstance(error, StaleDecision):
        more = {"by": error.by, "event": error.event, "at": error.at, "version": error.version}
    if isinstance(error, Unconfirmed):
        more = {"network": str(error.network), "doubts": list(error.doubts)}
    return problem.model_copy(update=more)


def tell(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Give the answer for something that was not done."""
    return answer(Problem(title=HTTPStatus(status).phrase, status=status, detail=detail), headers)


def answer(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Give the answer that tells of `problem`."""
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, problem.status, headers, media_type=MEDIA_TYPE)
