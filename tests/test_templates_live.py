"""A running service and its templates: what staff publish is used at once, what is broken keeps no answer back."""

import json
import smtplib
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

import pytest

from responder.services.templates.library import SHIPPED
from responder.storage import templates
from responder.storage.engine import make_engine
from responder.storage.writer import Writer
from tests.support.running import Running, running

PLEA = (
    b"From: Ann <%(sender)s>\r\n"
    b"To: bypass@example.com\r\n"
    b"Subject: refused\r\n"
    b"Message-ID: <plea.%(sender)s>\r\n"
    b"\r\n"
    b"550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned.\r\n"
)
HEAD = '+++\ntitle = "Answer"\nsubject = "[{{ reference }}]"\n+++\n'
# What passes no check, so that only a hand can have put it there.
BROKEN = {
    "no template at all": "Hello",
    "no Jinja": HEAD + "{% if %}",
    "an escape": HEAD + "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "an unknown variable": HEAD + "{{ nowhere }}",
    "an unknown key": HEAD + "{{ organization.nowhere }}",
    "a bomb of text": HEAD + "{{ 'A' * 50000000 }}",
    "a bomb of filters": HEAD + "{{ 'a'|center(30000000) }}",
    "a bomb of powers": HEAD + "{{ 9 ** 9 ** 9 }}",
    "a bomb of numbers": HEAD + "{{ " + "9" * 20_000 + " }}",
    "a bomb of loops": HEAD + "{% for a in blocklists %}" * 200 + "x" + "{% endfor %}" * 200,
    "a bomb of brackets": HEAD + "{{ " + "(" * 9_000 + "1" + ")" * 9_000 + " }}",
    "a bomb of front matter": "+++\na = " + "[" * 9_000 + "\n+++\nx",
    "too much text": HEAD + "{{ reference }} " + "word " * 6_000,
    "far too long": HEAD + "x" * 900_000,
}


def put_by_hand(service: Running, source: str) -> None:
    """Publish an answer that nobody checked."""
    engine = make_engine(f"sqlite:///{service.folder / 'data' / 'responder.db'}")
    writer = Writer(engine)
    writer.start()
    at = datetime.now(UTC)

    def work(connection):  # type: ignore[no-untyped-def]
        row = templates.add_version(
            connection, name="answer", locale="en", source=source, shipped_sha256=None, created_by="hand", why="", at=at
        )
        templates.publish(connection, row, by="hand", at=at)

    writer.run(work).result()
    writer.stop()
    engine.dispose()


def ask(service: Running, sender: str) -> EmailMessage:
    """Send a plea and give the answer."""
    with smtplib.SMTP("127.0.0.1", service.port, timeout=30) as client:
        client.ehlo("mail.example.org")
        client.mail(sender)
        client.rcpt("bypass@example.com")
        code, text = client.data(PLEA % {b"sender": sender.encode()})
        assert code == 250, text
    service.wait_for(f" handed-over .* recipient={sender}")
    folder = service.folder / "data" / "outgoing" / "new"
    answers = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in folder.iterdir())
    return cast("EmailMessage", next(answer for answer in answers if answer["To"] == sender))


def text_of(answer: EmailMessage) -> str:
    part = answer.get_body(("plain",))
    assert part is not None
    return cast("str", cast("EmailMessage", part).get_content())


def test_whatever_a_hand_puts_into_the_database_pleas_are_answered(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        shipped = ask(service, "first@mail.example.org")
        for number, (what, source) in enumerate(BROKEN.items()):
            put_by_hand(service, source)
            service.wait_until(
                lambda: sum("templates-changed" in line for line in service.log) > number,  # noqa: B023
                what=f"the change to {what}",
            )
            answer = ask(service, f"sender{number}@mail.example.org")
            assert text_of(answer).splitlines()[:9] == text_of(shipped).splitlines()[:9], what
        told = service.run("doctor")
        assert "failed   templates  en/answer" in told.stdout
        assert f"the published version {len(BROKEN)} cannot be used" in told.stdout
        assert "the shipped text is used where it fails" in told.stdout
        assert "en/answer failed in use:" in told.stdout
        assert service.run("templates", "revert", "answer", "--to", "shipped").returncode == 0
        assert "failed   templates" not in service.run("doctor").stdout


@pytest.mark.parametrize("only", ["", "smtp,worker"])
def test_what_staff_publish_is_used_by_every_process_at_once(tmp_path: Path, only: str) -> None:
    with running(tmp_path, arguments=["--only", only] if only else []) as service:
        ask(service, "first@mail.example.org")
        folder = tmp_path / "folder"
        assert service.run("templates", "pull", str(folder)).returncode == 0
        file = folder / "en" / "answer.md"
        file.write_text(file.read_text(encoding="utf-8").replace("Hello,", "Good day to you,"), encoding="utf-8")
        assert service.run("templates", "push", str(folder), "--why", "polite").returncode == 0
        service.wait_for("templates-changed edited=1")
        assert text_of(ask(service, "second@mail.example.org")).startswith("Good day to you,")
        sent = {row["recipient"]: row["id"] for row in service.rows("outbox")}
        shown = {name: json.loads(service.run("outbox", "show", key, "--json").stdout) for name, key in sent.items()}
        assert shown["first@mail.example.org"]["template_version"] is None
        assert shown["second@mail.example.org"]["template_version"] == 1
        assert service.run("templates", "revert", "answer").returncode == 0
        service.wait_for("templates-changed edited=0")
        assert text_of(ask(service, "third@mail.example.org")).startswith("Hello,")


def test_a_new_guide_is_one_file_that_the_answer_offers(tmp_path: Path) -> None:
    with running(tmp_path, {"reply.guides": ["new-server", "generic"]}) as service:
        folder = tmp_path / "folder"
        service.port  # noqa: B018 - the database is there now
        assert service.run("templates", "pull", str(folder)).returncode == 0
        (folder / "en" / "guides" / "new-server.md").write_text(
            '+++\ntitle = "New Server 1.0"\nsoftware = ["new"]\n+++\nOpen the *new* settings.\n', encoding="utf-8"
        )
        assert service.run("templates", "push", str(folder)).returncode == 0
        service.wait_for("templates-changed edited=1")
        text = text_of(ask(service, "ann@mail.example.org"))
        assert "New Server 1.0" in text
        assert "Open the _new_ settings." in text

        (request,) = service.rows("queue", "list")
        shown = service.run("templates", "preview", "answer", "--request", request["reference"])
        assert shown.returncode == 0, shown.stderr
        assert request["reference"] in shown.stdout
        assert "New Server 1.0" in shown.stdout
    assert not (SHIPPED / "en" / "guides" / "new-server.md").exists()
