"""A queue with pleas in it, and all that decides about them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Table, select, update

from responder.domain.actor import Actor, ActorKind
from responder.domain.address import parse_network
from responder.domain.exemption import ExemptionRules
from responder.domain.limits import ReplyLimits, Scope
from responder.domain.roles import Role
from responder.services.acceptance import Terms, accept
from responder.services.arrival import make_arrival
from responder.services.blocked import Blocked
from responder.services.clock import ClockWatch
from responder.services.desk import ReviewTerms
from responder.services.exemptions import Exemptions
from responder.services.queue import Queue
from responder.services.review import Review
from responder.services.review_chores import ReviewChores
from responder.services.text_index import TextIndex
from responder.storage.decisions import lock_request
from responder.storage.schema import audit, exemptions, messages, outbound, requests
from responder.storage.schema_desk import outbound_data
from responder.storage.serials import EXEMPTIONS, read_serial
from responder.storage.writer import Writer
from tests.support.clock import FakeClock
from tests.support.pleas import IDENTITY, Letter

ANN = Actor(ActorKind.STAFF, "ann", Role.REVIEWER)
BOB = Actor(ActorKind.STAFF, "bob", Role.REVIEWER)
ADMIN = Actor(ActorKind.STAFF, "ada", Role.ADMIN)
READER = Actor(ActorKind.STAFF, "ray", Role.READER)
ALLOWED = ("203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32")
RULES = ExemptionRules({4: 29, 6: 64}, {4: 24, 6: 48}, tuple(parse_network(text) for text in ALLOWED))
TERMS = ReviewTerms(
    rules=RULES,
    exemption_for=timedelta(days=365),
    undo_for=timedelta(seconds=120),
    lapse_after=timedelta(days=30),
    give_up_after=timedelta(hours=48),
)
_INTAKE = Terms(ReplyLimits(window_hours=24, max_per_sender_per_week=0), {Scope.NETWORK: 0, Scope.DOMAIN: 0})


class Office:
    """The services over one database, with a writer of their own."""

    def __init__(self, engine: Engine, terms: ReviewTerms = TERMS) -> None:
        self.engine = engine
        self.clock = FakeClock()
        self.wanted: list[int] = []
        self.notices = 0
        self.writer = Writer(engine)
        self.writer.start()
        self.review = Review(
            self.writer,
            IDENTITY,
            terms,
            clock=self.clock,
            want_evidence=lambda _, request_ids: self.wanted.extend(request_ids),
            on_notice=self._count,
        )
        self.exemptions = Exemptions(self.writer, IDENTITY, terms, clock=self.clock)
        self.blocked = Blocked(self.writer, clock=self.clock)
        self.queue = Queue(engine, clock=self.clock)
        self.chores = ReviewChores(engine, self.writer, IDENTITY, terms, ClockWatch(self.clock))
        self.index = TextIndex(engine, self.writer)
        self._number = 0

    def _count(self) -> None:
        self.notices += 1

    def plead(self, **letter: Any) -> str:
        """Store a plea and give the reference of its request."""
        self._number += 1
        written = Letter(**{"number": self._number} | letter)
        arrival = make_arrival(written.reading(), written.content(), IDENTITY, "one")
        now = self.clock.now()
        work = self.writer.run(lambda connection: accept(connection, [arrival], _INTAKE, IDENTITY, blocked=(), now=now))
        (receipt,) = work.result(30)
        with self.engine.connect() as connection:
            request_id = select(messages.c.request_id).where(messages.c.reference == receipt.reference)
            query = select(requests.c.reference).where(requests.c.id == request_id.scalar_subquery())
            reference: str = connection.execute(query).scalar_one()
        return reference

    def request(self, reference: str) -> Any:
        """Give the row of a request."""
        with self.engine.connect() as connection:
            return lock_request(connection, reference)

    def rows(self, table: Table, **equal: Any) -> Sequence[Any]:
        """Give the rows of a table, oldest first."""
        conditions = [table.c[name] == value for name, value in equal.items()]
        with self.engine.connect() as connection:
            return connection.execute(select(table).where(*conditions).order_by(next(iter(table.primary_key)))).all()

    def sent(self, reference: str) -> Sequence[Any]:
        """Give what was queued for a request besides its automatic answer, oldest first, with `data`."""
        query = select(outbound, outbound_data.c.data).join(outbound_data, outbound_data.c.outbound_id == outbound.c.id)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(outbound.c.id)).all()
        return [row for row in found if row.request_id == self.request(reference)["id"]]

    def exempt(self) -> Sequence[Any]:
        """Give every exemption."""
        return self.rows(exemptions)

    def events(self, reference: str) -> list[str]:
        """Give the events of a request."""
        return [row.event for row in self.rows(audit, subject_id=self.request(reference)["id"])]

    def change(self, table: Table, **values: Any) -> None:
        """Set columns of every row."""
        with self.engine.execution_options(write=True).begin() as connection:
            connection.execute(update(table).values(**values))

    def serial(self) -> int:
        """Give the serial of exemptions."""
        with self.engine.connect() as connection:
            return read_serial(connection, EXEMPTIONS)

    def close(self) -> None:
        """Stop the writer."""
        self.writer.stop()
