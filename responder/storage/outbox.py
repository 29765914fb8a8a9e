"""The outbox: who hands over which message when, and what came of it.

A claim moves the due time past the longest delivery, so whatever happens to the claimer the message is due again by
itself; nothing else says that it is being sent. On PostgreSQL all times are the database's.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    RowMapping,
    UpdateBase,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from responder.domain.outbound import Kind, OutboundState
from responder.storage.findings import read_about_addresses
from responder.storage.rows import read_rows, write_rows
from responder.storage.schema import messages, outbound, outbound_contents, requests
from responder.storage.schema_desk import outbound_data

# Written out, not as a parameter: else the index of what waits cannot be used.
_IS_QUEUED = outbound.c.state == literal_column(f"'{OutboundState.QUEUED}'")
_HAS_CONTENT = exists().where(outbound_contents.c.outbound_id == outbound.c.id).label("has_content")


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that one process may hand over for a while.

    Attributes:
        outbound_id: its id.
        kind: what it is.
        recipient: its one recipient.
        envelope_sender: for MAIL FROM, empty for the null reverse-path.
        attempts: how often it was claimed, this time included.
        give_up_at: when it is too old to leave.
        claimed_at: when it was claimed.
        has_content: its octets are stored already.
    """

    outbound_id: int
    kind: Kind
    recipient: str
    envelope_sender: str
    attempts: int
    give_up_at: datetime
    claimed_at: datetime
    has_content: bool

    @property
    def is_suspect(self) -> bool:
        """It was claimed before and still has no content, so it may have ended its claimer."""
        return self.attempts > 1 and not self.has_content


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a claim.

    Attributes:
        claim: the claim.
        state: `sent`, `failed`, or `queued` to try again.
        code: what the relay answered, None when it did not.
        text: its words, or why there are none.
        at: when.
        due_at: when to try again, None unless `queued`.
    """

    claim: Claim
    state: OutboundState
    code: int | None
    text: str
    at: datetime
    due_at: datetime | None = None


def time_of(connection: Connection, now: datetime) -> datetime:
    """Give the database's time on PostgreSQL, so that all nodes agree; `now` on SQLite."""
    if connection.dialect.name != "postgresql":
        return now
    at: datetime = connection.execute(select(func.now())).scalar_one()
    return at


def claim_due(
    connection: Connection, *, instance: str, limit: int, hold_for: timedelta, at: datetime, with_replies: bool
) -> list[Claim]:
    """Claim up to `limit` messages that are due at `at`, oldest first, for `instance` and the time `hold_for`.

    A suspect comes alone: what ends us again takes no other message with it. Without `with_replies` automatic answers
    are left waiting.
    """
    rows = read_rows(connection, _DUE if with_replies else _DUE_NO_REPLY, {}, at=at, most=limit)
    due = [_claim(row, at) for row in rows]
    claims = list(takewhile(lambda claim: not claim.is_suspect, due)) or due[:1]
    if claims:
        held = {"new_due_at": at + hold_for, "instance": instance}
        write_rows(connection, _HOLD, [{"claimed_id": claim.outbound_id} | held for claim in claims])
    return claims


def is_any_due(connection: Connection, at: datetime) -> bool:
    """Tell whether `claim_due` would find something at `at`; it is asked often, and nothing is written for it."""
    return bool(read_rows(connection, _ANY_DUE, {}, at=at))


def _claim(row: Mapping[str, Any], at: datetime) -> Claim:
    return Claim(
        outbound_id=row["id"],
        kind=Kind(row["kind"]),
        recipient=row["recipient"],
        envelope_sender=row["envelope_sender"],
        attempts=row["attempts"] + 1,
        give_up_at=row["give_up_at"],
        claimed_at=at,
        has_content=row["has_content"],
    )


_CLAIM_COLUMNS = ("id", "kind", "recipient", "envelope_sender", "attempts", "give_up_at")
_DUE = (
    select(*(outbound.c[name] for name in _CLAIM_COLUMNS), _HAS_CONTENT)
    .where(_IS_QUEUED, outbound.c.due_at <= bindparam("at"))
    .order_by(outbound.c.due_at, outbound.c.id)
    .limit(bindparam("most", type_=Integer))
    .with_for_update(skip_locked=True, of=outbound)
)
_ANY_DUE = select(outbound.c.id).where(_IS_QUEUED, outbound.c.due_at <= bindparam("at")).limit(literal_column("1"))
_DUE_NO_REPLY = _DUE.where(outbound.c.kind != literal_column(f"'{Kind.REPLY}'"))
_HOLD = (
    update(outbound)
    .where(outbound.c.id == bindparam("claimed_id"))
    .values(
        attempts=outbound.c.attempts + literal_column("1"),
        due_at=bindparam("new_due_at"),
        claimed_by=bindparam("instance"),
    )
)


