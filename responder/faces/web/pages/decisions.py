"""Deciding about one request. What is decided happens at once; the next case opens, and says how to take it back."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from responder.domain.address import AddressError, IPNetwork, parse_network
from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.looks import LookQuery
from responder.faces.web.pages.request import Entered, show_case
from responder.faces.web.visit import Here, go
from responder.services.review_actions import (
    Action,
    Approve,
    Ask,
    Assign,
    Deny,
    Dismiss,
    MarkRead,
    Note,
    Promote,
    Recheck,
    Reopen,
    ReviewError,
    StaleDecision,
    Undo,
    UnknownRequest,
)

router = APIRouter(prefix="/requests/{reference}")

Text = Annotated[str, Form()]
_MOST_DIGITS = 5


class Sheet:
    """A form that was sent about one request.

    Args:
        here: who sent it.
        reference: the case.
        look: the list that they came from.
        seen: the version of the case that they saw.
        follow: the case that opens next; the list where there is none.
    """

    def __init__(
        self,
        here: Here,
        reference: str,
        look: LookQuery,
        seen: Annotated[int | None, Form()] = None,
        follow: Annotated[str, Form(max_length=20)] = "",
    ) -> None:
        self._here = here
        self._reference = reference
        self._look = look
        self._seen = seen
        self._follow = follow

    def do(self, action: Action, *, stays: bool = False) -> Response:
        """Do it and open what comes next, or stay; or show the case again with what was entered, and say why."""
        here = self._here
        try:
            outcome = here.office.review.decide(self._reference, action, here.person.actor, seen=self._seen)
        except UnknownRequest as error:
            return here.tell(str(error), status=404)
        except ReviewError as error:
            status = 409 if isinstance(error, StaleDecision) else 422
            return self.tell(type(action).__name__.lower(), str(error), asdict(action), status=status)
        return go(self._next_page(outcome.reference, outcome.reference if stays else self._follow))

    def tell(self, name: str, why: str, entered: dict[str, Any], *, status: int = 422) -> Response:
        """Show the case again: `why` the action `name` could not be done, and what was `entered`."""
        try:
            case = self._here.office.queue.show(self._reference)
        except UnknownRequest as error:
            return self._here.tell(str(error), status=404)
        return show_case(self._here, case, self._look, entered=Entered(name, entered, why), status=status)

    def _next_page(self, done: str, follow: str) -> str:
        values = urlencode(self._look.given | {"done": done})
        try:
            return f"/requests/{parse_reference(follow)}?{values}"
        except NoReferenceError:
            return f"/queue?{values}"


Sent = Annotated[Sheet, Depends()]


@router.post("/approve")
@needs(Permission.DECIDE)
def approve(
    sheet: Sent, *, network: Text = "", days: Text = "", reason: Text = "", text: Text = "", confirm: Text = ""
) -> Response:
    """Exempt a network and tell the sender."""
    try:
        action = Approve(read_optional_network(network), read_days(days), reason, text, read_optional_network(confirm))
    except FieldError as error:
        entered = {"network": network, "days": days, "reason": reason, "text": text, "confirm": confirm}
        return sheet.tell("approve", str(error), entered)
    return sheet.do(action)


@router.post("/deny")
@needs(Permission.DECIDE)
def deny(
    sheet: Sent, paragraphs: Annotated[tuple[str, ...], Form()] = (), reason: Text = "", text: Text = ""
) -> Response:
    """Refuse, and tell the sender why."""
    return sheet.do(Deny(paragraphs, reason, text))


@router.post("/ask")
@needs(Permission.DECIDE)
def ask(sheet: Sent, text: Text = "") -> Response:
    """Ask the sender something."""
    return sheet.do(Ask(text))


@router.post("/dismiss")
@needs(Permission.DECIDE)
def dismiss(sheet: Sent, block: Annotated[Literal["", "sender", "domain"], Form()] = "", reason: Text = "") -> Response:
    """Close without a word to the sender."""
    return sheet.do(Dismiss(block or None, reason))


@router.post("/note")
@needs(Permission.DECIDE)
def note(sheet: Sent, text: Text = "") -> Response:
    """Write something down for other staff."""
    return sheet.do(Note(text), stays=True)


@router.post("/assign")
@needs(Permission.DECIDE)
def assign(sheet: Sent, login: Text = "") -> Response:
    """Say who has it in hand."""
    return sheet.do(Assign(login.strip() or None), stays=True)


@router.post("/reopen")
@needs(Permission.DECIDE)
def reopen(sheet: Sent, reason: Text = "") -> Response:
    """Bring it back."""
    return sheet.do(Reopen(reason), stays=True)


@router.post("/promote")
@needs(Permission.DECIDE)
def promote(sheet: Sent, *, answer: Annotated[bool, Form()] = False) -> Response:
    """Take it from the shelf into the queue."""
    return sheet.do(Promote(answer), stays=True)


@router.post("/undo")
@needs(Permission.DECIDE)
def undo(sheet: Sent) -> Response:
    """Take an approval or a denial back."""
    return sheet.do(Undo(), stays=True)


@router.post("/recheck")
@needs(Permission.DECIDE)
def recheck(sheet: Sent) -> Response:
    """Have the evidence gathered again."""
    return sheet.do(Recheck(), stays=True)


@router.post("/mark-read")
@needs(Permission.DECIDE)
def mark_read(sheet: Sent) -> Response:
    """Say that what the sender wrote last was seen, and open the next one."""
    return sheet.do(MarkRead())


class FieldError(ValueError):
    """A field that cannot be used; its message is fit for people."""


def read_optional_network(text: str) -> IPNetwork | None:
    """Give the network that a field holds, None where it is empty.

    Raises:
        FieldError: it is none.
    """
    return read_network(text) if text.strip() else None


def read_network(text: str) -> IPNetwork:
    """Give the network that a field holds.

    Raises:
        FieldError: it is none.
    """
    try:
        return parse_network(text.strip())
    except AddressError as error:
        raise FieldError(f"This is no network such as 192.0.2.25 or 192.0.2.24/29: {error}.") from None


def read_days(text: str) -> int | None:
    """Give the number of days that a field holds, None where it is empty.

    Raises:
        FieldError: it is none.
    """
    digits = text.strip()
    if not digits:
        return None
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MOST_DIGITS:
        raise FieldError("The number of days is no number.")
    return int(digits)
