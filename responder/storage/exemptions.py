"""Exemptions: what is exempt, since when, until when, and what it was used for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from responder.domain.address import IPNetwork, network_keys
from responder.domain.disposition import Disposition
from responder.domain.exemption import UNUSED_FOR, WARN_BEFORE, wider_networks
from responder.domain.findings import Check, Result
from responder.domain.outbound import Kind, OutboundState
from responder.storage.paging import page
from responder.storage.schema import exemptions, messages, outbound, requests
from responder.storage.schema_desk import findings

_IS_NAME = (
    findings.c.check == Check.REVERSE_NAME,
    findings.c.result.in_((Result.CONFIRMED, Result.NOT_CONFIRMED)),
)


@dataclass(frozen=True, slots=True)
class ExemptionFilter:
    """Which exemptions to list; what is None does not matter.

    Attributes:
        is_active: neither revoked nor expired; or one of these.
        network: it holds this, or lies in it.
        expires_before: it ends before then; those that end first come first.
        is_flagged: it is active, and was not used for long or its reverse name changed.
    """

    is_active: bool | None = True
    network: IPNetwork | None = None
    expires_before: datetime | None = None
    is_flagged: bool | None = None


def list_exemptions(
    connection: Connection, wanted: ExemptionFilter, at: datetime, *, limit: int, after: int | None = None
) -> Sequence[RowMapping]:
    """Give exemptions with their request's reference as `request`, newest first; those that end soon by their end.

    Args:
        connection: where to read.
        wanted: which ones.
        at: now.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before.
    """
    query = _query().where(*_conditions(wanted, at))
    if wanted.expires_before is None:
        query = page(query, exemptions.c.id, limit=limit, after=after)
    else:
        behind = () if after is None else (_ends_after(after),)
        query = query.where(*behind).order_by(exemptions.c.expires_at, exemptions.c.id)
        query = query.limit(limit) if limit else query
    return connection.execute(query).mappings().all()


def _ends_after(after: int) -> ColumnElement[bool]:
    """Tell of an exemption whether it comes after the one with the id `after` in the order of their ends."""
    before = exemptions.alias()
    end = select(before.c.expires_at).where(before.c.id == after).scalar_subquery()
    return or_(exemptions.c.expires_at > end, and_(exemptions.c.expires_at == end, exemptions.c.id > after))


def find_exemption(connection: Connection, exemption_id: int) -> RowMapping | None:
    """Give one exemption, with its request's reference as `request`."""
    return connection.execute(_query().where(exemptions.c.id == exemption_id)).mappings().one_or_none()


def exemptions_of_request(connection: Connection, request_id: int) -> Sequence[RowMapping]:
    """Give what a request got, in order, with its reference as `request`."""
    query = _query().where(exemptions.c.request_id == request_id).order_by(exemptions.c.id)
    return connection.execute(query).mappings().all()


def lock_exemption(connection: Connection, exemption_id: int) -> RowMapping | None:
    """Give one exemption, locked until the transaction ends."""
    query = select(exemptions).where(exemptions.c.id == exemption_id).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def lock_network(connection: Connection, network: IPNetwork) -> RowMapping | None:
    """Give the exemption of exactly this network that is not revoked, locked until the transaction ends."""
    first, last, _ = network_keys(network)
    same = (exemptions.c.first_key == first, exemptions.c.last_key == last, exemptions.c.revoked_at.is_(None))
    return connection.execute(select(exemptions).where(*same).with_for_update()).mappings().one_or_none()


def find_overlapping(connection: Connection, network: IPNetwork, at: datetime) -> Sequence[RowMapping]:
    """Give the other exemptions active at `at` that hold `network` or lie in it, in the order of their addresses."""
    first, last, _ = network_keys(network)
    other = or_(exemptions.c.first_key != first, exemptions.c.last_key != last)
    query = select(exemptions).where(_is_active(at), _touches(network), other)
    return connection.execute(query.order_by(exemptions.c.first_key, exemptions.c.last_key.desc())).mappings().all()


def add_exemption(connection: Connection, network: IPNetwork, **values: Any) -> None:
    """Add an exemption of `network`; `values` are its other columns."""
    first, last, prefix = network_keys(network)
    place = {"family": network.version, "first_key": first, "last_key": last, "prefix_length": prefix}
    connection.execute(insert(exemptions).values(**place, uses=0, **values))


def change_exemption(connection: Connection, exemption_id: int, **values: Any) -> None:
    """Set columns of an exemption."""
    connection.execute(update(exemptions).where(exemptions.c.id == exemption_id).values(**values))


