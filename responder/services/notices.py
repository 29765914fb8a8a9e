"""Messages to senders about decisions: notices, questions, warnings, and an answer that a person lets leave after all.

They go to the reverse-path. A bounce comes back to an own address that names the message, where there can be one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from responder.domain.address import IPNetwork, canonical_address, unwrapped_address
from responder.domain.identity import Identity
from responder.domain.outbound import Kind, OutboundState
from responder.services.acceptance import ANSWER_TEMPLATE
from responder.services.bounces import make_bounce_address
from responder.services.desk import Desk, ReviewTerms
from responder.services.review_actions import NotPossible
from responder.storage.decisions import add_outbound, find_correspondence, find_reply, mark_answered, requeue_reply
from responder.storage.ids import new_id


@dataclass(frozen=True, slots=True)
class Queued:
    """A message that is going to leave: its id, what it is, and when it is due."""

    outbound_id: int
    kind: Kind
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says of a decision.

    Attributes:
        network: what it is about.
        expires_at: when the exemption ends.
        reason: why, for the sender.
        paragraphs: keys of deny reasons.
        text: what else a person typed.
    """

    network: IPNetwork | None = None
    expires_at: datetime | None = None
    reason: str = ""
    paragraphs: tuple[str, ...] = ()
    text: str = ""

    def facts(self) -> dict[str, Any]:
        """Give it as JSON takes it."""
        return {
            "network": None if self.network is None else str(self.network),
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "reason": self.reason,
            "paragraphs": list(self.paragraphs),
            "text": self.text,
        }


def queue_notice(
    desk: Desk, request: RowMapping, kind: Kind, template: str, words: Words, *, due_at: datetime
) -> Queued | None:
    """Queue a message to the sender of a request; None where there is no reverse-path of theirs to send it to."""
    asked = find_correspondence(desk.connection, request["id"], request["sender_key"])
    if asked is None or desk.identity.is_own_address(asked["reverse_path"]):
        return None
    outbound_id = new_id()
    message_id = desk.identity.make_message_id(outbound_id)
    add_outbound(
        desk.connection,
        words.facts(),
        id=outbound_id,
        kind=kind,
        request_id=request["id"],
        message_id=asked["id"],
        recipient=recipient_of(asked["reverse_path"]),
        envelope_sender=_bounce_address(desk.terms, desk.identity, message_id),
        message_id_header=message_id,
        template=template,
        locale=request["locale"],
        created_at=desk.at,
        due_at=due_at,
        give_up_at=due_at + desk.terms.give_up_after,
    )
    return Queued(outbound_id, kind, due_at)


def recipient_of(reverse_path: str) -> str:
    """Give the mailbox behind a reverse-path: without the wrappings that lead a bounce back (BATV, SRS)."""
    unwrapped = unwrapped_address(reverse_path)
    return reverse_path if unwrapped == canonical_address(reverse_path) else unwrapped


def _bounce_address(terms: ReviewTerms, identity: Identity, message_id: str) -> str:
    return terms.bounce_address or make_bounce_address(identity, message_id) or terms.envelope_sender


def queue_answer(desk: Desk, request: RowMapping) -> Queued:
    """Queue the automatic answer to the newest message of a request's sender that got none.

    Raises:
        NotPossible: there is nobody to answer, or they were answered.
    """
    asked = find_correspondence(desk.connection, request["id"], request["sender_key"])
    if asked is None or desk.identity.is_own_address(asked["reverse_path"]):
        raise NotPossible(f"{request['reference']}: no message of it has a reverse-path that could be answered")
    reply = find_reply(desk.connection, asked["id"])
    give_up_at = desk.at + desk.terms.give_up_after
    if reply is not None and reply["state"] != OutboundState.CANCELLED:
        raise NotPossible(f"{request['reference']}: its last message has its answer, which is {reply['state']}")
    mark_answered(desk.connection, asked["id"])
    if reply is not None:
        requeue_reply(desk.connection, reply["id"], desk.at, give_up_at)
        return Queued(reply["id"], Kind.REPLY, desk.at)
    outbound_id = new_id()
    add_outbound(
        desk.connection,
        None,
        id=outbound_id,
        kind=Kind.REPLY,
        request_id=request["id"],
        message_id=asked["id"],
        recipient=asked["reverse_path"],
        envelope_sender=desk.terms.envelope_sender,
        message_id_header=desk.identity.make_message_id(outbound_id),
        template=ANSWER_TEMPLATE,
        locale=asked["locale"],
        created_at=desk.at,
        due_at=desk.at,
        give_up_at=give_up_at,
    )
    return Queued(outbound_id, Kind.REPLY, desk.at)