def count_replies(connection: Connection, *, since: datetime, at: datetime, hold_for: timedelta, most: int) -> int:
    """Count automatic answers handed over from `since` to `at` or in some claimer's hands, up to `most` of each."""
    sent = select(outbound.c.id).where(
        outbound.c.state == OutboundState.SENT, outbound.c.settled_at.between(since, at), outbound.c.kind == Kind.REPLY
    )
    in_hand = select(outbound.c.id).where(
        _IS_QUEUED,
        outbound.c.claimed_by.is_not(None),
        outbound.c.attempts > 0,
        outbound.c.due_at.between(at, at + hold_for),
        outbound.c.kind == Kind.REPLY,
    )
    counts = (select(func.count()).select_from(query.limit(most).subquery()) for query in (sent, in_hand))
    return sum(connection.execute(count).scalar_one() for count in counts)


def find_waiting_replies(connection: Connection, before: datetime, limit: int) -> Sequence[int]:
    """Give the ids of automatic answers that were never tried and have been due since `before`."""
    query = select(outbound.c.id).where(
        _IS_QUEUED, outbound.c.due_at < before, outbound.c.kind == Kind.REPLY, outbound.c.attempts == 0
    )
    query = query.order_by(outbound.c.due_at, outbound.c.id).limit(limit)
    return connection.execute(query).scalars().all()


def settle(connection: Connection, instance: str, settlements: Iterable[Settlement]) -> None:
    """Record what came of claims of `instance`.

    That a message was sent is recorded in any case; anything else only while the claim still stands.
    """
    rows: dict[bool, list[dict[str, object]]] = {True: [], False: []}
    for each in settlements:
        rows[each.state is OutboundState.SENT].append(_settled(each, instance))
    for is_sent, statement in ((True, _SETTLE), (False, _SETTLE_MINE)):
        if rows[is_sent]:
            write_rows(connection, statement, rows[is_sent])


_SETTLED_COLUMNS = ("state", "last_code", "last_text", "settled_at", "due_at", "claimed_by")
_SETTLE = (
    update(outbound)
    .where(outbound.c.id == bindparam("claimed_id"))
    .values({name: bindparam(f"new_{name}") for name in _SETTLED_COLUMNS})
)
_SETTLE_MINE = _SETTLE.where(_IS_QUEUED, outbound.c.claimed_by == bindparam("instance"))


def _settled(settlement: Settlement, instance: str) -> dict[str, object]:
    return {
        "instance": instance,
        "claimed_id": settlement.claim.outbound_id,
        "new_state": settlement.state,
        "new_last_code": settlement.code,
        "new_last_text": settlement.text,
        "new_settled_at": None if settlement.due_at else settlement.at,
        "new_due_at": settlement.due_at or settlement.claim.claimed_at,
        "new_claimed_by": None,
    }


def release(connection: Connection, instance: str, claims: Iterable[Claim], at: datetime) -> None:
    """Give back claims of `instance` for which nothing was tried: due at `at`, and no attempt counted."""
    ids = [claim.outbound_id for claim in claims]
    mine = (outbound.c.id.in_(ids), outbound.c.claimed_by == instance, _IS_QUEUED)
    connection.execute(
        update(outbound).where(*mine).values(attempts=outbound.c.attempts - 1, due_at=at, claimed_by=None)
    )


def free_claims(connection: Connection, instance: str, at: datetime) -> int:
    """Make due what others than `instance` had claimed, all of them being dead; give how many."""
    theirs = (_IS_QUEUED, outbound.c.due_at > at, outbound.c.claimed_by != instance)
    return connection.execute(update(outbound).where(*theirs).values(due_at=at, claimed_by=None)).rowcount


def free_claims_of(connection: Connection, instances: Collection[str], at: datetime) -> int:
    """Make due what `instances` had claimed, which are dead; give how many."""
    theirs = (_IS_QUEUED, outbound.c.due_at > at, outbound.c.claimed_by.in_(instances))
    return connection.execute(update(outbound).where(*theirs).values(due_at=at, claimed_by=None)).rowcount


def bring_back(connection: Connection, at: datetime, horizon: timedelta) -> int:
    """Make due what waits for a time after `at + horizon`, later than any schedule puts it: a clock was wrong."""
    lost = (_IS_QUEUED, outbound.c.due_at > at + horizon)
    return connection.execute(update(outbound).where(*lost).values(due_at=at, claimed_by=None)).rowcount


