"""Bounces of our notices: each notice has a reverse-path of its own, so that what comes back names it.

The address is `bypass+b-TOKEN@`, and the token the left half of the notice's Message-ID, which carries our own mark:
nobody can make one for a message that we did not send.
"""

import re
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from responder.domain.actor import SERVICE
from responder.domain.envelope import Envelope
from responder.domain.identity import Identity
from responder.domain.message import InboundMessage, PartKind
from responder.storage.audit import note_event
from responder.storage.bounces import mark_bounced

_BOUNCE_TAG = "b-"
# RFC 3464 section 2.3.3: what a report says of one recipient.
_FAILED = re.compile(r"^action[ \t]*:[ \t]*failed\b", re.IGNORECASE | re.MULTILINE)
_READ_CHARACTERS = 16 * 1024


def make_bounce_address(identity: Identity, message_id: str) -> str | None:
    """Give the reverse-path of the notice with this Message-ID; None where plus-addressing does not work."""
    if not identity.plus_addressing:
        return None
    local, _, domain = identity.bypass_addresses[0].rpartition("@")
    return f"{local}+{_BOUNCE_TAG}{message_id.strip('<>').rpartition('@')[0]}@{domain}"


def notices_named(envelope: Envelope, identity: Identity) -> tuple[str, ...]:
    """Give the Message-IDs of those notices of ours to whose own reverse-paths a message came."""
    domain = identity.bypass_addresses[0].rpartition("@")[2]
    tags = (recipient.tag.lower() for recipient in envelope.recipients if recipient.tag)
    ids = (f"<{tag.removeprefix(_BOUNCE_TAG)}@{domain}>" for tag in tags if tag.startswith(_BOUNCE_TAG))
    return tuple(message_id for message_id in ids if identity.made_message_id(message_id))


def is_failure_report(envelope: Envelope, message: InboundMessage) -> bool:
    """Tell whether a message says that something could not be delivered, and not only that it is late.

    That is a delivery status notification in which some action is `failed` (RFC 3464), or, from programs that know
    none, any message with a null reverse-path that is no automatic reply (RFC 3834 section 5).
    """
    reports = [
        part.text[:_READ_CHARACTERS] for part in message.parts if part.kind is PartKind.REPORT and not part.depth
    ]
    if reports:
        return any(_FAILED.search(report) for report in reports)
    is_automatic_reply = (message.header.first("auto-submitted") or "").strip().lower().startswith("auto-replied")
    return not envelope.reverse_path and not is_automatic_reply


def note_bounces(connection: Connection, message_ids: Collection[str], at: datetime) -> int:
    """Mark the notices with these Message-IDs as bounced and their requests as unread; give how many there were.

    Args:
        connection: in a transaction that may write.
        message_ids: what `notices_named` gave for messages of which `is_failure_report` is true.
        at: when the report came.
    """
    bounced = mark_bounced(connection, message_ids, at)
    for row in bounced:
        if row["request_id"]:
            data = {"outbound": str(row["id"]), "kind": row["kind"]}
            note_event(connection, ("request", row["request_id"]), "bounced", SERVICE, at, data=data)
    return len(bounced)
