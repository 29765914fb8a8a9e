"""Long lists by id, page by page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import HTTPException, Path, Query

ROWS = 50
_LARGEST = 2**63 - 1

Id = Annotated[int, Path(ge=0, le=_LARGEST)]
"""The id of a row, in the path of an address."""

After = Annotated[int | None, Query(ge=0, le=_LARGEST)]
"""The id of the last row of the page before."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a list.

    Attributes:
        rows: what is on it, as objects.
        after: the id to name for the next page; None on the last one.
    """

    rows: list[dict[str, Any]]
    after: str | None


def take_page(found: Sequence[Any], shape: Callable[[Any], dict[str, Any]], limit: int = ROWS) -> Rows:
    """Give a page of up to `limit` rows out of `found`, which holds one row more where there is a next page."""
    rows = [shape(row) for row in found[:limit]]
    return Rows(rows, str(rows[-1]["id"]) if len(found) > limit else None)


def require(found: Any, what: str) -> Any:
    """Give what was found.

    Raises:
        HTTPException: there is nothing.
    """
    if found is None:
        raise HTTPException(404, f"There is no such {what}.")
    return found
