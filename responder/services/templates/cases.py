"""The cases that a template is looked at with: a sample, or a real request."""

from sqlalchemy import Connection

from responder.domain.reference import NoReferenceError, parse_reference
from responder.services.letter import Letter
from responder.services.letters import Letters
from responder.services.templates.desk import DeskError
from responder.storage.outbound import outbound_of_request
from responder.storage.outbox import read_facts
from responder.storage.requests import find_request


def letter_of_request(connection: Connection, letters: Letters, reference: str) -> Letter:
    """Give the facts of the newest message that was sent to the sender of a request.

    Raises:
        DeskError: there is no such request, or nothing was ever sent for it.
    """
    try:
        request = find_request(connection, parse_reference(reference))
    except NoReferenceError as error:
        raise DeskError(f"{reference!r}: {error}") from None
    if request is None:
        raise DeskError(f"there is no request {reference}")
    sent = outbound_of_request(connection, request["id"])
    facts = read_facts(connection, [sent[-1]["id"]]) if sent else ()
    if not facts:
        raise DeskError(f"nothing was sent yet to the sender of {reference}; choose a sample")
    return letters.make(dict(facts[0]))
