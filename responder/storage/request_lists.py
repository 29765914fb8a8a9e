"""Lists of requests, quick for rare and for common values, whatever the database knows of its own numbers.

There are three ways. Where some filter leaves few rows, these are fetched and sorted. Else each state is walked in the
order of its index, which holds what filters look at, until there are enough. Words are followed in the order of ids.
"""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, text, union_all

from responder.domain.address import canonical_domain
from responder.domain.request import DECIDED_STATES, RequestState
from responder.domain.words import Term, has_terms, read_terms, split_words
from responder.storage.requests import RequestFilter, in_domain, narrow_conditions, row_conditions, row_text, unindexed
from responder.storage.schema import DECIDED_UNREAD, WALKED, requests
from responder.storage.texts import matching_domain, matching_loosely, matching_terms, pick_by_terms, read_mark

MOST_COUNTED = 10_000
_FEW = 1_000
# So many rows of one filter are fetched to see whether the other filters leave few of them.
_SOME = 4_000
_PIECES = (4_000, 16_000)
# So few of the rows that were looked at first have the words that counting all of them is cheap.
_RARE = 100
# Requests that are not in the index of words yet, of which so many are looked at.
_TAIL = 2_000
_TAIL_WORDS = 200
_LATEST = (requests.c.updated_at.desc(), requests.c.id.desc())

_Rows = Sequence[RowMapping]


def list_requests(connection: Connection, wanted: RequestFilter, *, limit: int, after: int | None = None) -> _Rows:
    """Give the requests that `wanted` describes: the one changed last first, or with `text` the one opened last.

    Args:
        connection: where to read.
        wanted: which ones.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before (`find_request` gives it for a reference).
    """
    few = _find_few(connection, wanted)
    if terms := read_terms(wanted.text or ""):
        few = _find_few_on_walk(connection, wanted) if few is None else few
        return _list_by_words(connection, wanted, terms, few, limit=limit, after=after)
    behind = () if after is None else (_behind(connection, after),)
    query = _walk(wanted, behind, limit) if few is None else _pick(wanted, few).where(*behind)
    query = query.order_by(*_LATEST)
    return connection.execute(query.limit(limit) if limit else query).mappings().all()


def count_requests(connection: Connection, wanted: RequestFilter) -> tuple[int, bool]:
    """Count the requests that `wanted` describes; tells also whether that is exact.

    It is not where there are more than `MOST_COUNTED`, or so many had to be looked at.
    """
    few = _find_few(connection, wanted)
    terms = read_terms(wanted.text or "")
    if terms:
        few = _find_few_on_walk(connection, wanted) if few is None else few
        return _count_by_words(connection, wanted, terms, few)
    if few is not None:
        return _count(connection, _pick(wanted, few)), True
    looked_at = _walked(wanted, (), MOST_COUNTED + 1).limit(MOST_COUNTED + 1).subquery()
    total = _count(connection, select(looked_at))
    found = _count(connection, select(looked_at.c.id).where(*row_conditions(wanted, looked_at)))
    return min(found, MOST_COUNTED), total <= MOST_COUNTED


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def _find_few(connection: Connection, wanted: RequestFilter) -> Sequence[int] | None:
    """Give the ids of the few rows that some filter leaves, None where every one leaves many."""
    has_others = len(row_conditions(wanted)) > 1
    most = _SOME if has_others else _FEW
    for condition in narrow_conditions(wanted):
        ids = connection.execute(select(requests.c.id).where(condition).limit(most + 1)).scalars().all()
        if _FEW < len(ids) <= most:
            left = select(requests.c.id).where(requests.c.id.in_(ids), *_all_conditions(wanted))
            ids = connection.execute(left).scalars().all()
        if len(ids) <= _FEW:
            return ids
    return None if wanted.domain is None else _find_few_of_domain(connection, canonical_domain(wanted.domain))


def _find_few_of_domain(connection: Connection, domain: str) -> Sequence[int] | None:
    ids = connection.execute(matching_domain(connection, domain).limit(_FEW + 1)).scalars().all()
    newer = select(requests.c.id).where(requests.c.id > read_mark(connection), in_domain(domain)).limit(_FEW + 1)
    both = ids if len(ids) > _FEW else list(dict.fromkeys((*ids, *connection.execute(newer).scalars())))
    return None if len(both) > _FEW else both


def _find_few_on_walk(connection: Connection, wanted: RequestFilter) -> Sequence[int] | None:
    """Give the ids of the few rows that all filters but words leave together, None where these are many."""
    conditions = row_conditions(wanted)
    if not conditions and wanted.since is None and wanted.assignee_id is None:
        return None
    walked = _walked(wanted, conditions, _FEW + 1).limit(_FEW + 1).subquery()
    ids = connection.execute(select(walked.c.id)).scalars().all()
    return None if len(ids) > _FEW else ids


def _pick(wanted: RequestFilter, ids: Sequence[int] | Select[Any]) -> Select[Any]:
    """Give the query for those of the rows with these ids, or those that a query gives, that `wanted` describes."""
    return select(requests).where(requests.c.id.in_(ids), *_all_conditions(wanted))


def _all_conditions(wanted: RequestFilter) -> list[ColumnElement[bool]]:
    conditions = row_conditions(wanted)
    if wanted.states:
        conditions.append(unindexed(requests.c.state).in_(wanted.states))
    if wanted.assignee_id is not None:
        conditions.append(unindexed(requests.c.assignee_id) == wanted.assignee_id)
    if wanted.since is not None:
        conditions.append(unindexed(requests.c.updated_at) >= wanted.since)
    return conditions