def store_contents(connection: Connection, contents: Mapping[int, bytes]) -> None:
    """Keep the packed octets of messages, by id; those of a message that has some stay."""
    rows = [{"outbound_id": key, "content": content} for key, content in contents.items()]
    if rows:
        write_rows(connection, _KEEP[connection.dialect.name], rows)


_KEEP: dict[str, UpdateBase] = {
    "postgresql": postgresql.insert(outbound_contents).on_conflict_do_nothing(),
    "sqlite": sqlite.insert(outbound_contents).on_conflict_do_nothing(),
}


def read_contents(connection: Connection, ids: Iterable[int]) -> dict[int, bytes]:
    """Give the octets of those messages that have some, by id; what cannot be unpacked is as good as none."""
    query = select(outbound_contents).where(outbound_contents.c.outbound_id.in_(ids))
    found: dict[int, bytes] = {}
    for key, content in connection.execute(query):
        with suppress(zlib.error):
            found[key] = zlib.decompress(content)
    return found


def note_versions(connection: Connection, versions: Mapping[int, int]) -> None:
    """Note which version of its template, by the id of that version, words a message."""
    for version_id in set(versions.values()):
        ids = [key for key, each in versions.items() if each == version_id]
        connection.execute(update(outbound).where(outbound.c.id.in_(ids)).values(template_version_id=version_id))


def read_facts(connection: Connection, ids: Collection[int]) -> list[dict[str, Any]]:
    """Give what is to be said in messages: columns of `outbound`, of the message answered, and of the request.

    `data` is what a decision says, None for an automatic answer; `findings` what was found out about the address for
    the message answered, oldest first.
    """
    facts = read_rows(connection, _FACTS, {"ids": ids})
    found = read_about_addresses(
        connection, {row["message_id"]: row["request_id"] for row in facts if row["message_id"]}
    )
    return [row | {"findings": found.get(row["message_id"], ())} for row in facts]


_FACT_COLUMNS = (
    *(
        outbound.c[name]
        for name in ("id", "kind", "recipient", "message_id_header", "template", "locale", "created_at")
    ),
    outbound.c.message_id,
    outbound.c.request_id,
    *(
        messages.c[name].label(f"message_{name}")
        for name in (
            "message_id_header",
            "message_references",
            "subject",
            "refused_key",
            "address_source",
            "rejection",
            "software_product",
            "software_version",
            "software_name",
            "software_certainty",
            "software_evidence",
        )
    ),
    *(requests.c[name].label(f"request_{name}") for name in ("reference", "reply_token", "networks", "proof")),
    *(requests.c[name].label(f"request_{name}") for name in ("address_key", "address_source", "advice")),
    outbound_data.c.data,
)
_FACTS = (
    select(*_FACT_COLUMNS)
    .outerjoin(messages, messages.c.id == outbound.c.message_id)
    .outerjoin(requests, requests.c.id == outbound.c.request_id)
    .outerjoin(outbound_data, outbound_data.c.outbound_id == outbound.c.id)
    .where(outbound.c.id.in_(bindparam("ids", expanding=True)))
)


def retry(connection: Connection, outbound_id: int, at: datetime, give_up_at: datetime) -> bool:
    """Make a message that failed, or waits for its next attempt, due at `at`; tell whether there was one."""
    waits = or_(outbound.c.state == OutboundState.FAILED, _IS_QUEUED & outbound.c.claimed_by.is_(None))
    values = {
        "state": OutboundState.QUEUED,
        "reason": None,
        "attempts": 0,
        "due_at": at,
        "give_up_at": give_up_at,
        "settled_at": None,
    }
    return connection.execute(update(outbound).where(outbound.c.id == outbound_id, waits).values(values)).rowcount > 0


def cancel(connection: Connection, ids: Iterable[int], reason: str, at: datetime) -> Sequence[RowMapping]:
    """Cancel those of the messages that nobody has in hand, and give their rows."""
    idle = (_IS_QUEUED, or_(outbound.c.claimed_by.is_(None), outbound.c.due_at <= at))
    found = connection.execute(select(outbound).where(outbound.c.id.in_(ids), *idle).with_for_update()).mappings().all()
    values = {"state": OutboundState.CANCELLED, "reason": reason, "settled_at": at, "claimed_by": None}
    connection.execute(update(outbound).where(outbound.c.id.in_([row["id"] for row in found])).values(values))
    return found
