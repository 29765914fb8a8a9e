"""Outcomes as JSON keeps them, for calls that come again under their idempotency key."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from responder.domain.request import RequestState
from responder.services.review_actions import Outcome

_NUMBERS = ("exemption_id", "outbound_id")  # too large for what many programs read numbers as
_TIMES = ("expires_at", "due_at")
_LISTS = ("doubts", "related")


def write_outcome(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as JSON takes it; programs get the same."""
    written = asdict(outcome)
    written["network"] = None if outcome.network is None else str(outcome.network)
    written["overlaps"] = [str(network) for network in outcome.overlaps]
    written |= {name: list(written[name]) for name in _LISTS}
    written |= {name: written[name] and str(written[name]) for name in _NUMBERS}
    return written | {name: written[name] and written[name].isoformat() for name in _TIMES}


def read_outcome(written: Mapping[str, Any]) -> Outcome:
    """Give the outcome that `write_outcome` wrote."""
    values = dict(written)
    values |= {name: RequestState(values[name]) for name in ("before", "after")}
    values |= {name: values[name] and int(values[name]) for name in _NUMBERS}
    values |= {name: values[name] and datetime.fromisoformat(values[name]) for name in _TIMES}
    values |= {name: tuple(values[name]) for name in _LISTS}
    network = values["network"]
    return Outcome(
        **values
        | {
            "network": None if network is None else ip_network(network),
            "overlaps": tuple(ip_network(each) for each in values["overlaps"]),
        }
    )
