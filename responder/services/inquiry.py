"""Between acceptance and wording: answers that wait for evidence, what is found out, and what that decides."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from responder import maillog
from responder.domain.address import IPAddress, key_to_ip
from responder.domain.advice import may_approve_alone
from responder.domain.envelope import ClientSource
from responder.domain.findings import Finding
from responder.domain.plea import AddressSource, Cause, Proof, Rejection
from responder.domain.reference import find_references
from responder.domain.vouching import SenderEvidence
from responder.services.clock import Clock
from responder.services.evidence import Evidence, Question
from responder.services.evidence.history import find_history
from responder.services.examination import judge_findings, shows_refusal
from responder.services.second_decision import Verdict, conclude
from responder.storage import outbox, pending
from responder.storage.messages import find_raw
from responder.storage.writer import Writer

# Evidence that comes this much after its time still counts if the answer has not left.
_SLACK = timedelta(seconds=2)
_UNADVISED_FOR = timedelta(days=1)
_FROM_RELAY = frozenset({ClientSource.XFORWARD, ClientSource.RECEIVED})

Approve = Callable[[Connection, int], object]
"""Approves a request, given by its id, in the transaction that wrote down its advice; or does not, by its own rules."""


@dataclass(frozen=True, slots=True)
class InquiryTerms:
    """What is decided from evidence.

    Attributes:
        wanted: what must speak for a sender before it is answered.
        approve: approves a static and proven address without a person; None leaves that to people.
    """

    wanted: SenderEvidence = SenderEvidence.NOT_FORGED
    approve: Approve | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One message about which evidence is wanted: its row, the question, and what was there before."""

    row: RowMapping
    question: Question
    deadline: float


