"""The filters of the queue, the same for lists and for decisions about many requests."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from responder.cli.failures import Failure
from responder.cli.types import MAILBOX, NETWORK, TIME
from responder.domain.advice import AdviceKind
from responder.domain.request import RequestState
from responder.storage.requests import OPEN_STATES, RequestFilter
from responder.storage.staff import find_person

Function = TypeVar("Function", bound=Callable[..., Any])

_EVERY_STATE = "all"
_OPTIONS = (
    click.option(
        "--state",
        "states",
        multiple=True,
        type=click.Choice([*(state.value for state in RequestState), _EVERY_STATE]),
        help="State, several times for several.  [default: the open ones]",
    ),
    click.option("--address", type=NETWORK, help="Refused address, or a network that it lies in."),
    click.option("--domain", help="Sender's domain, or one above it."),
    click.option("--contact", type=MAILBOX, help="Sender's address."),
    click.option("--software", help="Product, such as exchange or postfix."),
    click.option("--assignee", metavar="LOGIN", help="Who has it in hand."),
    click.option("--advice", type=click.Choice([kind.value for kind in AdviceKind]), help="What the evidence says."),
    click.option("--quoted/--not-quoted", default=None, help="Whether a refusal was quoted."),
    click.option("--unread/--read", default=None, help="Whether the sender wrote since somebody last looked."),
    click.option("--since", type=TIME, help="Changed then or later: a date or a time, UTC."),
)
_BY_WORDS = "Beginnings of words of what was written, subject, contact or reference."


def filter_options(by_words: str) -> Callable[[Function], Function]:
    """Give a command the filters of the queue, that for words under the name `by_words`; `make_filter` reads them."""

    def decorate(function: Function) -> Function:
        function = click.option(by_words, "text", metavar="TEXT", help=_BY_WORDS)(function)
        for option in reversed(_OPTIONS):
            function = option(function)
        return function

    return decorate


def make_filter(connection: Connection, given: Mapping[str, Any]) -> RequestFilter:
    """Give the filter that options make.

    Raises:
        Failure: there is nobody with the login that --assignee names.
    """
    values = {name: value for name, value in given.items() if name not in {"states", "assignee"}}
    return RequestFilter(
        states=_states(given["states"]), assignee_id=_assignee(connection, given["assignee"]), **values
    )


def is_given(given: Mapping[str, Any]) -> bool:
    """Tell whether any filter was given."""
    return any(value not in {None, ()} for value in given.values())


def _states(given: tuple[str, ...]) -> tuple[RequestState, ...]:
    if _EVERY_STATE in given:
        return ()
    return tuple(RequestState(state) for state in given) or OPEN_STATES


def _assignee(connection: Connection, login: str | None) -> int | None:
    if login is None:
        return None
    person = find_person(connection, login.lower())
    if person is None:
        raise Failure(f"there is nobody with the login {login}")
    return int(person["id"])
