"""One request for a page: who asks, of what, and how to answer."""

from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from responder.faces.web.access import SignInNeeded, get_office, identify
from responder.faces.web.office import Office
from responder.faces.web.view import render
from responder.services.sign_in import Person

# What a page says after a change; a name stands in the address, so that nobody can make it say anything else.
_NOTICES = {
    "password": "The password is set; your other sessions have ended.",
    "sessions": "The sessions have ended.",
    "token-revoked": "The token is revoked.",
    "person-changed": "The person was changed.",
    "blocked": "The sender is blocked.",
    "unblocked": "The sender is answered again.",
    "exempted": "The network is exempt.",
    "revoked": "The exemption is revoked.",
    "retried": "The message leaves again now.",
    "cancelled": "The message will not leave.",
    "template-saved": "It is kept as a draft; nobody gets it yet.",
    "template-published": "It is published: whoever is answered from now on gets it.",
    "template-reverted": "The shipped text is in use again.",
}


class Visit:
    """A request for a page, and its answer.

    Attributes:
        request: the HTTP request.
        office: what the pages work with.
        visitor: who asks, None where nobody is signed in.
        database: of the office.
    """

    def __init__(
        self,
        request: Request,
        office: Annotated[Office, Depends(get_office)],
        visitor: Annotated[Person | None, Depends(identify)],
    ) -> None:
        self.request = request
        self.office = office
        self.visitor = visitor
        self.database = office.database

    @property
    def person(self) -> Person:
        """Who is signed in, where somebody must be.

        Raises:
            SignInNeeded: nobody is.
        """
        if self.visitor is None:
            raise SignInNeeded("/")
        return self.visitor

    def show(self, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Give the page that the file `template` makes of `context`."""
        always = {
            "person": self.visitor,
            "site": self.office.site,
            "now": self.database.now(),
            "path": self.request.url.path,
            "notice": _NOTICES.get(self.request.query_params.get("did", "")),
        }
        return HTMLResponse(render(template, always | context), status)

    def tell(self, text: str, *, status: int) -> HTMLResponse:
        """Give a page that says why something was not done."""
        return self.show("error.html", status=status, title=text)


def go(path: str) -> Response:
    """Send the browser to a page of ours, which it fetches with GET."""
    return RedirectResponse(path, 303)


Here = Annotated[Visit, Depends()]
"""The visit, as an endpoint asks for it."""
