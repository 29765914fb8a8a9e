"""Findings of requests: only ever added to; of several about the same thing the newest counts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, select, update

from responder.domain.advice import Advice
from responder.domain.findings import Check, Finding
from responder.storage.ids import new_id
from responder.storage.rows import read_rows, write_rows
from responder.storage.schema import requests
from responder.storage.schema_desk import findings
from responder.storage.text import storable

_MOST_READ = 1_000
_TEXT_CHARACTERS = 500


def add_findings(connection: Connection, found: Iterable[tuple[int, int | None, Finding]]) -> None:
    """Add findings, each with the ids of its request and of the message that it was made for."""
    rows = [_row(request_id, message_id, finding) for request_id, message_id, finding in found]
    if rows:
        write_rows(connection, _INSERT, rows)


_INSERT = insert(findings)


def _row(request_id: int, message_id: int | None, finding: Finding) -> dict[str, Any]:
    return {
        "id": new_id(),
        "request_id": request_id,
        "message_id": message_id,
        "check": finding.check,
        "subject": storable(finding.subject, _TEXT_CHARACTERS),
        "result": finding.result,
        "value": storable(finding.value, _TEXT_CHARACTERS),
        "source": storable(finding.source, _TEXT_CHARACTERS),
        "observed_at": finding.observed_at,
        "ttl_seconds": finding.ttl_seconds,
    }


def newest_findings(connection: Connection, request_id: int) -> Sequence[RowMapping]:
    """Give of each thing that was looked up for a request the newest finding, in the order in which they are shown."""
    query = select(findings).where(findings.c.request_id == request_id)
    newest: dict[tuple[str, ...], RowMapping] = {}
    for row in connection.execute(query.order_by(findings.c.id.desc()).limit(_MOST_READ)).mappings():
        detail = row["value"] if row["check"] == Check.DKIM else ""  # one domain may sign with several keys
        newest.setdefault((row["check"], row["subject"], row["source"], detail), row)
    order = list(Check)
    return sorted(newest.values(), key=lambda row: (order.index(Check(row["check"])), row["id"]))


def read_about_addresses(
    connection: Connection, requests_of: Mapping[int, int | None]
) -> dict[int, list[dict[str, Any]]]:
    """Give what was found out about refused addresses for messages, by their ids, oldest first.

    `requests_of` gives the request of each message, by which findings are found.
    """
    given = {"request_ids": set(requests_of.values()) - {None}, "message_ids": requests_of.keys()}
    found: dict[int, list[dict[str, Any]]] = {}
    for row in read_rows(connection, _ABOUT_ADDRESSES, given) if given["request_ids"] else ():
        found.setdefault(row["message_id"], []).append(row)
    return found


_ABOUT_ADDRESSES = (
    select(*(findings.c[name] for name in ("message_id", "check", "subject", "result", "value", "source")))
    .where(
        findings.c.request_id.in_(bindparam("request_ids", expanding=True)),
        findings.c.check.in_([str(check) for check in (Check.LISTING, Check.REVERSE_NAME, Check.GENERATED_NAME)]),
        findings.c.message_id.in_(bindparam("message_ids", expanding=True)),
    )
    .order_by(findings.c.id)
)


def store_advice(connection: Connection, advised: Iterable[tuple[int, Advice]]) -> None:
    """Write down what the findings speak for, by the ids of requests."""
    rows = [
        {"which": request_id, "kind": advice.kind, "why": [storable(one, _TEXT_CHARACTERS) for one in advice.reasons]}
        for request_id, advice in advised
    ]
    if rows:
        write_rows(connection, _ADVISE, rows)


_ADVISE = (
    update(requests)
    .where(requests.c.id == bindparam("which"))
    .values(advice=bindparam("kind"), advice_reasons=bindparam("why"))
)
