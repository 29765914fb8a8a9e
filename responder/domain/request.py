"""Exemption requests: states, events and the transitions between them."""

from enum import StrEnum


class RequestState(StrEnum):
    """Where a request stands."""

    SHELVED = "shelved"
    WAITING = "waiting"
    ASKED = "asked"
    APPROVED = "approved"
    DENIED = "denied"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"
