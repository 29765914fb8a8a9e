"""One message that was read, made ready for the database as far as that goes without asking it."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from responder.domain.address import canonical_address, domain_of, ip_key, sender_key, unwrapped_address
from responder.domain.disposition import Reason, is_from_postmaster
from responder.domain.envelope import Content, Envelope, RecipientKind
from responder.domain.header import find_body
from responder.domain.identity import Identity
from responder.domain.limits import Scope, count_keys
from responder.domain.plea import Rejection
from responder.domain.reading import Reading
from responder.domain.reference import find_references
from responder.domain.request import Effect, effect_of
from responder.services.bounces import is_failure_report, notices_named
from responder.storage.messages import compress
from responder.storage.text import storable

_ADDRESS_CHARACTERS = 320
_NAME_CHARACTERS = 255
_LINE_CHARACTERS = 1_000
_REFERENCES = 20
_NETWORKS = 16
_REPLY_TAG = "r-"

# A relay that tries again adds or changes these at the top, and nothing else.
_TRACE_FIELD = re.compile(
    rb"(?:received|return-path|delivered-to|authentication-results)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE
)


def receipt_key(envelope: Envelope, content: Content, message_id: str | None) -> bytes:
    """Give the 32 bytes by which a repeat of this message is known, whoever brings it (RFC 1047).

    They are the SHA-256 over reverse-path, Message-ID, and the message without the trace fields at its top.
    """
    header = content.kept[: find_body(content.kept)]
    start = 0
    while trace := _TRACE_FIELD.match(header, start):
        start = trace.end()
    digest = hashlib.sha256()
    for part in (envelope.reverse_path.encode("utf-8", "surrogatepass"), (message_id or "").encode(), header[start:]):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    digest.update(content.body_sha256)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the transaction needs to know of one message.

    Attributes:
        key: how a repeat of it is known.
        reading: what was read.
        sender_key: the canonical sender; that of From where the reverse-path is null.
        tokens: thread tokens that its recipients carry.
        message_ids: those Message-IDs of ours that it answers, or to whose reverse-path it came.
        bounced: those of them that it reports as undelivered.
        references: what stands in its subject like a reference.
        effect: what it does to requests.
        counts: under which an answer to it is counted.
        row: its columns of `messages`, save those that the transaction gives.
        request: the columns of the request that it would open, save those that the transaction gives.
        raw: its octets as they are stored.
    """

    key: bytes
    reading: Reading
    sender_key: str
    tokens: tuple[str, ...]
    message_ids: tuple[str, ...]
    bounced: tuple[str, ...]
    references: tuple[str, ...]
    effect: Effect
    counts: tuple[tuple[Scope, str], ...]
    row: dict[str, Any] = field(repr=False)
    request: dict[str, Any] = field(repr=False)
    raw: bytes = field(repr=False)


def make_arrival(reading: Reading, content: Content, identity: Identity, node: str) -> Arrival:
    """Make a message ready for storing; never fails, whatever the message holds."""
    envelope, message, plea = reading.envelope, reading.message, reading.plea
    sender = storable(sender_key(envelope.reverse_path) or sender_key(message.header_from), _ADDRESS_CHARACTERS)
    answered = (*message.in_reply_to[:_REFERENCES], *message.references[-_REFERENCES:])
    notices = notices_named(envelope, identity)
    row = _message_row(reading, content, node, sender)
    return Arrival(
        key=receipt_key(envelope, content, message.message_id),
        reading=reading,
        sender_key=sender,
        tokens=_tokens(envelope),
        message_ids=tuple(dict.fromkeys([*notices, *(one for one in answered if identity.made_message_id(one))])),
        bounced=notices if notices and is_failure_report(envelope, message) else (),
        references=find_references(message.subject),
        effect=_effect(reading),
        counts=tuple(count_keys(plea.client, sender).items()),
        row=row,
        request=_request_row(reading, row),
        raw=compress(content.kept),
    )


