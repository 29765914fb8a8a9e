"""Staff are told: once a day how the queue stands, and at once when something does not work; by mail and by webhook.

What is due is decided under a lock, so that of many nodes one tells; an alarm is not repeated for hours, and there are
never more than a few in an hour, whatever happens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from responder.domain.disposition import Reason
from responder.domain.identity import Identity
from responder.domain.limits import hour_of
from responder.domain.outbound import Kind
from responder.services.composition import Draft, Sender, compose
from responder.services.dashboard import Figures, read_figures
from responder.services.templates.watch import find_troubles
from responder.services.webhook import post_json
from responder.storage.decisions import add_outbound
from responder.storage.health import read_health
from responder.storage.hourly import count_hourly, read_hourly
from responder.storage.ids import new_id
from responder.storage.news import count_expiring, count_opened, refusing_lists
from responder.storage.outbox import store_contents, time_of
from responder.storage.packing import pack
from responder.storage.serials import lock_serial, set_serial
from responder.storage.writer import Writer

MOST_ALARMS_PER_HOUR = 4
_QUIET_HOURS = 6  # after which an alarm that still holds is repeated
_PATIENCE = timedelta(minutes=10)
_LATELY = timedelta(hours=1)
_DAY = timedelta(days=1)
_ENDING_SOON = timedelta(days=14)
_GIVE_UP_AFTER = timedelta(days=1)
_ALARM = ("staff-alarm", "")
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class StaffTerms:
    """Whom to tell, and how.

    Attributes:
        recipients: who gets mail.
        webhook: a URL that gets the same as JSON; empty is none.
        digest_at: time of day, UTC; None sends no digest.
        base_url: of the pages, for links; empty is none.
        overdue_after: a request that waits longer is overdue; None is never.
        sender: who we are in mail.
        envelope_sender: the reverse-path; empty is the null one.
    """

    recipients: tuple[str, ...]
    webhook: str
    digest_at: time | None
    base_url: str
    overdue_after: timedelta | None
    sender: Sender
    envelope_sender: str


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell: `kind` is `digest` or the name of an alarm."""

    kind: str
    subject: str
    lines: tuple[str, ...]


class StaffNews:
    """Tells staff; `terms` may be replaced at any time."""

    def __init__(self, engine: Engine, writer: Writer, identity: Identity, terms: StaffTerms) -> None:
        self.terms = terms
        self._engine = engine
        self._writer = writer
        self._identity = identity

    def run_due(self, now: datetime) -> bool:
        """Tell what is due at `now`; there is never more.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        if not self.terms.recipients and not self.terms.webhook:
            return False
        with self._engine.connect() as connection:
            at = time_of(connection, now)
            found = [*find_alarms(connection, at), *self._digest(connection, at)]
        for news in found:
            if self._writer.run(partial(self._tell_once, news=news, at=at)).result() and self.terms.webhook:
                post_json(self.terms.webhook, {"kind": news.kind, "subject": news.subject, "lines": list(news.lines)})
        return False

    def _digest(self, connection: Connection, at: datetime) -> Iterator[News]:
        digest_at = self.terms.digest_at
        if digest_at is not None and at.time() >= digest_at:
            yield make_digest(connection, at, self.terms)

    def _tell_once(self, connection: Connection, news: News, at: datetime) -> bool:
        """Queue the mail unless that was done, by whichever node; tell whether it was done now."""
        name, mark = _mark(news, at)
        last = lock_serial(connection, name)
        if last >= mark or (last and news.kind != "digest" and mark - last < _QUIET_HOURS):
            return False
        if news.kind != "digest":
            hour = hour_of(at)
            if read_hourly(connection, hour, [_ALARM])[_ALARM] >= MOST_ALARMS_PER_HOUR:
                return False
            count_hourly(connection, hour, [_ALARM])
        set_serial(connection, name, mark)
        for recipient in self.terms.recipients:
            self._queue(connection, news, recipient, at)
        return True

    def _queue(self, connection: Connection, news: News, recipient: str, at: datetime) -> None:
        outbound_id = new_id()
        message_id = self._identity.make_message_id(outbound_id)
        text = "\n".join([*news.lines, "", *([self.terms.base_url] if self.terms.base_url else [])]).rstrip() + "\n"
        draft = Draft(
            kind=Kind.NOTICE,
            recipient=recipient,
            subject=news.subject,
            date=at,
            message_id=message_id,
            in_reply_to=None,
            references=(),
            reply_token=None,
            language="en",
            text=(text,),
            html=(),
        )
        add_outbound(
            connection,
            None,
            id=outbound_id,
            kind=Kind.NOTICE,
            recipient=recipient,
            envelope_sender=self.terms.envelope_sender,
            message_id_header=message_id,
            template=news.kind,
            locale="en",
            created_at=at,
            due_at=at,
            give_up_at=at + _GIVE_UP_AFTER,
        )
        store_contents(connection, {outbound_id: pack(compose(draft, self.terms.sender))})


def _mark(news: News, at: datetime) -> tuple[str, int]:
    """Give the serial by which all nodes know that something was told, and its value now: the day, or the hour."""
    if news.kind == "digest":
        return "staff digest", at.toordinal()
    return f"staff alarm {news.kind}", int(at.timestamp()) // _HOUR_SECONDS


def make_digest(connection: Connection, at: datetime, terms: StaffTerms) -> News:
    """Give how the queue stands."""
    figures = read_figures(connection, at, terms.overdue_after)
    limited = dict(figures.silent).get(Reason.REPLY_LIMIT, 0)
    lines = [
        f"New requests in 24 hours:      {count_opened(connection, at - _DAY)}",
        f"Waiting for a decision:        {figures.waiting}{_oldest(figures, at)}",
        f"Overdue:                       {figures.overdue}",
        f"Asked, not answered yet:       {figures.asked}",
        f"Exemptions ending in 14 days:  {count_expiring(connection, at, at + _ENDING_SOON)}",
        f"Messages not delivered:        {figures.failed + figures.bounced}",
        f"Not answered because of limit: {limited}",
        f"Messages in 24 hours:          {figures.came_today}, {figures.answered_today} answered",
    ]
    subject = f"{figures.waiting} waiting, {figures.overdue} overdue"
    return News("digest", f"Exemption requests: {subject}", tuple(lines))


def _oldest(figures: Figures, at: datetime) -> str:
    return f", the oldest for {(at - figures.oldest_at).days} days" if figures.oldest_at else ""


def find_alarms(connection: Connection, at: datetime) -> Sequence[News]:
    """Give what does not work just now."""
    alarms: list[News] = []
    health = read_health(connection, since=at - _LATELY, now=at, patience=_PATIENCE)
    if health.overdue:
        line = f"{health.overdue} messages should have left {_PATIENCE.seconds // 60} minutes ago or more."
        alarms.append(News("relay", "Answers do not leave", (line, "`responder doctor` asks the relay.")))
    if troubles := find_troubles(connection, at - _LATELY):
        alarms.append(News("template", "A template failed in use", (*troubles[:10], "A safer text was sent instead.")))
    if lists := refusing_lists(connection, at - _LATELY):
        told = tuple(f"{name} refuses to answer our name servers." for name in lists[:10])
        alarms.append(News("list", "A blocklist refuses to answer", (*told, "Its listings are not known until then.")))
    return alarms
