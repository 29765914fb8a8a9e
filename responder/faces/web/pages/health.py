"""What monitors ask: is it alive, can it work, how does it go. Numbers alone, so nobody needs to sign in."""

from functools import partial

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.visit import Here
from responder.services.dashboard import read_figures
from responder.services.metrics import write_metrics
from responder.storage.errors import StorageError

router = APIRouter()

_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz")
@needs(Permission.PUBLIC)
def alive() -> Response:
    """Say that the process answers."""
    return Response("alive\n", media_type="text/plain")


@router.get("/readyz")
@needs(Permission.PUBLIC)
def ready(here: Here) -> Response:
    """Say of each part whether it can do its work; 503 where one cannot."""
    parts = here.office.readiness()
    return JSONResponse({"ready": all(parts.values()), "parts": parts}, status_code=200 if all(parts.values()) else 503)


@router.get("/metrics")
@needs(Permission.PUBLIC)
def metrics(here: Here) -> Response:
    """Give the figures in the text format of Prometheus."""
    look = partial(read_figures, now=here.database.now(), overdue_after=here.office.site.overdue_after)
    try:
        figures = here.database.read(look)
    except (StorageError, SQLAlchemyError):
        figures = None
    office = here.office
    text = write_metrics(figures, office.readiness(), office.site.version, office.policy_counts())
    return Response(text, media_type=_PROMETHEUS)