def _effect(reading: Reading) -> Effect:
    is_from_system = reading.decision.reason is Reason.SYSTEM_SENDER
    return effect_of(
        reading.decision,
        quotes_refusal=reading.plea.rejection is not None,
        from_postmaster=is_from_system and is_from_postmaster(reading.envelope, reading.message),
    )


def _tokens(envelope: Envelope) -> tuple[str, ...]:
    tags = (recipient.tag.lower() for recipient in envelope.recipients if recipient.tag)
    return tuple(storable(tag.removeprefix(_REPLY_TAG), _NAME_CHARACTERS) for tag in tags if tag.startswith(_REPLY_TAG))


def _message_row(reading: Reading, content: Content, node: str, sender: str) -> dict[str, Any]:
    envelope, message, plea = reading.envelope, reading.message, reading.plea
    is_for_bypass = any(recipient.kind is RecipientKind.BYPASS for recipient in envelope.recipients)
    return {
        "received_at": envelope.received_at,
        "node": node,
        "rcpt_kind": RecipientKind.BYPASS if is_for_bypass else RecipientKind.STAFF,
        "recipients": [storable(recipient.address, _ADDRESS_CHARACTERS) for recipient in envelope.recipients],
        "reverse_path": storable(envelope.reverse_path, _ADDRESS_CHARACTERS),
        "sender_key": sender,
        "header_from": storable(message.header_from, _ADDRESS_CHARACTERS),
        "client_key": ip_key(plea.client) if plea.client else None,
        "client_source": envelope.client_source,
        "helo_name": storable(envelope.helo_name, _NAME_CHARACTERS),
        "tls": envelope.tls,
        "message_id_header": message.message_id,
        "message_references": list(dict.fromkeys((*message.references[-_REFERENCES:], *message.in_reply_to[:1]))),
        "subject": storable(message.subject, _LINE_CHARACTERS),
        "size": content.size,
        "refused_key": ip_key(plea.address) if plea.address else None,
        "address_source": plea.address_source,
        "rejection": _rejection(plea.rejection),
        **_software(reading),
        "locale": plea.locale,
        "repeats": 0,
    }


def _software(reading: Reading) -> dict[str, Any]:
    software = reading.plea.software
    if software is None:
        return dict.fromkeys(f"software_{name}" for name in ("product", "version", "name", "certainty", "evidence"))
    return {
        "software_product": storable(software.product, _NAME_CHARACTERS),
        "software_version": software.version and storable(software.version, _NAME_CHARACTERS),
        "software_name": software.name and storable(software.name, _NAME_CHARACTERS),
        "software_certainty": software.certainty,
        "software_evidence": storable(software.evidence, _LINE_CHARACTERS),
    }


def _rejection(rejection: Rejection | None) -> dict[str, Any] | None:
    if rejection is None:
        return None
    return {
        "code": rejection.code,
        "enhanced": rejection.enhanced,
        "text": storable(rejection.text, _LINE_CHARACTERS),
        "by": rejection.by and storable(rejection.by, _NAME_CHARACTERS),
        "ours": rejection.ours,
        "cause": rejection.cause,
        "address": str(rejection.address) if rejection.address else None,
    }


def _request_row(reading: Reading, row: dict[str, Any]) -> dict[str, Any]:
    envelope, message, plea = reading.envelope, reading.message, reading.plea
    contact = unwrapped_address(envelope.reverse_path) or canonical_address(message.header_from)
    same = ("sender_key", "address_source", "client_key", "software_product", "software_version", "locale", "subject")
    return {name: row[name] for name in same} | {
        "contact": storable(contact, _ADDRESS_CHARACTERS),
        "domain": storable(domain_of(contact), _NAME_CHARACTERS),
        "address_key": row["refused_key"],
        "networks": [str(network) for network in plea.networks[:_NETWORKS]],
        "proof": plea.proof,
    }
