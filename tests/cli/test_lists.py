"""`queue`, `messages` and `outbox`: what they list, the shapes that programs rely on, hostile text made harmless."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, update

from responder.app.database import make_data_dir, open_database
from responder.app.identity import make_identity
from responder.app.parts import make_terms
from responder.cli.root import root
from responder.domain.address import parse_ip
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.reading import read
from responder.services.intake import Intake
from responder.settings import load
from responder.storage.schema import messages, outbound, requests
from responder.storage.writer import Writer

MOMENT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
PLEA = """From: Ann <{sender}>
Subject: {subject}
Message-ID: <{number}@mail.example.org>
X-MimeOLE: Produced By Microsoft Exchange V6.5

550 5.7.1 Your IP address {address} appears to be dynamically assigned.
"""
QUEUE = {
    "reference", "state", "unanswered", "address", "networks", "address_source", "client", "proof", "domain", "contact",
    "software", "advice", "reasons", "assignee", "messages", "subject", "opened_at", "updated_at", "unread",
}  # fmt: skip
DETAILS = {"id", "version", "locale", "lapse_at", "decided_at", "decided_by"}
LISTS = {"timeline", "findings", "message_list", "replies", "exemptions"}
MESSAGES = {
    "id", "reference", "request", "received_at", "disposition", "reason", "reverse_path", "client", "address",
    "subject", "size", "repeats",
}  # fmt: skip
OUTBOX = {
    "id", "kind", "state", "request", "recipient", "message_id", "attempts", "due_at", "sent_at", "last_reply",
}  # fmt: skip


@dataclass
class Stored:
    """A database with pleas in it, and the way to look at it."""

    engine: Engine
    intake: Intake
    count: int = 0

    def add(self, sender: str, address: str, subject: str = "refused") -> str:
        """Store a plea and give its reference."""
        self.count += 1
        text = PLEA.format(sender=sender, subject=subject, number=self.count, address=address)
        content = text.replace("\n", "\r\n").encode()
        envelope = Envelope(
            reverse_path=sender,
            recipients=(Recipient("bypass@example.com", RecipientKind.BYPASS),),
            client=parse_ip("203.0.113.9"),
            client_source=ClientSource.PEER,
            helo_name="mail.example.org",
            tls=False,
            smtputf8=False,
            trusted_relay=False,
            received_at=MOMENT + timedelta(minutes=self.count),
        )
        digest = hashlib.sha256(content).digest()
        return self.intake.submit(envelope, Content(content, len(content), digest)).result(30).reference

    @staticmethod
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(root, arguments)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {}).settings
    make_data_dir(settings)
    engine = open_database(settings, migrates=True)
    writer, identity = Writer(engine), make_identity(settings, bytes(32))
    intake = Intake(
        writer, identity, make_terms(settings), read=partial(read, identity=identity), node="n", clock=lambda: MOMENT
    )
    writer.start()
    intake.start()
    yield Stored(engine, intake)
    intake.stop()
    writer.stop()
    engine.dispose()


def test_messages_are_listed_by_sender_disposition_and_reason(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    stored.add("bob@mail.example.org", "203.0.113.10")
    stored.add("ann@mail.example.org", "203.0.113.9", "again")

    def subjects(*arguments: str) -> list[tuple[str, str]]:
        return [(row["reverse_path"][:3], row["subject"]) for row in stored.rows("messages", "list", *arguments)]

    assert subjects("--sender", "Ann@Mail.example.org") == [("ann", "again"), ("ann", "refused")]
    assert subjects("--disposition", "answer") == [("bob", "refused"), ("ann", "refused")]
    assert subjects("--reason", "reply-limit") == [("ann", "again")]
    assert subjects("--reason", "forged") == []
    assert stored.run("messages", "list", "--reason", "nonsense").exit_code == 2


def test_outbound_messages_are_listed_by_state(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    stored.add("bob@mail.example.org", "203.0.113.10")
    newest, _ = stored.rows("outbox", "list")
    assert stored.run("outbox", "cancel", newest["id"]).exit_code == 0
    assert [row["id"] for row in stored.rows("outbox", "list", "--state", "cancelled")] == [newest["id"]]
    assert [row["state"] for row in stored.rows("outbox", "list", "--state", "queued")] == ["queued"]
    assert stored.run("outbox", "list", "--state", "nonsense").exit_code == 2


def test_shapes_are_those_that_programs_rely_on(stored: Stored) -> None:
    reference = stored.add("ann@mail.example.org", "203.0.113.9")
    (request,) = stored.rows("queue", "list")
    assert set(request) == QUEUE
    assert request["reference"] == reference
    assert request["software"] == {"product": "exchange", "version": "2003"}
    assert request["networks"] == ["203.0.113.9/32"]
    assert request["proof"] == "client"
    assert request["opened_at"].endswith("Z")
    (message,) = stored.rows("messages", "list")
    assert set(message) == MESSAGES
    assert message["request"] == reference
    (answer,) = stored.rows("outbox", "list")
    assert set(answer) == OUTBOX
    assert (answer["state"], answer["sent_at"], answer["last_reply"]) == ("queued", None, None)


def test_show_has_everything_of_a_request(stored: Stored) -> None:
    reference = stored.add("ann@mail.example.org", "203.0.113.9")
    follow_up = stored.add("ann@mail.example.org", "203.0.113.9", "and again")
    (request,) = stored.rows("queue", "show", reference)
    assert set(request) == QUEUE | DETAILS | LISTS
    assert [message["reference"] for message in request["message_list"]] == [reference, follow_up]
    assert [set(message) for message in request["message_list"]] == [MESSAGES, MESSAGES]
    assert [set(reply) for reply in request["replies"]] == [OUTBOX]
    assert stored.rows("queue", "show", follow_up.lower().replace("-", "")) == [request]


def test_bare_noun_lists(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    for noun in ("queue", "messages", "outbox"):
        assert stored.rows(noun) == stored.rows(noun, "list")


def test_pages_join_without_gap_or_repeat(stored: Stored) -> None:
    for number in range(1, 6):
        stored.add(f"ann@host{number}.example.org", f"203.0.113.{number}")
    for noun, key in (("queue", "reference"), ("messages", "id"), ("outbox", "id")):
        every = [row[key] for row in stored.rows(noun, "--limit", "0")]
        first = [row[key] for row in stored.rows(noun, "--limit", "2")]
        rest = [row[key] for row in stored.rows(noun, "--after", first[-1])]
        assert len(every) == 5
        assert first + rest == every


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["messages", "--limit", str(2**63 - 1)], 0),
        (["outbox", "--after", str(2**63 - 1)], 0),
        (["queue", "--limit", str(2**63)], 2),
        (["messages", "--after", str(2**63)], 2),
        (["messages", "show", "9" * 19], 2),
        (["outbox", "show", "9" * 5000], 2),
        (["messages", "show", str(2**63 - 1)], 1),
        (["messages", "show", "00000-00000"], 1),
        (["messages", "show", "00000-0000"], 2),
    ],
)
def test_a_number_that_no_database_holds_is_wrong_usage(stored: Stored, arguments: list[str], exit_code: int) -> None:
    done = stored.run(*arguments)
    assert (done.exit_code, type(done.exception) in {SystemExit, type(None)}) == (exit_code, True)


def test_filters_of_the_queue(stored: Stored) -> None:
    ann = stored.add("ann@mail.example.org", "203.0.113.9", "our printer")
    bob = stored.add("bob@example.net", "198.51.100.7")
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(requests).where(requests.c.reference == bob).values(state="denied", open_key=None))
    for arguments, expected in (
        ([], [ann]),
        (["--state", "denied"], [bob]),
        (["--state", "all"], [bob, ann]),
        (["--state", "all", "--address", "203.0.113.0/24"], [ann]),
        (["--state", "all", "--domain", "example.org"], [ann]),
        (["--state", "all", "--contact", "bob@example.net"], [bob]),
        (["--state", "all", "--software", "exchange"], [ann]),
        (["--state", "all", "--software", "postfix"], []),
        (["--quoted"], [ann]),
        (["--not-quoted"], []),
        (["--since", "2026-02-01"], []),
        (["--since", "2026-01-31T08:00:00Z"], [ann]),
        (["--text", "print"], [ann]),
    ):
        assert [row["reference"] for row in stored.rows("queue", "list", *arguments)] == expected, arguments


def test_raw_gives_the_octets_and_nothing_else(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    (message,) = stored.rows("messages")
    done = stored.run("messages", "show", "--raw", message["id"])
    assert done.stdout_bytes.startswith(b"From: Ann <ann@mail.example.org>\r\n")
    assert done.stdout_bytes.endswith(b"dynamically assigned.\r\n")
    (answer,) = stored.rows("outbox")
    done = stored.run("outbox", "show", "--raw", answer["id"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "not been written yet" in done.stderr


def test_show_of_a_message_tells_what_was_read(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    (message,) = stored.rows("messages")
    (details,) = stored.rows("messages", "show", message["id"])
    assert details.items() >= message.items()
    assert details["rejection"]["cause"] == "dynamic"
    assert details["software"]["certainty"] == "certain"
    done = stored.run("messages", "show", message["id"])
    assert "exchange 2003" in done.stdout
    assert "Produced By Microsoft Exchange V6.5" in done.stdout


def test_a_message_is_shown_by_the_reference_that_its_client_heard(stored: Stored) -> None:
    first = stored.add("ann@mail.example.org", "203.0.113.9")
    follow_up = stored.add("ann@mail.example.org", "203.0.113.9", "and again")
    for typed in (follow_up, follow_up.lower().replace("-", "")):
        (details,) = stored.rows("messages", "show", typed)
        assert (details["reference"], details["request"], details["subject"]) == (follow_up, first, "and again")
    assert b"Subject: and again" in stored.run("messages", "show", "--raw", follow_up).stdout_bytes


@pytest.mark.parametrize("width", ["80", "120", "200"])
def test_the_list_of_messages_has_the_reference_of_each(
    stored: Stored, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = [stored.add("ann@mail.example.org", "203.0.113.9", subject) for subject in ("one", "two")]
    monkeypatch.setenv("COLUMNS", width)
    heading, *rows = stored.run("messages").output.splitlines()
    column = heading.split().index("REFERENCE")
    assert [row.split()[column] for row in reversed(rows)] == references


def test_reasons_stand_one_under_another(stored: Stored) -> None:
    reference = stored.add("ann@mail.example.org", "203.0.113.9")
    reasons = ["The plea came in time.", "Its reverse name is dynamic."]
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(requests).values(advice_reasons=reasons))
    first, *others = stored.run("queue", "show", reference).output.partition("\nreasons ")[2].splitlines()
    assert first.strip() == "The plea came in time."
    assert others[0] == " " * len("reasons ") + first.replace(*reasons)


@pytest.mark.parametrize("width", ["40", "80", "200"])
def test_hostile_text_and_long_text_stay_in_their_lines(
    stored: Stored, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = "\x1b[2J\x1b]0;x\x07\r\n\u202e[bold]\u9999" + "x" * 300
    reference = stored.add("ann@mail.example.org", "203.0.113.9")
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(requests).values(subject=hostile, contact=hostile, software_version=hostile))
        connection.execute(update(messages).values(subject=hostile, reverse_path=hostile, helo_name=hostile))
        connection.execute(update(outbound).values(recipient=hostile, last_text=hostile))
    (message,), (answer,) = stored.rows("messages"), stored.rows("outbox")
    monkeypatch.setenv("COLUMNS", width)
    for arguments in (
        ["queue"], ["queue", "--json"], ["queue", "show", reference], ["queue", "show", reference, "--json"],
        ["messages"], ["messages", "--json"], ["messages", "show", message["id"]],
        ["outbox"], ["outbox", "--json"], ["outbox", "show", answer["id"]],
    ):  # fmt: skip
        done = stored.run(*arguments)
        assert done.exit_code == 0, done.output
        assert not set("\x1b\x07\r\u202e") & set(done.output)
        assert "--json" in arguments or "[bold]" not in done.output or "\\u202e[bold]" in done.output
        if arguments in (["queue"], ["messages"], ["outbox"]):
            assert len(done.output.splitlines()) == 2
            assert max(map(len, done.output.splitlines())) <= int(width)


def test_a_narrow_terminal_keeps_numbers_whole(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = stored.add("ann.of.the.long.name@mail.example.org", "203.0.113.9")
    (message,), (answer,) = stored.rows("messages"), stored.rows("outbox")
    monkeypatch.setenv("COLUMNS", "60")
    for noun, wanted in (("queue", (reference, "203.0.113.9")), ("messages", (message["id"],)),
                         ("outbox", (answer["id"],))):  # fmt: skip
        row = stored.run(noun).output.splitlines()[1]
        assert set(wanted) <= set(row.split())


def test_another_program_reads_whole_lines(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    subject = "refused " * 30 + "end"
    stored.add("ann@" + "long-name." * 12 + "example.org", "203.0.113.9", subject)
    for noun in ("queue", "messages"):
        row = stored.run(noun).output.splitlines()[1]
        assert "ann@" + "long-name." * 12 + "example.org" in row
        assert subject in row


def test_an_old_schema_is_told(stored: Stored) -> None:
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    done = stored.run("queue")
    assert done.exit_code == 1
    assert "newer" in done.stderr


def test_an_answer_that_waits_can_be_cancelled_and_its_sender_answered_again(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    (answer,) = stored.rows("outbox")
    done = stored.run("outbox", "cancel", answer["id"], "--json")
    assert (done.exit_code, json.loads(done.stdout)["state"]) == (0, "cancelled")
    stored.add("ann@mail.example.org", "203.0.113.9", "once more")
    assert [row["state"] for row in stored.rows("outbox")] == ["queued", "cancelled"]


def test_an_answer_that_failed_can_be_tried_again(stored: Stored) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    (answer,) = stored.rows("outbox")
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(outbound).values(state="failed", settled_at=MOMENT))
    assert stored.run("outbox", "retry", answer["id"]).exit_code == 0
    (again,) = stored.rows("outbox")
    assert (again["id"], again["state"], again["sent_at"]) == (answer["id"], "queued", None)


@pytest.mark.parametrize("verb", ["retry", "cancel"])
def test_what_cannot_be_changed_is_told_in_one_line_and_nothing_else_changes(stored: Stored, verb: str) -> None:
    stored.add("ann@mail.example.org", "203.0.113.9")
    stored.add("bob@mail.example.org", "203.0.113.9")
    bob, ann = stored.rows("outbox")
    with stored.engine.execution_options(write=True).begin() as connection:
        connection.execute(update(outbound).values(state="sent").where(outbound.c.id == int(ann["id"])))
    done = stored.run("outbox", verb, bob["id"], ann["id"])
    assert done.exit_code == 1
    assert done.stderr.strip().endswith(f"outbound message {ann['id']} is sent")
    assert stored.rows("outbox")[0] == bob
    assert "there is no outbound message 7" in stored.run("outbox", verb, "7").stderr
