"""The JSON API, `/api/v1`."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.api import bulk, decisions, lists, requests
from responder.faces.web.api.models import Problem
from responder.faces.web.api.problems import RESPONSES

PREFIX = "/api/v1"

router = APIRouter(prefix=PREFIX, responses=RESPONSES)
for _module in (requests, decisions, bulk, lists):
    router.include_router(_module.router)


@router.get("/openapi.json", include_in_schema=False)
@needs(Permission.PUBLIC)
def schema(request: Request) -> Response:
    """Give the description of the API (OpenAPI)."""
    return JSONResponse(describe(request.app))


def describe(app: FastAPI) -> dict[str, Any]:
    """Give the description of the API, made once."""
    if not app.openapi_schema:
        described = get_openapi(
            title="bypass-responder",
            version="1",
            summary="Exemption requests, decisions, and what came and left.",
            description="Authorize with `Authorization: Bearer TOKEN`; people make tokens on their account page.",
            routes=app.routes,
        )
        components = described.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        app.openapi_schema = described
    return app.openapi_schema
