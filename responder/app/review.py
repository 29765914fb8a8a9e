"""What decides and what is watched by the clock, made of the settings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Engine

from responder.app.parts import give_up_after
from responder.app.staff import make_staff_terms
from responder.domain.exemption import ExemptionRules
from responder.domain.identity import Identity
from responder.services.blocked import Blocked
from responder.services.clock import Clock, ClockWatch
from responder.services.desk import ReviewTerms
from responder.services.digest import StaffNews
from responder.services.exemptions import Exemptions
from responder.services.retention import Octets
from responder.services.review import Review
from responder.services.review_chores import ReviewChores
from responder.services.text_index import TextIndex
from responder.services.upkeep import Chore
from responder.settings import Settings
from responder.storage.pending import want_evidence
from responder.storage.writer import Writer

_DECIDE_EVERY_SECONDS = 60.0
_INDEX_EVERY_SECONDS = 2.0
_INDEX_PATIENCE_SECONDS = 10.0  # a request that cannot be found by its words for that long hurts nobody in a flood
_TELL_EVERY_SECONDS = 60.0
_FORGET_EVERY_SECONDS = 3600.0


def make_review_terms(settings: Settings) -> ReviewTerms:
    """Give how decisions are made."""
    review = settings.review
    rules = ExemptionRules(
        least_prefix={4: review.max_prefix_v4, 6: review.max_prefix_v6},
        admin_least_prefix={4: review.admin_max_prefix_v4, 6: review.admin_max_prefix_v6},
        allow_networks=review.allow_networks,
    )
    return ReviewTerms(
        rules=rules,
        exemption_for=timedelta(days=review.exemption_days),
        undo_for=timedelta(seconds=review.undo_seconds),
        lapse_after=timedelta(days=review.lapse_after_days) if review.lapse_after_days else None,
        give_up_after=give_up_after(settings),
        envelope_sender=settings.relay.envelope_sender,
        bounce_address=settings.relay.bounce_address,
        auto_approves=review.auto_approve == "static-and-proven",
    )


def make_review(
    settings: Settings,
    writer: Writer,
    identity: Identity,
    *,
    clock: Clock,
    on_notice: Callable[[], None] = lambda: None,
) -> Review:
    """Give what takes decisions about requests."""
    return Review(
        writer,
        identity,
        make_review_terms(settings),
        clock=clock,
        want_evidence=want_evidence if settings.evidence.enabled else None,
        on_notice=on_notice,
    )


def make_exemptions(
    settings: Settings,
    writer: Writer,
    identity: Identity,
    *,
    clock: Clock,
    on_notice: Callable[[], None] = lambda: None,
) -> Exemptions:
    """Give what adds and revokes exemptions."""
    return Exemptions(writer, identity, make_review_terms(settings), clock=clock, on_notice=on_notice)


def make_blocked(writer: Writer, *, clock: Clock) -> Blocked:
    """Give what blocks senders."""
    return Blocked(writer, clock=clock)


class Chores:
    """What is done by the clock: due decisions, the index of words, what staff are told, what is forgotten.

    Attributes:
        list: all of it.
    """

    def __init__(
        self, settings: Settings, engine: Engine, writer: Writer, identity: Identity, watch: ClockWatch
    ) -> None:
        """Take where to read and write, who we are, and what knows of clocks that were set."""
        self._identity = identity
        self._decisions = ReviewChores(engine, writer, identity, make_review_terms(settings), watch)
        self._news = StaffNews(engine, writer, identity, make_staff_terms(settings, identity))
        self.list: tuple[Chore, ...] = (
            Chore(self._decisions.run_due, _DECIDE_EVERY_SECONDS),
            Chore(TextIndex(engine, writer).run_due, _INDEX_EVERY_SECONDS, _INDEX_PATIENCE_SECONDS),
            Chore(self._news.run_due, _TELL_EVERY_SECONDS),
        )
        if settings.retention.raw_days:
            octets = Octets(writer, watch, timedelta(days=settings.retention.raw_days))
            self.list = (*self.list, Chore(octets.run_due, _FORGET_EVERY_SECONDS))

    def apply(self, settings: Settings) -> None:
        """Go on with other terms; staff's own addresses stay, which the identity of this process knows as ours."""
        self._decisions.terms = make_review_terms(settings)
        recipients = self._news.terms.recipients
        self._news.terms = replace(make_staff_terms(settings, self._identity), recipients=recipients)
