"""What the commands that decide have in common: which requests, by whom, only to look or for good."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from responder.cli.context import Invocation, json_option
from responder.cli.database import reading
from responder.cli.desk import Desk, by_option, open_desk
from responder.cli.failures import FAILED, Failure, say
from responder.cli.output import print_json, shown
from responder.cli.queue.filters import filter_options, is_given, make_filter
from responder.cli.types import REFERENCE
from responder.services.queue import page_of_requests
from responder.services.review import MOST_AT_ONCE
from responder.services.review_actions import Action, Deny, Outcome, ReviewError
from responder.services.review_outcomes import write_outcome

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("references", metavar="[REFERENCE]...", type=REFERENCE, nargs=-1),
    by_option,
    click.option("--seen", type=click.IntRange(min=1), metavar="VERSION", help="Refuse if it was changed since then."),
    click.option("--dry-run", is_flag=True, help="Only show what would change."),
    click.option("--yes", is_flag=True, help="Do not ask before all that filters leave is decided."),
    json_option,
)


def deciding_options(function: Function) -> Function:
    """Give a command the requests that it is about, by reference or by filter, and how to decide; see `act`."""
    function = filter_options("--matching")(function)
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def act(
    invocation: Invocation,
    action: Action,
    *,
    references: Sequence[str],
    by: str | None,
    seen: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Do `action` to one request or many, and tell what came of it; exit 1 where one of many could not be done.

    Raises:
        Failure: there is nothing to do it to, or the only one could not be done.
    """
    wanted = _wanted(invocation, references, filters)
    if len(wanted) > 1 and seen is not None:
        raise click.UsageError("--seen goes with one request")
    if not references and not dry_run and not yes:
        click.confirm(f"{_name(action)} {len(wanted)} requests?", abort=True, err=True)
    with open_desk(invocation.settings, by) as desk:
        outcomes = _decide(desk, wanted, action, seen=seen, dry_run=dry_run)
    for reference, outcome in zip(wanted, outcomes, strict=True):
        _tell(reference, outcome, action, as_json=as_json)
    if any(isinstance(outcome, ReviewError) for outcome in outcomes):
        raise SystemExit(FAILED)


def _wanted(invocation: Invocation, references: Sequence[str], filters: Mapping[str, Any]) -> list[str]:
    if references and is_given(filters):
        raise click.UsageError("name requests, or filters, not both")
    if references:
        return list(dict.fromkeys(references))
    if not is_given(filters):
        raise click.UsageError("name a request, or filters such as --address")
    with reading(invocation.settings) as connection:
        wanted = make_filter(connection, filters)
        page = page_of_requests(connection, wanted, limit=MOST_AT_ONCE, after=None)
    if not page.rows:
        raise Failure("no request is like that")
    if page.after is not None:
        say(f"only the first {MOST_AT_ONCE} are taken; do it again for the others")
    return [row["reference"] for row in page.rows]


def _decide(
    desk: Desk, wanted: Sequence[str], action: Action, *, seen: int | None, dry_run: bool
) -> Sequence[Outcome | ReviewError]:
    if len(wanted) > 1:
        return desk.review.decide_all(wanted, action, desk.actor, dry_run=dry_run)
    decide = desk.review.preview if dry_run else desk.review.decide
    return [decide(wanted[0], action, desk.actor, seen=seen)]


def _tell(reference: str, outcome: Outcome | ReviewError, action: Action, *, as_json: bool) -> None:
    if isinstance(outcome, ReviewError):
        say(str(outcome))
        if as_json:
            print_json({"reference": reference, "error": str(outcome), "code": outcome.code})
    elif as_json:
        print_json(write_outcome(outcome))
    else:
        click.echo(f"{outcome.reference}: {'; '.join(_sentences(outcome, action))}")


def _sentences(outcome: Outcome, action: Action) -> Iterable[str]:
    """Give what came of an action, or would, as a person reads it."""
    would = "would be " if outcome.is_dry else ""
    yield f"{would}{outcome.after}" if outcome.before != outcome.after else f"stays {outcome.after}"
    if outcome.network is not None:
        yield f"{outcome.network} {would}exempt until {shown(_day(outcome.expires_at))}"
    if outcome.overlaps:
        yield f"overlaps {', '.join(map(str, outcome.overlaps))}"
    if outcome.doubts and outcome.is_dry:
        yield f"needs --confirm {outcome.network} ({', '.join(outcome.doubts)})"
    if outcome.blocked:
        yield f"{shown(outcome.blocked)} {would}blocked"
    if outcome.due_at is not None:
        yield f"the {outcome.outbound_kind} leaves {shown(outcome.due_at)}"
    if getattr(action, "reason", ""):
        is_read = isinstance(action, Deny) and outcome.due_at is not None
        yield "the sender reads the reason" if is_read else "the reason is for staff, the sender does not read it"
    if outcome.related:
        yield f"open for the same: {' '.join(outcome.related)}"


def _day(at: datetime | None) -> str:
    return "" if at is None else at.date().isoformat()


def _name(action: Action) -> str:
    return type(action).__name__
