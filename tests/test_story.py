"""From refused to delivered, with real servers on both sides: one mail, one decision, and the next mail arrives."""

import email
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from responder.domain.reference import find_references
from responder.storage.engine import make_engine
from responder.storage.schema import nodes
from responder.storage.serials import EXEMPTIONS, read_serial
from tests.support.namespaces import wired
from tests.support.root import needs_root
from tests.support.running import Running, running
from tests.support.story import LIST_ZONE, POLICY_PORT, RELAY_PORT, SMTP_PORT, Mx, Sender
from tests.support.waiting import wait_until

# Addresses of the internet at large: those for documentation may not be exempted, and nothing leaves the namespaces.
MX = "80.90.100.25"
LISTED = "80.81.82.83"
USER = "user@example.com"
BYPASS = "bypass@example.com"
SETTINGS = {
    "smtp.listen": [f"127.0.0.1:{SMTP_PORT}"],
    "policy.listen": [f"127.0.0.1:{POLICY_PORT}"],
    "web.listen": ["127.0.0.1:8025"],
    "relay.url": f"smtp://127.0.0.1:{RELAY_PORT}",
    "dns.nameservers": ["127.0.0.1:53"],
    "evidence.enabled": True,
    "review.undo_seconds": 0,
    "blocklists": [
        {"name": "The dynamic list", "zone": LIST_ZONE, "codes": ["127.0.0.10"], "provider": "Example lists"}
    ],
}

pytestmark = needs_root


@dataclass
class Story:
    mx: Mx
    sender: Sender
    service: Running


@pytest.fixture
def story(tmp_path):
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        here, there = stack.enter_context(wired(MX, LISTED))
        mx, sender = Mx(folders[0], here, there), Sender(folders[1], there, here)
        stack.enter_context(mx.running(LISTED))
        service = stack.enter_context(running(tmp_path / "service", SETTINGS, prefix=here.prefix))
        stack.enter_context(sender.running())
        yield Story(mx, sender, service)


def letter(subject, *, to=USER):
    return f"From: Ada Admin <admin@client.example>\nTo: {to}\nSubject: {subject}\n\nGood morning.\n".encode()


def forward(bounce):
    """Give the plea of a person who passes a bounce on, as an attachment."""
    plea = email.message.EmailMessage()
    plea["From"], plea["To"], plea["Subject"] = "Ada Admin <admin@client.example>", BYPASS, "Fwd: our mail is refused"
    plea.set_content("Our address is static, please let us through.\n")
    plea.add_attachment(bounce)
    return plea.as_bytes()


def decide(story, *command):
    """Decide as staff do, and wait until the service answers from that decision."""
    done = story.service.run(*command)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: is_fresh(story.service), "the exemptions", seconds=5)


def is_fresh(service):
    engine = make_engine(f"sqlite:///{service.folder}/data/responder.db")
    with engine.connect() as connection:
        known = connection.execute(select(nodes.c.exemptions_serial)).scalars().all()
        serial = read_serial(connection, EXEMPTIONS)
    engine.dispose()
    return known == [serial]


def test_refused_asked_approved_delivered_revoked_refused(story):
    refusal = re.search(r"550 5\.7\.1 .*", story.sender.send(letter("first"), USER))[0]
    (reference,) = find_references(refusal)
    assert f"Your IP address {LISTED} appears to be dynamically assigned." in refusal
    assert f"write to {BYPASS} (ref {reference})" in refusal
    assert "Listed: The dynamic list." in refusal

    bounce = story.sender.wait_for("Mail delivery failed")
    assert f"=> {BYPASS}" in story.sender.send(forward(bounce), BYPASS)
    story.service.wait_for(r" recorded ")
    (request,) = story.service.rows("queue", "list")
    assert (request["address"], request["address_source"], request["client"]) == (LISTED, "rejection", LISTED)
    assert (request["proof"], request["software"]["product"]) == ("client", "exim")
    answer = story.sender.wait_for(request["reference"])
    assert answer["Auto-Submitted"] == "auto-replied"
    assert story.mx.delivered == []

    decide(story, "queue", "approve", request["reference"], "--reason", "a leased line")
    story.sender.send(letter("second"), USER)
    assert wait_until(lambda: story.mx.delivered, "second") == ["second"]
    assert story.sender.wait_for("approved")

    (exemption,) = story.service.rows("exemptions", "list")
    assert exemption["network"] == f"{LISTED}/32"
    wait_until(lambda: story.service.rows("exemptions", "list")[0]["last_used_at"], "the use of the exemption")
    decide(story, "exemptions", "revoke", str(exemption["id"]), "--reason", "it sent spam")
    assert " 550 5.7.1 " in story.sender.send(letter("third"), USER)
    assert story.mx.delivered == ["second"]


def test_one_message_to_both_is_taken_for_the_one_and_refused_for_the_other(story):
    log = story.sender.send(letter("both", to=f"{USER}, {BYPASS}"), USER, BYPASS)
    assert re.search(rf"=> {BYPASS} .*250 2\.0\.0", log)
    assert re.search(rf"\*\* {USER} .*550 5\.7\.1", log)
    story.service.wait_for(r" recorded ")
    (request,) = story.service.rows("queue", "list")
    assert (request["address"], request["proof"]) == (LISTED, "client")
