"""The second decision, written down: findings and advice on the request, and silence where nothing vouches.

All in one transaction: an answer that must not leave is cancelled, its slot and counts are given back, and a request
that nobody but a forger made is put on the shelf of its sender.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from itertools import groupby

from sqlalchemy import Connection, RowMapping

from responder.domain.address import IPAddress, ip_key
from responder.domain.advice import Advice
from responder.domain.disposition import Reason
from responder.domain.findings import Finding
from responder.domain.plea import AddressSource, Proof
from responder.domain.request import OPEN_STATES, RequestState, open_key, shelf_key
from responder.services.outbox import silence
from responder.storage import shelving
from responder.storage.findings import add_findings, store_advice
from responder.storage.intake import Row, lock_requests, update_requests
from responder.storage.pending import make_due

# What a person would not have sent: the request that it made is none.
_SHELVED_FOR = frozenset({Reason.FORGED, Reason.SPAM})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of the evidence about one message.

    Attributes:
        outbound_id: the answer that waits for it, None when none does.
        message_id: the message.
        request_id: its request.
        request_version: that of the request which the evidence is about.
        sender_key: its canonical sender.
        findings: all that was found.
        advice: what they speak for; None where they are about another address than the request.
        reason: why the answer must not leave; None when it may.
        refused_client: the client, where the evidence shows that it is the refused address; else None.
    """

    outbound_id: int | None
    message_id: int
    request_id: int
    request_version: int
    sender_key: str
    findings: tuple[Finding, ...]
    advice: Advice | None
    reason: Reason | None
    refused_client: IPAddress | None = None


def conclude(
    connection: Connection, verdicts: Sequence[Verdict], instance: str, at: datetime
) -> tuple[Sequence[RowMapping], Sequence[Verdict]]:
    """Write verdicts down and make the answers due that may leave.

    Gives the rows of the answers that are cancelled, and the verdicts that are about what their request says now. After
    a follow-up that says something else, advice about what it said before helps nobody and is not kept.

    Args:
        connection: in a transaction that may write.
        verdicts: what was decided.
        instance: by which the answers were claimed.
        at: the time.
    """
    rows = _lock(connection, verdicts)
    current = [one for one in verdicts if rows.get(one.request_id, {}).get("version") == one.request_version]
    make_due(connection, [one.outbound_id for one in verdicts if one.outbound_id is not None], instance, at)
    cancelled = _silence(connection, verdicts, at)
    moved = _shelve(connection, _forged(verdicts, cancelled), rows, at)
    _adopt_clients(connection, verdicts, rows, at)
    kept = [one for one in verdicts if moved.get(one.request_id, one.request_id) in rows]
    add_findings(
        connection,
        [
            (moved.get(one.request_id, one.request_id), one.message_id, finding)
            for one in kept
            for finding in one.findings
        ],
    )
    current = [one for one in current if one.request_id not in moved]
    store_advice(connection, [(one.request_id, one.advice) for one in current if one.advice])
    return cancelled, current


def _lock(connection: Connection, verdicts: Sequence[Verdict]) -> dict[int, Row]:
    """Give the requests of the verdicts, and those that they may have to do with, locked."""
    keys = {shelf_key(one.sender_key) for one in verdicts if one.reason in _SHELVED_FOR}
    keys |= {open_key(one.sender_key, one.refused_client) for one in verdicts if one.refused_client}
    rows = lock_requests(connection, sorted({one.request_id for one in verdicts}), sorted(keys))
    return {row["id"]: row for row in rows}


def _silence(connection: Connection, verdicts: Sequence[Verdict], at: datetime) -> list[RowMapping]:
    against = sorted((one for one in verdicts if one.reason and one.outbound_id), key=lambda one: str(one.reason))
    cancelled: list[RowMapping] = []
    for reason, group in groupby(against, key=lambda one: one.reason):
        if reason:
            cancelled += silence(connection, [one.outbound_id for one in group if one.outbound_id], reason, at)
    return cancelled


def _forged(verdicts: Iterable[Verdict], cancelled: Iterable[RowMapping]) -> list[Verdict]:
    """Give the verdicts for whose reason a request is none, and whose answer was still there to be cancelled."""
    ids = {row["id"] for row in cancelled}
    return [one for one in verdicts if one.outbound_id in ids and one.reason in _SHELVED_FOR]


def _shelve(
    connection: Connection, verdicts: Sequence[Verdict], rows: dict[int, Row], at: datetime
) -> Mapping[int, int]:
    """Put requests on the shelf that have no message of another kind; give where those went that were joined to one.

    A sender has one shelf: where there is one already, the request's messages join it, and the request is no more.
    """
    by_key = {bytes(row["open_key"]): row for row in rows.values() if row["open_key"]}
    empty = shelving.without_pleas(connection, {one.request_id for one in verdicts}, _SHELVED_FOR)
    moved: dict[int, int] = {}
    for one in verdicts:
        row = rows.get(one.request_id)
        if row is None or one.request_id not in empty or row["state"] != RequestState.WAITING:
            continue
        shelf = by_key.get(shelf_key(one.sender_key))
        if shelf is None:
            by_key[shelf_key(one.sender_key)] = row
            _put_on_shelf(connection, row, one, at)
        else:
            moved[one.request_id] = shelf["id"]
            _join_shelf(connection, row, shelf, one, at)
            del rows[one.request_id]
    return moved


def _put_on_shelf(connection: Connection, row: Row, verdict: Verdict, at: datetime) -> None:
    row |= {
        "state": RequestState.SHELVED,
        "open_key": shelf_key(verdict.sender_key),
        "version": row["version"] + 1,
        "unanswered": verdict.reason,
        "unread": False,
        "updated_at": at,
    }
    update_requests(connection, [row])
    shelving.note_shelved(connection, row["id"], verdict.reason, at)


def _join_shelf(connection: Connection, row: Row, shelf: Row, verdict: Verdict, at: datetime) -> None:
    shelf |= {"message_count": shelf["message_count"] + row["message_count"], "updated_at": at}
    update_requests(connection, [shelf])
    shelving.move_messages(connection, row["id"], shelf["id"])
    shelving.note_joined(connection, shelf["id"], row["reference"], verdict.reason, at)


def _adopt_clients(connection: Connection, verdicts: Sequence[Verdict], rows: Mapping[int, Row], at: datetime) -> None:
    """Let requests that name no address be about their client, where the evidence shows that it was refused."""
    by_key = {bytes(row["open_key"]): row["id"] for row in rows.values() if row["open_key"]}
    for one in verdicts:
        row = rows.get(one.request_id)
        if one.refused_client is None or row is None or row["address_key"] or row["state"] not in OPEN_STATES:
            continue
        key = open_key(one.sender_key, one.refused_client)
        if row["sender_key"] == one.sender_key and key not in by_key:
            row["open_key"] = key
            by_key[key] = row["id"]
        row |= {
            "address_key": ip_key(one.refused_client),
            "address_source": AddressSource.CLIENT,
            "networks": [str(ip_network(one.refused_client)), *row["networks"]],
            "proof": Proof.CLIENT,
            "version": row["version"] + 1,
            "updated_at": at,
        }
        update_requests(connection, [row])
        shelving.set_refused(connection, one.message_id, ip_key(one.refused_client), AddressSource.CLIENT)