class Inquiry:
    """The steps of finding out; a face runs them in threads. `terms` may be replaced at any time.

    Every step that needs the database raises StorageUnavailable, or what the driver raises, when it cannot be used.

    Attributes:
        evidence: gathers it.
    """

    def __init__(
        self, engine: Engine, writer: Writer, evidence: Evidence, terms: InquiryTerms, *, instance: str, clock: Clock
    ) -> None:
        """Take the parts; `instance` is what this process is called in claims."""
        self.evidence = evidence
        self.terms = terms
        self._engine = engine
        self._writer = writer
        self._instance = instance
        self._clock = clock

    def claim(self, limit: int) -> list[Case]:
        """Claim up to `limit` answers that wait for evidence."""
        longest = timedelta(seconds=self.evidence.terms.deadline_seconds) + _SLACK

        def work(connection: Connection) -> Sequence[int]:
            at = outbox.time_of(connection, self._clock.now())
            return pending.claim_pending(connection, instance=self._instance, limit=limit, at=at, longest=longest)

        with self._engine.connect() as connection:
            at = outbox.time_of(connection, self._clock.now())
            if not pending.is_any_pending(connection, at, longest):
                return []
        ids = self._writer.run(work).result()
        if not ids:
            return []
        with self._engine.connect() as connection:
            return self._cases(connection, pending.read_pending(connection, ids))

    def find_late(self, limit: int) -> list[Case]:
        """Give answers that are due without evidence and held up by a limit, those that leave next first."""
        with self._engine.connect() as connection:
            at = outbox.time_of(connection, self._clock.now())
            ids = pending.find_late(connection, at, limit)
            return self._cases(connection, pending.read_pending(connection, ids)) if ids else []

    def find_unadvised(self, limit: int) -> list[Case]:
        """Give open requests of the last day that lack advice and whose answer, if any, does not wait for evidence."""
        now = self._clock.now()
        before = now - timedelta(seconds=self.evidence.terms.deadline_seconds)
        with self._engine.connect() as connection:
            return self._cases(connection, pending.find_unadvised(connection, now - _UNADVISED_FOR, before, limit))

    def find_requests(self, request_ids: Sequence[int]) -> list[Case]:
        """Give the cases of requests, whatever is known about them."""
        with self._engine.connect() as connection:
            return self._cases(connection, pending.read_requests(connection, request_ids))

    def _cases(self, connection: Connection, rows: Sequence[RowMapping]) -> list[Case]:
        return [self._case(connection, row) for row in rows]

    def _case(self, connection: Connection, row: RowMapping) -> Case:
        now = self._clock.now()
        keys = (row["message_refused_key"], row["request_address_key"])
        # An answer is about what its message says; advice, where no answer waits, is about the request.
        address = _ip((keys[0] or keys[1]) if row["outbound_id"] is not None else (keys[1] or keys[0]))
        history = find_history(
            connection,
            address=address,
            domain=row["request_domain"],
            contact=row["request_contact"],
            request_id=row["request_id"],
            at=now,
        )
        # Whoever waits for something else than evidence gets all its time.
        accepted_at = row["message_received_at"] if row["due_at"] and row["due_at"] > now else now
        question = Question(
            received_at=accepted_at,
            reverse_path=row["message_reverse_path"],
            header_from=row["message_header_from"],
            client=_ip(row["message_client_key"]),
            helo_name=row["message_helo_name"],
            address=address,
            proof=Proof(row["request_proof"]),
            came_by_relay=ClientSource(row["message_client_source"]) in _FROM_RELAY,
            read_raw=lambda: self._read_raw(row["message_id"], row["message_size"]),
            known=history,
        )
        return Case(row, question, self.evidence.deadline_of(accepted_at, now))

    def _read_raw(self, message_id: int, size: int) -> bytes | None:
        """Give a message, None when not all of it is kept."""
        with self._engine.connect() as connection:
            raw = find_raw(connection, message_id)
        return raw if raw is not None and len(raw) == size else None

    def begin(self, case: Case) -> Future[tuple[Finding, ...]]:
        """Begin to gather evidence; the future is done when the case's time is over, and never fails."""
        return self.evidence.begin(case.question, case.deadline)

    def judge(self, case: Case, findings: tuple[Finding, ...]) -> Verdict:
        """Say what the findings decide."""
        row = case.row
        is_about_request = row["request_address_key"] is None or case.question.address == _ip(
            row["request_address_key"]
        )
        examined = judge_findings(
            case.question,
            findings,
            rejection=_rejection(row["message_rejection"]),
            is_plea=_is_plea(row, case.question),
            wanted=self.terms.wanted,
        )
        return Verdict(
            outbound_id=row["outbound_id"],
            message_id=row["message_id"],
            request_id=row["request_id"],
            request_version=row["request_version"],
            sender_key=row["request_sender_key"],
            findings=examined.findings,
            advice=examined.advice if is_about_request else None,
            reason=examined.reason if row["outbound_id"] else None,
            refused_client=examined.refused_client,
        )

    def conclude(self, verdicts: Sequence[Verdict]) -> None:
        """Write down what was decided and make due what may leave; approve what needs no person."""

        def work(connection: Connection) -> Sequence[RowMapping]:
            at = outbox.time_of(connection, self._clock.now())
            cancelled, current = conclude(connection, verdicts, self._instance, at)
            self._approve(connection, current)
            return cancelled

        reasons = {one.outbound_id: str(one.reason) for one in verdicts}
        for row in self._writer.run(work).result():
            outbound_id, kind, recipient = row["id"], row["kind"], row["recipient"]
            maillog.cancelled(outbound_id=outbound_id, kind=kind, recipient=recipient, reason=reasons[outbound_id])

    def _approve(self, connection: Connection, verdicts: Sequence[Verdict]) -> None:
        if approve := self.terms.approve:
            for one in verdicts:
                if one.reason is None and one.advice and may_approve_alone(one.advice, one.findings):
                    approve(connection, one.request_id)


def _is_plea(row: RowMapping, question: Question) -> bool:
    """Tell whether a message shows that its sender was refused, or heard from us."""
    source = row["message_address_source"]
    return shows_refusal(
        question,
        quotes_refusal=row["message_rejection"] is not None,
        address_source=AddressSource(source) if source else None,
    ) or row["request_reference"] in find_references(row["message_subject"])


def _rejection(row: dict[str, Any] | None) -> Rejection | None:
    if row is None:
        return None
    named = {name: row[name] for name in ("code", "enhanced", "text", "by", "ours")}
    return Rejection(**named, cause=Cause(row["cause"]), address=None)


def _ip(key: bytes | None) -> IPAddress | None:
    return key_to_ip(bytes(key)) if key else None
