"""Rows of the database as the objects that --json prints."""

from collections.abc import Mapping
from ipaddress import IPv6Address
from typing import Any

from responder.domain.plea import Certainty, Rejection, Software

Row = Mapping[Any, Any]


def address_text(key: bytes | None) -> str | None:
    """Give the address of a 16-byte key as text; a mapped one is IPv4."""
    if key is None:
        return None
    address = IPv6Address(key)
    return str(address.ipv4_mapped or address)


def request_object(row: Row) -> dict[str, Any]:
    """Give a request as `queue list` prints it."""
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
        "assignee": row["assignee_id"],
        "messages": row["message_count"],
        "subject": row["subject"],
        "opened_at": row["opened_at"],
        "updated_at": row["updated_at"],
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


def software_text(software: Mapping[str, Any] | None) -> str:
    """Give product and version in one cell."""
    if not software:
        return ""
    product = software.get("name") or software["product"]
    return f"{product} {software['version'] or ''}".strip()
