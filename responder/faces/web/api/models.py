"""What the API gives, typed; the fields are those of `--json` on the command line."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from responder.domain.advice import AdviceKind
from responder.domain.disposition import Disposition, Reason
from responder.domain.outbound import Kind, OutboundState
from responder.domain.plea import AddressSource, Cause, Certainty, Proof
from responder.domain.request import RequestState

Item = TypeVar("Item")


class Model(BaseModel):
    """What all answers have in common: they take no unknown field."""

    model_config = ConfigDict(extra="forbid")


class Rows(Model, Generic[Item]):
    """One page of a list; `after` names the next one, null on the last."""

    items: list[Item]
    after: str | None


class Software(Model):
    """The mail server that a sender runs."""

    product: str
    version: str | None


class Request(Model):
    """A request for an exemption."""

    reference: str
    state: RequestState
    unanswered: Reason | None
    address: str | None
    networks: list[str]
    address_source: AddressSource | None
    client: str | None
    proof: Proof
    domain: str
    contact: str
    software: Software | None
    advice: AdviceKind | None
    reasons: list[str]
    assignee: str | None
    messages: int
    unread: bool
    subject: str
    opened_at: datetime
    updated_at: datetime


class Event(Model):
    """What happened."""

    at: datetime
    actor: str
    event: str
    from_state: str | None
    to_state: str | None
    data: dict[str, Any]


class Finding(Model):
    """A fact that was looked up."""

    check: str
    subject: str
    result: str
    value: str
    source: str
    observed_at: datetime
    age_seconds: int
    ttl_seconds: int | None


class Message(Model):
    """A message that came."""

    id: str
    reference: str
    request: str | None
    received_at: datetime
    disposition: Disposition
    reason: Reason | None
    reverse_path: str
    client: str | None
    address: str | None
    subject: str
    size: int
    repeats: int


class Refusal(Model):
    """The refusal that a message quotes."""

    model_config = ConfigDict(extra="ignore")

    code: int | None = None
    enhanced: str | None = None
    text: str = ""
    by: str | None = None
    ours: bool | None = None
    cause: Cause


class SeenSoftware(Model):
    """The mail server that a message shows, and what shows it; `name` where the product has no key of its own."""

    product: str
    name: str | None = None
    version: str | None
    certainty: Certainty
    evidence: str | None


class MessageDetails(Message):
    """A message that came, with its envelope and what was read out of it."""

    recipients: list[str]
    header_from: str = Field(alias="from")
    message_id: str | None
    helo_name: str
    client_source: str
    tls: bool
    address_source: AddressSource | None
    rejection: Refusal | None
    software: SeenSoftware | None
    locale: str
    node: str


class Outbound(Model):
    """A message that leaves, left or failed."""

    id: str
    kind: Kind
    state: OutboundState
    request: str | None
    recipient: str
    message_id: str
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    last_reply: str | None


class OutboundDetails(Outbound):
    """The same, with its envelope."""

    envelope_sender: str
    reason: str | None
    template: str
    template_version: int | None
    locale: str
    created_at: datetime
    give_up_at: datetime
    settled_at: datetime | None
    message: str | None


class Exemption(Model):
    """A network that is, or was, exempt."""

    id: str
    network: str
    state: Literal["active", "expired", "revoked"]
    flags: list[str]
    request: str | None
    reason: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    uses: int


class Blocked(Model):
    """A sender or domain that is never answered."""

    pattern: str
    reason: str
    created_at: datetime
    created_by: str


class RequestDetails(Request):
    """A request with all that belongs to it; `version` is what a decision may name as `seen`."""

    id: str
    version: int
    locale: str
    lapse_at: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    timeline: list[Event]
    findings: list[Finding]
    message_list: list[Message]
    replies: list[Outbound]
    exemptions: list[Exemption]


class Outcome(Model):
    """What a decision did, or would do where `is_dry`."""

    reference: str
    action: str
    before: RequestState
    after: RequestState
    version: int
    is_dry: bool
    network: str | None
    expires_at: datetime | None
    exemption_id: str | None
    renews: bool
    overlaps: list[str]
    doubts: list[str]
    outbound_id: str | None
    outbound_kind: Kind | None
    due_at: datetime | None
    blocked: str | None
    related: list[str]
    repeated: bool


class ExemptionOutcome(Model):
    """What was done to an exemption."""

    exemption_id: str
    network: str
    expires_at: datetime
    renews: bool
    overlaps: list[str]
    outbound_id: str | None


class Problem(Model):
    """Why something was not done (RFC 9457); `code` names the kind, further fields depend on it."""

    model_config = ConfigDict(extra="allow")

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    code: str | None = None


class BulkResult(Model):
    """What became of one of many requests: `outcome`, or `problem` where nothing did."""

    reference: str
    outcome: Outcome | None
    problem: Problem | None


class AuditEvent(Event):
    """What happened to what, and by which way somebody acted."""

    id: str
    actor_kind: str
    subject_kind: str
    subject_id: str


class Hour(Model):
    """One hour: its begin, how many messages came, how many of them are answered."""

    at: datetime
    came: int
    answered: int


class Counted(Model):
    """How often something was seen."""

    name: str
    count: int


class Figures(Model):
    """How it goes; see the dashboard."""

    hours: list[Hour]
    silent: list[Counted]
    software: list[Counted]
    networks: list[Counted]
    waiting: int
    asked: int
    overdue: int
    oldest_at: datetime | None
    queued: int
    due: int
    failed: int
    bounced: int
    answer_seconds: float | None
    decision_seconds: float | None
    policy_answers: list[Counted]
    policy_behind: int
