"""Guides for everybody, exports for mail servers."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from markupsafe import Markup
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.lists import require
from responder.faces.web.visit import Here

router = APIRouter()

_NAME = "^[a-z0-9][a-z0-9.-]{0,63}$"
_LOCALE = "^[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}$"


@router.get("/guides/{locale}/{name}")
@needs(Permission.PUBLIC)
def guide(
    here: Here, locale: Annotated[str, Path(pattern=_LOCALE)], name: Annotated[str, Path(pattern=_NAME)]
) -> Response:
    """Show one server's smart-host steps."""
    found = require(here.office.guide(locale, name), "guide")
    html = Markup(found.html)  # noqa: S704 - made by our renderer of a checked template, with no word of any mail
    return here.show("guide.html", guide=found, html=html, person=None)


@router.get("/exports/{name}")
@needs(Permission.EXPORT)
def export(here: Here, request: Request, name: Annotated[str, Path(max_length=40)]) -> Response:
    """Give what is exempt in the format of another program."""
    try:
        served = here.office.exports.serve_export(name, request.headers.get("if-none-match"))
    except KeyError:
        raise HTTPException(404, "There is no such format.") from None
    headers = {"ETag": served.etag, "Cache-Control": "private, no-cache", "Content-Security-Policy": "sandbox"}
    if served.is_unchanged:
        return Response(status_code=304, headers=headers)
    return Response(served.content, headers=headers | {"Content-Type": served.media_type})
