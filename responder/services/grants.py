"""Exempting a network and taking that back, in the transaction of whoever decides; other processes see the serial."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from sqlalchemy import RowMapping

from responder.domain.address import IPNetwork, key_to_ip
from responder.services.desk import Desk
from responder.storage.audit import note_event
from responder.storage.exemptions import (
    add_exemption,
    change_exemption,
    find_overlapping,
    lock_exemption,
    lock_network,
)
from responder.storage.ids import new_id
from responder.storage.serials import EXEMPTIONS, raise_serial

_RESTORED = ("request_id", "reason", "expires_at", "warned_at")


@dataclass(frozen=True, slots=True)
class Grant:
    """An exemption that was made or renewed.

    Attributes:
        exemption_id: its id.
        network: what it covers.
        expires_at: when it ends.
        renews: it was active already.
        overlaps: other active exemptions that hold the network, or lie in it.
        before: what it was before it was renewed, as JSON takes it; None for a new one.
    """

    exemption_id: int
    network: IPNetwork
    expires_at: datetime
    renews: bool
    overlaps: tuple[IPNetwork, ...]
    before: dict[str, Any] | None


def grant(desk: Desk, network: IPNetwork, *, expires_at: datetime, reason: str, request_id: int | None = None) -> Grant:
    """Exempt `network`; one that is not revoked is renewed, and never made to end earlier than it would."""
    overlaps = tuple(network_of(row) for row in find_overlapping(desk.connection, network, desk.at))
    known = lock_network(desk.connection, network)
    if known is None:
        made = Grant(new_id(), network, expires_at, False, overlaps, None)
        add_exemption(
            desk.connection,
            network,
            id=made.exemption_id,
            request_id=request_id,
            reason=reason,
            created_at=desk.at,
            created_by=desk.actor.name,
            expires_at=expires_at,
        )
    else:
        latest = max(known["expires_at"], expires_at)
        before = {name: _plain(known[name]) for name in _RESTORED}
        made = Grant(known["id"], network, latest, known["expires_at"] > desk.at, overlaps, before)
        values = {"expires_at": latest, "reason": reason or known["reason"], "warned_at": None}
        change_exemption(desk.connection, known["id"], **values, request_id=request_id or known["request_id"])
    data = {"network": str(network), "expires_at": made.expires_at.isoformat(), "reason": reason}
    _note(desk, made.exemption_id, "renewed" if made.renews else "added", data)
    return made


def revoke(desk: Desk, exemption: RowMapping, *, reason: str) -> None:
    """Take an exemption back."""
    change_exemption(desk.connection, exemption["id"], revoked_at=desk.at, revoked_by=desk.actor.name)
    _note(desk, exemption["id"], "revoked", {"network": str(network_of(exemption)), "reason": reason})


def take_back(desk: Desk, exemption_id: int, before: dict[str, Any] | None, *, request_id: int) -> None:
    """Undo what `grant` did for a request: revoke what was new, restore what was renewed and is as in `before`.

    An exemption that another request was granted since stays as it is.
    """
    exemption = lock_exemption(desk.connection, exemption_id)
    if exemption is None or exemption["revoked_at"] is not None or exemption["request_id"] != request_id:
        return
    if before is None:
        revoke(desk, exemption, reason="undone")
        return
    change_exemption(desk.connection, exemption_id, **{name: _read(name, before[name]) for name in _RESTORED})
    _note(desk, exemption_id, "restored", before)


def _note(desk: Desk, exemption_id: int, event: str, data: dict[str, Any]) -> None:
    note_event(desk.connection, ("exemption", exemption_id), event, desk.actor, desk.at, data=data)
    raise_serial(desk.connection, EXEMPTIONS)


def network_of(row: RowMapping) -> IPNetwork:
    """Give the network of an exemption's row."""
    return ip_network((key_to_ip(bytes(row["first_key"])), row["prefix_length"]))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> Any:
    return datetime.fromisoformat(value) if name.endswith("_at") and value else value
