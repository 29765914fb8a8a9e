"""Rows of the database as the objects that programs get, from the command line and from the API alike."""

from collections.abc import Collection, Mapping
from datetime import datetime
from ipaddress import IPv6Address
from typing import Any

from responder.domain.exemption import flags
from responder.domain.plea import Certainty, Rejection, Software

Row = Mapping[Any, Any]


def address_text(key: bytes | None) -> str | None:
    """Give the address of a 16-byte key as text; a mapped one is IPv4."""
    if key is None:
        return None
    address = IPv6Address(key)
    return str(address.ipv4_mapped or address)


def request_object(row: Row, people: Mapping[int, str]) -> dict[str, Any]:
    """Give a request as `queue list` prints it; `people` has the logins of assignees."""
    product = row["software_product"]
    return {
        "reference": row["reference"],
        "state": row["state"],
        "unanswered": row["unanswered"],
        "address": address_text(row["address_key"]),
        "networks": row["networks"],
        "address_source": row["address_source"],
        "client": address_text(row["client_key"]),
        "proof": row["proof"],
        "domain": row["domain"],
        "contact": row["contact"],
        "software": product and {"product": product, "version": row["software_version"]},
        "advice": row["advice"],
        "reasons": row["advice_reasons"],
        "assignee": people.get(row["assignee_id"]),
        "messages": row["message_count"],
        "unread": row["unread"],
        "subject": row["subject"],
        "opened_at": row["opened_at"],
        "updated_at": row["updated_at"],
    }


def request_details(row: Row, people: Mapping[int, str]) -> dict[str, Any]:
    """Give a request as `queue show` prints it, without the lists of what belongs to it.

    `version` is what a decision names that wants to be refused if somebody else decides first.
    """
    return request_object(row, people) | {
        "id": str(row["id"]),
        "version": row["version"],
        "locale": row["locale"],
        "lapse_at": row["lapse_at"],
        "decided_at": row["decided_at"],
        "decided_by": row["decided_by"],
    }


def message_object(row: Row) -> dict[str, Any]:
    """Give a message as `messages list` prints it; ids are text, since many programs read numbers as floats."""
    return {
        "id": str(row["id"]),
        "reference": row["reference"],
        "request": row["request"],
        "received_at": row["received_at"],
        "disposition": row["disposition"],
        "reason": row["reason"],
        "reverse_path": row["reverse_path"],
        "client": address_text(row["client_key"]),
        "address": address_text(row["refused_key"]),
        "subject": row["subject"],
        "size": row["size"],
        "repeats": row["repeats"],
    }


def message_details(row: Row) -> dict[str, Any]:
    """Give a message as `messages show` prints it."""
    return message_object(row) | {
        "recipients": row["recipients"],
        "from": row["header_from"],
        "message_id": row["message_id_header"],
        "helo_name": row["helo_name"],
        "client_source": row["client_source"],
        "tls": row["tls"],
        "address_source": row["address_source"],
        "rejection": row["rejection"],
        "software": software_object(_software(row)),
        "locale": row["locale"],
        "node": row["node"],
    }


def _software(row: Row) -> Software | None:
    if not row["software_product"]:
        return None
    certainty = Certainty(row["software_certainty"])
    return Software(
        row["software_product"], row["software_version"], row["software_name"], certainty, row["software_evidence"]
    )


def outbound_object(row: Row) -> dict[str, Any]:
    """Give an outbound message as `outbox list` prints it."""
    reply = " ".join(str(part) for part in (row["last_code"], row["last_text"]) if part is not None)
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "state": row["state"],
        "request": row["request"],
        "recipient": row["recipient"],
        "message_id": row["message_id_header"],
        "attempts": row["attempts"],
        "due_at": row["due_at"] if row["state"] == "queued" else None,
        "sent_at": row["settled_at"] if row["state"] in {"sent", "bounced"} else None,
        "last_reply": reply or None,
    }


def outbound_details(row: Row) -> dict[str, Any]:
    """Give an outbound message as `outbox show` prints it."""
    return outbound_object(row) | {
        "envelope_sender": row["envelope_sender"],
        "reason": row["reason"],
        "template": row["template"],
        "template_version": row["template_version"],
        "locale": row["locale"],
        "created_at": row["created_at"],
        "give_up_at": row["give_up_at"],
        "settled_at": row["settled_at"],
        "message": row["message_id"] and str(row["message_id"]),
    }


def event_object(row: Row) -> dict[str, Any]:
    """Give an event of the timeline."""
    return {
        "at": row["at"],
        "actor": row["actor_id"] or row["actor_kind"],
        "event": row["event"],
        "from_state": row["from_state"],
        "to_state": row["to_state"],
        "data": row["data"],
    }


def finding_object(row: Row, at: datetime) -> dict[str, Any]:
    """Give a finding with its age at the time `at`."""
    return {
        "check": row["check"],
        "subject": row["subject"],
        "result": row["result"],
        "value": row["value"],
        "source": row["source"],
        "observed_at": row["observed_at"],
        "age_seconds": max(round((at - row["observed_at"]).total_seconds()), 0),
        "ttl_seconds": row["ttl_seconds"],
    }


def exemption_object(row: Row, at: datetime, reverse_names: Collection[str]) -> dict[str, Any]:
    """Give an exemption as `exemptions list` prints it, as it is at the time `at`.

    `state` is `active`, `expired` or `revoked`, `flags` is why somebody should look at it again.
    """
    used_at = row["last_used_at"] or row["created_at"]
    found = flags(at=at, used_at=used_at, expires_at=row["expires_at"], reverse_names=reverse_names)
    is_over = "expired" if row["expires_at"] <= at else "active"
    return {
        "id": str(row["id"]),
        "network": f"{address_text(row['first_key'])}/{row['prefix_length']}",
        "state": "revoked" if row["revoked_at"] else is_over,
        "flags": [] if row["revoked_at"] else list(found),
        "request": row["request"],
        "reason": row["reason"],
        "created_at": row["created_at"],
        "created_by": row["created_by"],
        "expires_at": row["expires_at"],
        "revoked_at": row["revoked_at"],
        "revoked_by": row["revoked_by"],
        "last_used_at": row["last_used_at"],
        "uses": row["uses"],
    }


def blocked_object(row: Row) -> dict[str, Any]:
    """Give a blocked sender or domain as `blocked list` prints it."""
    return {name: row[name] for name in ("pattern", "reason", "created_at", "created_by")}


def software_object(software: Software | None) -> dict[str, Any] | None:
    """Give the software of a refused server; `name` only where the product has no key of its own."""
    if software is None:
        return None
    name = {"name": software.name} if software.product == "other" else {}
    return {
        "product": software.product,
        **name,
        "version": software.version,
        "certainty": software.certainty,
        "evidence": software.evidence,
    }


def rejection_object(rejection: Rejection | None) -> dict[str, Any] | None:
    """Give the refusal that a message quotes."""
    if rejection is None:
        return None
    return {
        "code": rejection.code,
        "enhanced": rejection.enhanced,
        "text": rejection.text,
        "by": rejection.by,
        "ours": rejection.ours,
        "cause": rejection.cause,
    }
