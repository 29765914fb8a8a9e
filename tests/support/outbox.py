"""Outbound messages as intake leaves them, and what delivery needs around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert, select, update

from responder.domain.address import ip_key, parse_ip
from responder.services.clock import ClockWatch
from responder.services.delivery import Delivery, DeliveryTerms
from responder.services.letter import Letter
from responder.services.letters import Letters
from responder.services.rendering import Rendered
from responder.services.templates.library import Library
from responder.services.transports import Reply
from responder.storage.ids import new_id
from responder.storage.schema import messages, outbound, requests
from responder.storage.writer import Writer
from tests.support.clock import FakeClock

ADDRESS = ip_key(parse_ip("192.0.2.25"))


def queue_answer(engine: Engine, number: int = 1, **changes: Any) -> int:
    """Store a plea of `adminNUMBER@example.org`, its request and the answer that is due; give the answer's id."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    ids = {name: new_id() for name in ("request", "message", "outbound")}
    sender = f"admin{number}@example.org"
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(requests).values(_request(ids, sender, now)))
        connection.execute(insert(messages).values(_message(ids, sender, now)))
        connection.execute(insert(outbound).values(_answer(ids, sender, now) | changes))
    return ids["outbound"]


def _request(ids: Mapping[str, int], sender: str, now: datetime) -> dict[str, Any]:
    return {
        "id": ids["request"], "reference": f"R{ids['request']}", "reply_token": f"t{ids['request']}",
        "state": "waiting", "version": 1, "open_key": None, "unanswered": None, "unread": True, "opened_at": now,
        "updated_at": now, "sender_key": sender, "contact": sender, "domain": "example.org", "address_key": ADDRESS,
        "networks": ["192.0.2.25/32", "198.51.100.0/29"], "address_source": "rejection", "client_key": ADDRESS,
        "proof": "client", "software_product": "exchange", "software_version": "2003", "locale": "en",
        "subject": "help", "advice": None, "advice_reasons": [], "assignee_id": None, "message_count": 1,
        "lapse_at": None, "decided_at": None, "decided_by": None,
    }  # fmt: skip


def _message(ids: Mapping[str, int], sender: str, now: datetime) -> dict[str, Any]:
    return {
        "id": ids["message"], "received_at": now, "node": "n", "request_id": ids["request"],
        "reference": f"M{ids['message']}", "rcpt_kind": "bypass", "recipients": ["bypass@example.com"],
        "reverse_path": sender, "sender_key": sender, "header_from": sender, "client_key": ADDRESS,
        "client_source": "peer", "helo_name": "mail.example.org", "tls": False,
        "message_id_header": f"<{ids['message']}@example.org>", "message_references": ["<0@example.org>"],
        "subject": "help", "size": 1000, "disposition": "answer", "reason": None, "refused_key": ADDRESS,
        "address_source": "rejection",
        "rejection": {"code": 550, "enhanced": "5.7.1", "text": "appears to be dynamically assigned",
                      "by": "mx.example.com", "ours": True, "cause": "dynamic", "address": "192.0.2.25"},
        "software_product": "exchange", "software_version": "2003", "software_name": None,
        "software_certainty": "certain", "software_evidence": "X-MimeOLE", "locale": "en", "repeats": 0,
    }  # fmt: skip


def _answer(ids: Mapping[str, int], sender: str, now: datetime) -> dict[str, Any]:
    return {
        "id": ids["outbound"], "kind": "reply", "request_id": ids["request"], "message_id": ids["message"],
        "recipient": sender, "envelope_sender": "", "message_id_header": f"<{ids['outbound']}@example.com>",
        "template": "answer", "template_version_id": None, "locale": "en", "state": "queued", "reason": None,
        "attempts": 0, "created_at": now, "due_at": now, "give_up_at": now + timedelta(hours=48), "claimed_by": None,
        "settled_at": None, "last_code": None, "last_text": None,
    }  # fmt: skip


def row(engine: Engine, outbound_id: int) -> Any:
    """Give the outbound message as it is stored."""
    with engine.connect() as connection:
        return connection.execute(select(outbound).where(outbound.c.id == outbound_id)).one()


def rows(engine: Engine) -> list[Any]:
    """Give every outbound message as it is stored, oldest first."""
    with engine.connect() as connection:
        return list(connection.execute(select(outbound).order_by(outbound.c.id)))


def make_due(engine: Engine) -> None:
    """Let time pass until everything that waits is due."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    with engine.execution_options(write=True).begin() as connection:
        connection.execute(update(outbound).where(outbound.c.state == "queued").values(due_at=past))


class Pen:
    """Words letters in the shortest way, and remembers them."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.before: Callable[[Letter], None] = lambda _: None

    def render(self, letter: Letter) -> Rendered:
        self.before(letter)
        self.letters.append(letter)
        content = f"Message-ID: {letter.message_id}\r\nTo: {letter.recipient}\r\n\r\n{len(self.letters)}\r\n"
        return Rendered((content.encode(),), "en", letter.template, None)


class Box:
    """A transport that keeps what it gets, or does what `before` does instead."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str, str, bytes]] = []
        self.reports: list[bool] = []
        self.calls = 0
        self.before: Callable[[int], None] = lambda _: None

    def deliver(self, outbound_id: int, envelope_sender: str, recipient: str, pieces, *, reports: bool = False):
        self.calls += 1
        self.before(outbound_id)
        self.taken.append((outbound_id, envelope_sender, recipient, b"".join(pieces)))
        self.reports.append(reports)
        return Reply(250, f"2.0.0 queued as {len(self.taken)}")

    def check(self):
        return Reply(250, "2.0.0 ok")

    def close(self) -> None:
        pass


@dataclass
class Post:
    """One process that delivers: its parts, and the whole way of a batch in one call."""

    engine: Engine
    writer: Writer
    instance: str = "host/1/1/a"
    terms: DeliveryTerms = field(default_factory=lambda: DeliveryTerms(max_per_minute=0))
    clock: FakeClock = field(default_factory=FakeClock)
    pen: Pen = field(default_factory=Pen)
    box: Any = field(default_factory=Box)

    def __post_init__(self) -> None:
        self.watch = ClockWatch(self.clock)
        self.letters = Letters(Library(), guides=["exchange-2007", "generic"], quote_subject=False)
        self.delivery = Delivery(
            self.engine,
            self.writer,
            letters=self.letters,
            words=self.pen,
            transport=self.box,
            terms=self.terms,
            instance=self.instance,
            clock=self.clock,
            watch=self.watch,
        )

    def run(self, limit: int = 50) -> int:
        """Claim, word, hand over and settle once; give how many messages were tried."""
        parcels = self.delivery.prepare(self.delivery.claim(limit))
        if parcels:
            self.delivery.settle([self.delivery.hand_over(parcel) for parcel in parcels])
        return len(parcels)
