"""Our own assets."""

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.view import STATIC

router = APIRouter()

_SCRIPT = "text/javascript"
_TYPES = {"style.css": "text/css", "keys.js": _SCRIPT, "templates.js": _SCRIPT, "icon.svg": "image/svg+xml"}
_CONTENTS = {name: (STATIC / name).read_bytes() for name in _TYPES}
_YEAR = "public, max-age=31536000, immutable"  # the address changes with the content


@router.get("/static/{name}")
@needs(Permission.PUBLIC)
def asset(name: Literal["style.css", "keys.js", "templates.js", "icon.svg"]) -> Response:
    """Give one asset."""
    return Response(_CONTENTS[name], media_type=_TYPES[name], headers={"Cache-Control": _YEAR})