def _walk(wanted: RequestFilter, behind: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    walked = _walked(wanted, [*row_conditions(wanted), *behind], limit).subquery()
    return select(requests).where(requests.c.id.in_(select(walked.c.id)))


def _walked(wanted: RequestFilter, conditions: Sequence[ColumnElement[bool]], limit: int) -> Select[Any]:
    """Give the query that walks each state by itself, since only so an index gives the rows in their order.

    Of each state it gives up to `limit` rows that meet `conditions`, with what filters look at.
    """
    names = ("id", *WALKED) if wanted.contact is None else ("id", *WALKED, "contact")
    bounds = list(conditions)
    if wanted.since is not None:
        bounds.append(requests.c.updated_at >= wanted.since)
    if wanted.assignee_id is not None:
        bounds.append(requests.c.assignee_id == wanted.assignee_id)
    arms = []
    for state in wanted.states or tuple(RequestState):
        arm = select(*(requests.c[name] for name in names)).where(requests.c.state == state, *bounds)
        if wanted.unread and state in DECIDED_STATES:
            arm = arm.where(text(DECIDED_UNREAD))
        arm = arm.order_by(*_LATEST)
        arms.append(select((arm.limit(limit) if limit else arm).subquery()))
    return select(union_all(*arms).subquery())


def _behind(connection: Connection, after: int) -> ColumnElement[bool]:
    """Tell of a row whether it comes behind the one with the id `after`, which may have changed meanwhile."""
    at = connection.execute(select(requests.c.updated_at).where(requests.c.id == after)).scalar_one_or_none()
    if at is None:
        return requests.c.id < after
    same = and_(requests.c.updated_at == at, requests.c.id < after)
    return and_(requests.c.updated_at <= at, or_(requests.c.updated_at < at, same))


def _list_by_words(
    connection: Connection,
    wanted: RequestFilter,
    terms: Sequence[Term],
    few: Sequence[int] | None,
    *,
    limit: int,
    after: int | None,
) -> _Rows:
    found = {row["id"]: row for row in _unindexed_rows(connection, wanted, terms)}
    if few is None:
        found |= {row["id"]: row for row in _follow_words(connection, wanted, terms, limit=limit, after=after)}
    else:
        found |= {row["id"]: row for row in _pick_with_words(connection, wanted, terms, few)}
    behind = (row for row in found.values() if after is None or row["id"] < after)
    newest = sorted(behind, key=lambda row: row["id"], reverse=True)
    return newest[:limit] if limit else newest


def _follow_words(
    connection: Connection, wanted: RequestFilter, terms: Sequence[Term], *, limit: int, after: int | None
) -> list[RowMapping]:
    """Give indexed requests, newest first, until there are enough: common words are found among the newest."""
    loose = _newest(matching_loosely(connection, terms), after, _FEW)
    ids = connection.execute(loose).scalars().all()
    found = _pick_with_words(connection, wanted, terms, ids)
    if len(ids) < _FEW or (limit and len(found) >= limit):
        return found
    after = ids[-1]
    for size in chain(_PIECES, repeat(_PIECES[-1])):
        ids = connection.execute(_newest(matching_terms(connection, terms), after, size)).scalars().all()
        for start in range(0, len(ids), _FEW):
            part = _pick(wanted, ids[start : start + _FEW]).order_by(requests.c.id.desc())
            found += connection.execute(part).mappings()
            if limit and len(found) >= limit:
                return found
        if len(ids) < size:
            return found
        after = ids[-1]
    return found


def _pick_with_words(
    connection: Connection, wanted: RequestFilter, terms: Sequence[Term], ids: Sequence[int]
) -> list[RowMapping]:
    """Give those of some rows that are wanted and have the words, newest first."""
    rows = connection.execute(_pick(wanted, ids).order_by(requests.c.id.desc())).mappings().all()
    picked = set(pick_by_terms(connection, terms, [row["id"] for row in rows]))
    return [row for row in rows if row["id"] in picked]


def _newest(query: Select[Any], before: int | None, size: int) -> Select[Any]:
    key = query.selected_columns.id
    if before is not None:
        query = query.where(key < before)
    return query.order_by(key.desc()).limit(size)


def _unindexed_rows(connection: Connection, wanted: RequestFilter, terms: Sequence[Term]) -> list[RowMapping]:
    """Give the newest requests whose words are not indexed yet and that have the words in what the row itself says."""
    query = select(requests).where(requests.c.id > read_mark(connection), *_all_conditions(wanted))
    rows = connection.execute(query.order_by(requests.c.id.desc()).limit(_TAIL)).mappings()
    return [row for row in rows if has_terms(" ".join(split_words(row_text(row), _TAIL_WORDS)), terms)]


def _count_by_words(
    connection: Connection, wanted: RequestFilter, terms: Sequence[Term], few: Sequence[int] | None
) -> tuple[int, bool]:
    newer = {row["id"] for row in _unindexed_rows(connection, wanted, terms)}
    ids = few
    if ids is None:
        ids = connection.execute(_newest(matching_loosely(connection, terms), None, _FEW)).scalars().all()
    found = newer | {row["id"] for row in _pick_with_words(connection, wanted, terms, ids)}
    if few is not None or len(ids) < _FEW or len(found) >= _RARE:
        return len(found), few is not None or len(ids) < _FEW
    matching = _newest(matching_terms(connection, terms), None, MOST_COUNTED + 1)
    counted = connection.execute(_pick(wanted, matching)).mappings().all()
    total = _count(connection, matching)
    return min(len(newer | {row["id"] for row in counted}), MOST_COUNTED), total <= MOST_COUNTED
