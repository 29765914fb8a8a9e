"""Kinds of value that programs send."""

from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from responder.domain.address import AddressError, IPNetwork, parse_mailbox, parse_network
from responder.domain.advice import AdviceKind
from responder.domain.request import RequestState
from responder.services.review_actions import LONGEST_TEXT

MOST_ROWS = 500
_LARGEST = 2**63 - 1


def _network(text: str) -> IPNetwork:
    try:
        return parse_network(text)
    except AddressError as error:
        raise ValueError(str(error)) from None


def _mailbox(text: str) -> str:
    try:
        return parse_mailbox(text)
    except AddressError as error:
        raise ValueError(str(error)) from None


_NETWORK_SCHEMA = {"type": "string", "maxLength": 60, "examples": ["192.0.2.25", "192.0.2.24/29", "2001:db8::/64"]}

NetworkField = Annotated[
    str,
    Field(max_length=60),
    AfterValidator(_network),
    PlainSerializer(str),
    WithJsonSchema(_NETWORK_SCHEMA),
]
"""An address or network; becomes an `IPNetwork`."""

MailboxField = Annotated[str, Field(max_length=320), AfterValidator(_mailbox)]
TextField = Annotated[str, Field(max_length=LONGEST_TEXT)]
Days = Annotated[int, Field(ge=1, le=3650)]

Id = Annotated[int, Path(ge=0, le=_LARGEST)]
Reference = Annotated[str, Path(max_length=20, examples=["7K3QW-0M9XT"])]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
AfterId = Annotated[int | None, Query(ge=0, le=_LARGEST)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[!-~]+$")]
DryRun = Annotated[bool, Query(description="Tell what would happen, and change nothing.")]


class RequestQuery(BaseModel):
    """Which requests to list; the same filters as `responder queue list`. Without `state` the open ones."""

    model_config = ConfigDict(extra="forbid")

    state: list[RequestState] = Field(default=[], max_length=len(RequestState))
    address: NetworkField | None = None
    domain: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    contact: MailboxField | None = None
    software: Annotated[str, Field(max_length=64)] | None = None
    assignee: Annotated[str, Field(max_length=64)] | None = None
    advice: AdviceKind | None = None
    quoted: bool | None = None
    unread: bool | None = None
    since: AwareDatetime | None = None
    text: Annotated[str, Field(max_length=200)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ROWS)] = 50
    after: Annotated[str, Field(max_length=20)] | None = None
