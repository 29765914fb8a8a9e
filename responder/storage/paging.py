"""Long lists, page by page."""

from typing import Any

from sqlalchemy import Column, Select


def page(query: Select[Any], key: Column[int], *, limit: int, after: int | None) -> Select[Any]:
    """Give the part of `query` that one page shows: newest first.

    Args:
        query: what to list.
        key: the id column by which it is ordered.
        limit: rows at most; 0 is all.
        after: the id of the last row of the page before, None for the first page.
    """
    query = query.order_by(key.desc())
    if after is not None:
        query = query.where(key < after)
    return query.limit(limit) if limit else query