def find_expiring(connection: Connection, at: datetime, limit: int) -> Sequence[RowMapping]:
    """Give active exemptions of requests that end soon and whose sender was not warned, soonest first."""
    query = select(exemptions).where(
        _is_active(at),
        exemptions.c.expires_at <= at + WARN_BEFORE,
        exemptions.c.warned_at.is_(None),
        exemptions.c.request_id.is_not(None),
    )
    return connection.execute(query.order_by(exemptions.c.expires_at, exemptions.c.id).limit(limit)).mappings().all()


def find_answered(connection: Connection, at: datetime, limit: int) -> Sequence[RowMapping]:
    """Give active exemptions whose sender wrote to us in the thread of the request since they were warned.

    It must have come to the address that the warning asks to be answered to, or answer something that we sent: a
    reference alone stands in the subjects of whole threads, which others may have. Who names another address has moved,
    and is for a person to read. Only a message that was answered counts: of one that is silent nobody has looked
    whether it is forged, and as long as the answer to one has not been tried the evidence may still say so.
    """
    named = messages.c.refused_key
    may_be_forged = exists().where(
        outbound.c.message_id == messages.c.id,
        outbound.c.kind == literal_column(f"'{Kind.REPLY}'"),  # not a parameter: else its index cannot be used
        outbound.c.state == OutboundState.QUEUED,
        outbound.c.attempts == 0,
    )
    answers_us = exists().where(
        outbound.c.request_id == requests.c.id,
        cast(messages.c.message_references, Text).contains(outbound.c.message_id_header),
    )
    wrote = exists().where(
        messages.c.request_id == requests.c.id,
        messages.c.sender_key == requests.c.sender_key,
        messages.c.received_at > exemptions.c.warned_at,
        or_(named.is_(None), named.between(exemptions.c.first_key, exemptions.c.last_key)),
        messages.c.disposition == Disposition.ANSWER,
        or_(func.lower(cast(messages.c.recipients, Text)).contains(requests.c.reply_token), answers_us),
        ~may_be_forged,
    )
    query = select(exemptions).join(requests, requests.c.id == exemptions.c.request_id)
    query = query.where(_is_active(at), exemptions.c.expires_at <= at + WARN_BEFORE, wrote)
    return connection.execute(query.order_by(exemptions.c.expires_at).limit(limit)).mappings().all()


def reverse_names(connection: Connection, request_ids: Sequence[int]) -> dict[int, list[str]]:
    """Give the reverse names that were seen for each request, oldest first."""
    query = (
        select(findings.c.request_id, findings.c.value)
        .where(findings.c.request_id.in_(request_ids), *_IS_NAME)
        .order_by(findings.c.id)
    )
    names: dict[int, list[str]] = {}
    for request_id, value in connection.execute(query):
        names.setdefault(request_id, []).append(value)
    return names


def _query() -> Select[tuple[object, ...]]:
    request = requests.c.reference.label("request")
    return select(*exemptions.c, request).outerjoin(requests, requests.c.id == exemptions.c.request_id)


def _is_active(at: datetime) -> ColumnElement[bool]:
    return and_(exemptions.c.revoked_at.is_(None), exemptions.c.expires_at > at)


def _touches(network: IPNetwork) -> ColumnElement[bool]:
    """Tell whether a network lies in `network`, which is one range of its first key, or holds it.

    Networks that hold it are few, and their first keys are known.
    """
    first, last, _ = network_keys(network)
    starts = [network_keys(wider)[0] for wider in wider_networks(network)]
    return or_(
        exemptions.c.first_key.between(first, last),
        and_(exemptions.c.first_key.in_(starts), exemptions.c.last_key >= last),
    )


def _conditions(wanted: ExemptionFilter, at: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.is_active is not None:
        conditions.append(_is_active(at) if wanted.is_active else ~_is_active(at))
    if wanted.network is not None:
        conditions.append(_touches(wanted.network))
    if wanted.expires_before is not None:
        conditions.append(exemptions.c.expires_at < wanted.expires_before)
    if wanted.is_flagged is not None:
        flagged = and_(_is_active(at), or_(_is_unused(at), _has_new_name()))
        conditions.append(flagged if wanted.is_flagged else ~flagged)
    return conditions


def _is_unused(at: datetime) -> ColumnElement[bool]:
    return func.coalesce(exemptions.c.last_used_at, exemptions.c.created_at) <= at - UNUSED_FOR


def _has_new_name() -> ColumnElement[bool]:
    names = select(func.count(findings.c.value.distinct())).where(
        findings.c.request_id == exemptions.c.request_id, *_IS_NAME
    )
    return names.scalar_subquery() > 1
