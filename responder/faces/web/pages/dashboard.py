"""How it goes, to be left on a wall."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.visit import Here
from responder.services.dashboard import Hour, read_figures

router = APIRouter()

_WIDTH, _HEIGHT = 720, 160
_LABEL_WIDTH = 64
_GAP = 2
_LABEL_HOURS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the drawing: where it stands and how high its two parts are."""

    x: float
    width: float
    answered: float
    silent: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """The hours as bars in a box; `top` is the number at its upper edge, `labels` stand under it."""

    width: int
    height: int
    top: int
    bars: Sequence[Bar]
    labels: Sequence[tuple[float, str]]


@router.get("/dashboard")
@needs(Permission.READ)
def dashboard(here: Here) -> Response:
    """Show the figures."""
    look = partial(read_figures, now=here.database.now(), overdue_after=here.office.site.overdue_after)
    figures = here.database.read(look)
    return here.show("dashboard.html", figures=figures, drawing=draw(figures.hours))


def draw(hours: Sequence[Hour]) -> Drawing:
    """Give the hours as bars."""
    top = _round_up(max((hour.came for hour in hours), default=0))
    step = _WIDTH / max(len(hours), 1)
    bars = [
        Bar(
            round(number * step, 1),
            round(step - _GAP, 1),
            round(_HEIGHT * hour.answered / top, 1),
            round(_HEIGHT * (hour.came - hour.answered) / top, 1),
        )
        for number, hour in enumerate(hours)
    ]
    labels = [
        (round(number * step, 1), hour.at.strftime("%a %H:%M"))
        for number, hour in enumerate(hours)
        if not hour.at.hour % 12 and number * step + _LABEL_WIDTH <= _WIDTH
    ]
    return Drawing(_WIDTH, _HEIGHT, top, bars, labels)


def _round_up(number: int) -> int:
    """Give the next number that is easy to read: 1, 2 or 5 with noughts."""
    nice = 1
    while True:
        for factor in (1, 2, 5):
            if nice * factor >= number:
                return nice * factor
        nice *= 10
