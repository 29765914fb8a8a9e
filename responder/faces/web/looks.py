"""A look at the queue: what its address says, and which requests that means."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, Field

from responder.domain.address import AddressError, parse_mailbox, parse_network
from responder.domain.advice import AdviceKind
from responder.domain.reference import NoReferenceError, parse_reference
from responder.domain.request import DECIDED_STATES, RequestState
from responder.services.sign_in import Person
from responder.storage.requests import RequestFilter

_LONGEST = 200

# The tabs over the list: what each is called, and which requests it shows.
TABS: dict[str, tuple[str, RequestFilter]] = {
    "pleas": ("Pleas", RequestFilter(quoted=True)),
    "plain": ("Nothing quoted", RequestFilter(quoted=False)),
    "mine": ("Mine", RequestFilter()),
    "asked": ("Asked", RequestFilter(states=(RequestState.ASKED,))),
    "follow-ups": ("Follow-ups", RequestFilter(states=DECIDED_STATES, unread=True)),
    "decided": ("Decided", RequestFilter(states=(*DECIDED_STATES, RequestState.DISMISSED))),
    "shelved": ("Shelved", RequestFilter(states=(RequestState.SHELVED,))),
    "all": ("All", RequestFilter(states=())),
}


class LookError(ValueError):
    """A filter that says nothing; its message is fit for people."""


class Look(BaseModel):
    """What the address of a list says.

    Attributes:
        tab: one of `TABS`; without it the pleas, or all where something is searched.
        q: a reference, address, network, domain, sender, or beginnings of words.
        software, advice, since: as in `RequestFilter`.
        after: the reference behind which the page begins.
    """

    tab: Annotated[str, Field(max_length=20)] = ""
    q: Annotated[str, Field(max_length=_LONGEST)] = ""
    software: Annotated[str, Field(max_length=_LONGEST)] = ""
    advice: Annotated[str, Field(max_length=20)] = ""
    since: Annotated[str, Field(max_length=40)] = ""
    after: Annotated[str, Field(max_length=20)] = ""

    @property
    def chosen_tab(self) -> str:
        """The tab that is shown."""
        if self.tab in TABS:
            return self.tab
        return "all" if self.q else "pleas"

    @property
    def given(self) -> dict[str, str]:
        """What the address says, without the page."""
        return {name: value for name, value in self.model_dump(exclude={"after"}).items() if value}

    @property
    def is_narrowed(self) -> bool:
        """Whether it shows less than its whole tab."""
        return bool(self.given.keys() - {"tab"})

    @property
    def reference(self) -> str | None:
        """The reference that is searched, None where it is something else."""
        try:
            return parse_reference(self.q) if self.q else None
        except NoReferenceError:
            return None

    def wanted(self, person: Person) -> RequestFilter:
        """Give the requests that are meant.

        Raises:
            LookError: a filter says nothing.
        """
        wanted = TABS[self.chosen_tab][1]
        if self.chosen_tab == "mine":
            wanted = replace(wanted, assignee_id=person.id)
        if self.advice and self.advice not in set(AdviceKind):
            raise LookError(f"There is no such advice; there are {', '.join(AdviceKind)}.")
        return replace(
            wanted,
            software=self.software or None,
            advice=self.advice or None,
            since=_read_time(self.since),
            **_read_search(self.q.strip()),
        )


def _read_search(text: str) -> dict[str, Any]:
    """Give the field of `RequestFilter` that the text of the search box is about."""
    if not text:
        return {}
    try:
        return {"address": parse_network(text)}
    except AddressError:
        if "/" in text and " " not in text:
            raise LookError("This is no network; write one as 192.0.2.0/24.") from None
    if " " not in text and "@" in text.strip("@"):
        return {"contact": _mailbox(text)}
    if " " not in text and ("." in text or text.startswith("@")):
        return {"domain": text.lstrip("@")}
    return {"text": text}


def _mailbox(text: str) -> str:
    try:
        return parse_mailbox(text)
    except AddressError as error:
        raise LookError(f"This is no mail address: {error}.") from None


def _read_time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise LookError("This is no time; write one as 2026-01-31 or 2026-01-31T08:00.") from None


LookQuery = Annotated[Look, Query()]
"""The look of a request, as an endpoint asks for it."""
