"""What each action does to a request: one function for each, in the transaction of the decision."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from responder.domain.address import IPNetwork, domain_of, key_to_ip, parse_network
from responder.domain.exemption import Doubt, ExemptionError, doubts, expiry
from responder.domain.outbound import Kind
from responder.domain.plea import Proof
from responder.domain.request import RequestEvent, RequestState
from responder.services.desk import Desk, clean_text, last_change
from responder.services.grants import grant, take_back
from responder.services.notices import Queued, Words, queue_answer, queue_notice
from responder.services.outbox import withdraw
from responder.services.review_actions import (
    Action,
    Approve,
    Ask,
    Assign,
    Deny,
    Dismiss,
    MarkRead,
    Note,
    NoticeHasLeft,
    Outcome,
    Promote,
    Recheck,
    Reopen,
    ReviewError,
    TooWide,
    Unconfirmed,
    Undo,
    UnknownRequest,
)
from responder.storage.audit import find_newest
from responder.storage.blocked import block
from responder.storage.decisions import change_request, find_waiting, withdraw_notice, withdraw_untried
from responder.storage.requests import find_related
from responder.storage.staff import find_person

_MOST_PARAGRAPHS = 10
_DECIDED = {RequestState.APPROVED: "approved", RequestState.DENIED: "denied"}


def approve(desk: Desk, request: RowMapping, action: Approve) -> Outcome:
    """Exempt a network, and queue the notice that says so."""
    desk.require_possible(request, RequestEvent.APPROVE)
    network = action.network or _network_asked_for(request)
    uncertain = _confirm(desk, request, network, action)
    reason, text = clean_text(action.reason, "reason"), clean_text(action.text, "text")
    try:
        desk.terms.rules.check(network, desk.actor.role)
        expires_at = expiry(desk.at, action.days, desk.terms.exemption_for)
    except ExemptionError as error:
        raise TooWide(f"{request['reference']}: {error}") from None
    made = grant(desk, network, expires_at=expires_at, reason=reason, request_id=request["id"])
    words = Words(network, made.expires_at, text=text)
    queued = _decide(desk, request, "approved", words)
    data = {
        "network": str(network),
        "expires_at": made.expires_at.isoformat(),
        "reason": reason,
        "exemption": str(made.exemption_id),
        "before": made.before,
        "outbound": _id_text(queued),
    }
    after = desk.move(request, RequestEvent.APPROVE, data, **_decided(desk))
    return replace(
        _outcome(request, "approve", after, queued),
        network=network,
        expires_at=made.expires_at,
        exemption_id=made.exemption_id,
        renews=made.renews,
        overlaps=made.overlaps,
        doubts=uncertain,
        related=_related(desk, request, network),
    )


def _network_asked_for(request: RowMapping) -> IPNetwork:
    if request["address_key"]:
        return parse_network(str(key_to_ip(bytes(request["address_key"]))))
    if len(request["networks"]) == 1:
        return parse_network(request["networks"][0])
    raise ReviewError(f"{request['reference']}: it names no single address; say which network to exempt")


def _confirm(desk: Desk, request: RowMapping, network: IPNetwork, action: Approve) -> tuple[Doubt, ...]:
    """Give why the network must be typed once more.

    Raises:
        Unconfirmed: it was not.
    """
    address = key_to_ip(bytes(request["address_key"])) if request["address_key"] else None
    asked = [parse_network(text) for text in request["networks"]]
    found = doubts(network, address=address, asked=asked, proof=Proof(request["proof"]))
    if found and action.confirm != network and not desk.is_dry:
        why = {Doubt.UNPROVEN: "nothing proves that it is the sender's", Doubt.NOT_ASKED_FOR: "nobody asked for it"}
        causes = " and ".join(why[doubt] for doubt in found)
        raise Unconfirmed(
            f"{request['reference']}: {causes}; to exempt it all the same, confirm {network}",
            network=network,
            doubts=tuple(found),
        )
    return found


def deny(desk: Desk, request: RowMapping, action: Deny) -> Outcome:
    """Refuse, and queue the notice that says why."""
    desk.require_possible(request, RequestEvent.DENY)
    if len(action.paragraphs) > _MOST_PARAGRAPHS:
        raise ReviewError(f"at most {_MOST_PARAGRAPHS} reasons can be given at once")
    reason, text = clean_text(action.reason, "reason"), clean_text(action.text, "text")
    words = Words(reason=reason, paragraphs=action.paragraphs, text=text)
    queued = _decide(desk, request, "denied", words)
    data = {
        "reason": reason,
        "paragraphs": list(action.paragraphs),
        "text": text,
        "outbound": _id_text(queued),
    }
    after = desk.move(request, RequestEvent.DENY, data, **_decided(desk))
    return replace(_outcome(request, "deny", after, queued), related=_related(desk, request, None))


def _decide(desk: Desk, request: RowMapping, template: str, words: Words) -> Queued | None:
    """Queue the notice of a decision; a question that waits is asked no more."""
    withdraw_untried(desk.connection, request["id"], (Kind.QUESTION,), "decided", desk.at)
    return queue_notice(desk, request, Kind.NOTICE, template, words, due_at=desk.at + desk.terms.undo_for)


def ask(desk: Desk, request: RowMapping, action: Ask) -> Outcome:
    """Ask the sender, and wait for the answer."""
    desk.require_possible(request, RequestEvent.ASK)
    text = clean_text(action.text, "question", is_needed=True)
    queued = queue_notice(desk, request, Kind.QUESTION, "question", Words(text=text), due_at=desk.at)
    if queued is None:
        raise ReviewError(f"{request['reference']}: there is no address to which a question could be sent")
    lapse_at = desk.at + desk.terms.lapse_after if desk.terms.lapse_after else None
    data = {"text": text, "outbound": str(queued.outbound_id)}
    after = desk.move(request, RequestEvent.ASK, data, lapse_at=lapse_at)
    return _outcome(request, "ask", after, queued)


def note(desk: Desk, request: RowMapping, action: Note) -> Outcome:
    """Write something down."""
    desk.note(request, "noted", {"text": clean_text(action.text, "note", is_needed=True)})
    return _unmoved(request, "note")


def assign(desk: Desk, request: RowMapping, action: Assign) -> Outcome:
    """Say who has the request in hand."""
    person = find_person(desk.connection, action.login) if action.login else None
    if action.login and (person is None or person["disabled_at"] is not None):
        raise UnknownRequest(f"there is nobody with the login {action.login}")
    change_request(desk.connection, request["id"], assignee_id=person and person["id"])
    desk.note(request, "assigned", {"login": action.login})
    return _unmoved(request, "assign")


def reopen(desk: Desk, request: RowMapping, action: Reopen) -> Outcome:
    """Bring a closed request back; what was to tell its sender of a decision that holds no more is not told.

    An exemption holds until it is revoked, and the sender of one that was approved is told of it all the same.
    """
    desk.require_possible(request, RequestEvent.REOPEN)
    reason = clean_text(action.reason, "reason")
    if request["state"] != RequestState.APPROVED:
        withdraw_untried(desk.connection, request["id"], (Kind.NOTICE,), "reopened", desk.at)
    after = desk.move(request, RequestEvent.REOPEN, {"reason": reason}, **_UNDECIDED)
    return _outcome(request, "reopen", after)


def promote(desk: Desk, request: RowMapping, action: Promote) -> Outcome:
    """Take a shelved request into the queue."""
    desk.require_possible(request, RequestEvent.PROMOTE)
    queued = queue_answer(desk, request) if action.answer else None
    data = {"outbound": _id_text(queued)}
    values: dict[str, Any] = {"unanswered": None} if queued else {}
    after = desk.move(request, RequestEvent.PROMOTE, data, **values)
    return _outcome(request, "promote", after, queued)


def dismiss(desk: Desk, request: RowMapping, action: Dismiss) -> Outcome:
    """Close without a word; nothing that waits for the sender leaves."""
    desk.require_possible(request, RequestEvent.DISMISS)
    reason = clean_text(action.reason, "reason")
    pattern = _pattern(request, action)
    if pattern:
        block(desk.connection, pattern, reason or f"dismissed {request['reference']}", desk.actor.name, desk.at)
    withdraw(desk.connection, find_waiting(desk.connection, request["id"]), "dismissed", desk.at)
    after = desk.move(request, RequestEvent.DISMISS, {"reason": reason, "blocked": pattern}, **_decided(desk))
    return replace(_outcome(request, "dismiss", after), blocked=pattern)


def _pattern(request: RowMapping, action: Dismiss) -> str | None:
    if action.block is None:
        return None
    key: str = request["sender_key"]
    pattern = key if action.block == "sender" else domain_of(key)
    if not pattern:
        raise ReviewError(f"{request['reference']}: its sender has no address that could be blocked")
    return pattern


def undo(desk: Desk, request: RowMapping, _action: Undo) -> Outcome:
    """Take back an approval or denial of which its sender does not know."""
    desk.require_possible(request, RequestEvent.UNDO)
    event = _DECIDED[RequestState(request["state"])]
    decided = find_newest(desk.connection, "request", request["id"], events=[event], limit=1)
    data = decided[0]["data"] if decided else {}
    if not _is_in_time(desk, request, data.get("outbound")):
        raise NoticeHasLeft(
            f"{request['reference']}: {last_change(desk.connection, request)} and the notice to {request['contact']} "
            f"has left; {_instead(request)} instead"
        )
    if data.get("exemption"):
        take_back(desk, int(data["exemption"]), data["before"], request_id=request["id"])
    after = desk.move(request, RequestEvent.UNDO, {"outbound": data.get("outbound")}, **_UNDECIDED)
    return _outcome(request, "undo", after)


def _is_in_time(desk: Desk, request: RowMapping, outbound_id: str | None) -> bool:
    """Tell whether the sender knows nothing yet, and see to it that it stays so."""
    if outbound_id:
        return withdraw_notice(desk.connection, int(outbound_id), "undone", desk.at)
    decided_at: datetime | None = request["decided_at"]
    return decided_at is not None and desk.at <= decided_at + desk.terms.undo_for


def _instead(request: RowMapping) -> str:
    return "revoke the exemption" if request["state"] == RequestState.APPROVED else "reopen the request"


def recheck(desk: Desk, request: RowMapping, _action: Recheck) -> Outcome:
    """Have the evidence gathered again."""
    if desk.want_evidence is None:
        raise ReviewError("no evidence is gathered here (evidence.enabled)")
    desk.want_evidence(desk.connection, [request["id"]])
    desk.note(request, "rechecked")
    return _unmoved(request, "recheck")


def mark_read(desk: Desk, request: RowMapping, _action: MarkRead) -> Outcome:
    """Say that it was seen."""
    change_request(desk.connection, request["id"], unread=False)
    return _unmoved(request, "mark-read")


_UNDECIDED: dict[str, Any] = {"decided_at": None, "decided_by": None, "lapse_at": None}


def _decided(desk: Desk) -> dict[str, Any]:
    return {"decided_at": desk.at, "decided_by": desk.actor.name, "lapse_at": None}


def _outcome(request: RowMapping, action: str, after: RequestState, queued: Queued | None = None) -> Outcome:
    outcome = Outcome(request["reference"], action, RequestState(request["state"]), after, request["version"] + 1)
    if queued is None:
        return outcome
    return replace(outcome, outbound_id=queued.outbound_id, outbound_kind=queued.kind, due_at=queued.due_at)


def _id_text(queued: Queued | None) -> str | None:
    return None if queued is None else str(queued.outbound_id)


def _unmoved(request: RowMapping, action: str) -> Outcome:
    state = RequestState(request["state"])
    return Outcome(request["reference"], action, state, state, request["version"])


def _related(desk: Desk, request: RowMapping, network: IPNetwork | None) -> tuple[str, ...]:
    return tuple(row["reference"] for row in find_related(desk.connection, request, network=network))


STEPS: dict[type[Action], Callable[[Desk, RowMapping, Any], Outcome]] = {
    Approve: approve,
    Deny: deny,
    Ask: ask,
    Note: note,
    Assign: assign,
    Reopen: reopen,
    Promote: promote,
    Dismiss: dismiss,
    Undo: undo,
    Recheck: recheck,
    MarkRead: mark_read,
}
