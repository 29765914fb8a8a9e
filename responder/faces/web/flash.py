"""What the next page says of a decision, and how to take it back: the address holds the case, the database the rest."""

from dataclasses import dataclass
from datetime import datetime

from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.request import RequestState
from responder.faces.web.visit import Visit
from responder.services.review_actions import UnknownRequest

_UNDONE = frozenset({RequestState.APPROVED, RequestState.DENIED})
_NOTICES = frozenset({"notice"})


@dataclass(frozen=True, slots=True)
class Flash:
    """A case that was decided just now.

    Attributes:
        reference: the case.
        state: in which it is.
        undo_until: until when the decision can be taken back, None where it cannot (any more).
        related: how many open cases there are of the same address or network.
        address: the address that they share.
        version: of the case, for whoever takes the decision back.
    """

    reference: str
    state: str
    undo_until: datetime | None
    related: int
    address: str | None
    version: int


def read_flash(here: Visit) -> Flash | None:
    """Give the case that the address names as decided (`done`), None without one."""
    try:
        reference = parse_reference(here.request.query_params.get("done", ""))
        case = here.office.queue.show(reference)
        related = here.office.queue.related(reference)
    except (NoReferenceError, UnknownRequest):
        return None
    undo_until = _undo_until(case, here.database.now())
    return Flash(reference, case["state"], undo_until, len(related), case["address"], case["version"])


def _undo_until(case: dict[str, object], now: datetime) -> datetime | None:
    if case["state"] not in _UNDONE:
        return None
    replies = case["replies"]
    assert isinstance(replies, list)  # noqa: S101 - `Queue.show` says so
    waiting = [each["due_at"] for each in replies if each["kind"] in _NOTICES and each["state"] == "queued"]
    return next((due for due in waiting if due and due > now), None)
