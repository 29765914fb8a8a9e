"""The queue."""

from fastapi import APIRouter
from starlette.responses import Response

from responder.domain.advice import AdviceKind
from responder.domain.products import PRODUCTS
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.flash import read_flash
from responder.faces.web.looks import TABS, LookError, LookQuery
from responder.faces.web.view import query
from responder.faces.web.visit import Here, go
from responder.services.review_actions import UnknownRequest

router = APIRouter()

ROWS = 50
_COUNTED = ("pleas", "plain", "follow-ups")


@router.get("/queue")
@needs(Permission.READ)
def queue(here: Here, look: LookQuery) -> Response:
    """List requests."""
    if look.reference:
        return go(f"/requests/{look.reference}")
    rows, after, error = [], None, None
    try:
        page = here.office.queue.list(look.wanted(here.person), limit=ROWS, after=look.after or None)
        rows, after = page.rows, page.after
    except (LookError, UnknownRequest) as problem:
        error = str(problem)
    return here.show(
        "queue.html",
        status=422 if error else 200,
        rows=rows,
        look=look,
        tabs={key: name for key, (name, _) in TABS.items()},
        counts={} if look.is_narrowed else {key: here.office.queue.count(TABS[key][1]) for key in _COUNTED},
        view=query(look.given),
        pager=(look.given, after, look.after),
        error=error,
        flash=read_flash(here),
        products=sorted({product.key for product in PRODUCTS}),
        advices=list(AdviceKind),
    )
