"""What is decided about outbound messages: not to send them after all, or to try again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from responder.domain.actor import Actor
from responder.domain.address import IPAddress, key_to_ip
from responder.domain.disposition import Reason
from responder.domain.limits import ReplySlot, count_keys, give_back, hour_of
from responder.domain.outbound import Kind
from responder.domain.roles import Permission
from responder.storage import outbox
from responder.storage.audit import note_event
from responder.storage.limits import Count, add_counts, lock_slots, read_counts, store_slots
from responder.storage.outbound import find_outbound
from responder.storage.silence import note_silence, read_askers

BY_HAND = "by-hand"


class OutboxError(Exception):
    """What was asked for cannot be done with this message; says why."""


def retry(connection: Connection, outbound_id: int, actor: Actor, now: datetime, give_up_after: timedelta) -> None:
    """Make a message that failed, or waits for its next attempt, due now; its schedule begins anew.

    Raises:
        OutboxError: there is no such message, it is in no state for that, or `actor` may not.
    """
    _require(actor)
    at = outbox.time_of(connection, now)
    done = outbox.retry(connection, outbound_id, at, at + give_up_after)
    row = _find(connection, outbound_id)
    if not done:
        raise OutboxError(_why_not(row))
    _note(connection, row, "retried", actor, now)


def cancel(connection: Connection, outbound_id: int, actor: Actor, now: datetime) -> None:
    """Keep a message that waits from leaving; an automatic answer gives its reply slot back.

    Raises:
        OutboxError: there is no such message, it does not wait, or `actor` may not.
    """
    _require(actor)
    done = withdraw(connection, [outbound_id], BY_HAND, outbox.time_of(connection, now))
    row = _find(connection, outbound_id)
    if not done:
        raise OutboxError(_why_not(row))
    _note(connection, row, "cancelled", actor, now)


def _require(actor: Actor) -> None:
    if not actor.may(Permission.SEND):
        raise OutboxError(f"{actor.name} is a {actor.role} and may not change what leaves")


def _find(connection: Connection, outbound_id: int) -> RowMapping:
    row = find_outbound(connection, outbound_id)
    if row is None:
        raise OutboxError(f"there is no outbound message {outbound_id}")
    return row


def _note(connection: Connection, row: RowMapping, event: str, actor: Actor, at: datetime) -> None:
    """Write down who did it, with the request that the message is about where it is about one."""
    data = {"outbound": str(row["id"]), "kind": row["kind"]}
    subject = ("request", row["request_id"]) if row["request_id"] else ("outbound", row["id"])
    note_event(connection, subject, event, actor, at, data=data)


def silence(connection: Connection, ids: Collection[int], reason: Reason, at: datetime) -> Sequence[RowMapping]:
    """Turn automatic answers that wait into silence for `reason`: a decision that came late. Gives their rows."""
    cancelled = withdraw(connection, ids, reason, at)
    askers = read_askers(connection, [row["message_id"] for row in cancelled])
    note_silence(connection, askers, reason, at)
    return cancelled


def withdraw(connection: Connection, ids: Collection[int], reason: str, at: datetime) -> Sequence[RowMapping]:
    """Cancel those messages that wait, and give back slots and counts of the automatic answers among them."""
    cancelled = outbox.cancel(connection, ids, reason, at)
    answered = [row["message_id"] for row in cancelled if row["kind"] == Kind.REPLY and row["message_id"]]
    askers = read_askers(connection, answered)
    _give_slots_back(connection, askers)
    _give_counts_back(connection, askers, at)
    return cancelled


def _give_slots_back(connection: Connection, askers: Sequence[RowMapping]) -> None:
    slots = lock_slots(connection, {asker["sender_key"] for asker in askers})
    for asker in askers:
        if slot := slots.get(asker["sender_key"]):
            slots[asker["sender_key"]] = _without(slot, asker)
    if slots:
        store_slots(connection, slots, set(slots))


def _without(slot: ReplySlot, asker: RowMapping) -> ReplySlot:
    """Give the slot back under the address that it was taken for; the request may have learnt it only later."""
    for key in (asker["about_key"], asker["refused_key"], None):
        after = give_back(slot, _ip(key))
        if after != slot:
            return after
    return slot


def _give_counts_back(connection: Connection, askers: Sequence[RowMapping], at: datetime) -> None:
    """Give counts of this hour back; those of past hours are of no use any more."""
    hour = hour_of(at)
    fewer: dict[Count, int] = {}
    for asker in askers:
        if hour_of(asker["received_at"]) == hour:
            for count in count_keys(_ip(asker["client_key"]), asker["sender_key"]).items():
                fewer[count] = fewer.get(count, 0) - 1
    kept = read_counts(connection, hour, fewer) if fewer else {}
    if kept:
        add_counts(connection, hour, {count: max(fewer[count], -kept[count]) for count in kept})


def _ip(key: bytes | None) -> IPAddress | None:
    return key_to_ip(bytes(key)) if key else None


def _why_not(row: RowMapping) -> str:
    state = "being handed over" if row["claimed_by"] else row["state"]
    return f"outbound message {row['id']} is {state}"
