"""Real mail from real clients: swaks, Exim, and Postfix in front with XFORWARD; the answer leaves over real SMTP."""

import email
import re
import smtplib
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.mta import Exim, Postfix
from tests.support.ports import free_port
from tests.support.relay import Relay
from tests.support.root import needs_root
from tests.support.running import running

BYPASS = "bypass@example.com"
GUIDES = {
    "exchange-2007": ("Send Connectors", "Route mail through the following smart hosts", "Include all subdomains"),
    "exchange-2003-2000": (
        "Forward all mail through this connector to the following smart hosts",
        "Do not allow public folder referrals",
        "Microsoft Exchange Routing Engine",
    ),
    "exchange-5.5": (
        "Internet Mail Service",
        "Forward all messages to host",
        "Microsoft Exchange Internet Mail Service",
    ),
}


def plea(number=1, address="203.0.113.9", sender="admin@client.example"):
    return (
        f"From: Ada Admin <{sender}>\r\nTo: {BYPASS}\r\nSubject: mail refused\r\n"
        f"Message-ID: <plea-{number}@client.example>\r\nDate: Tue, 03 Mar 2026 10:11:12 +0000\r\n\r\n"
        f"Our address is static. This came back ({number}):\r\n\r\n"
        f"  550 5.7.1 Your IP address {address} appears to be dynamically assigned.\r\n"
        f"  Please smarthost your mail through your ISP's mail server. If your IP is\r\n"
        f"  static or for more information, please contact us at {BYPASS}.\r\n"
    ).encode()


@pytest.fixture
def relay():
    with Relay() as one:
        yield one


@pytest.fixture
def service(tmp_path, relay):
    with running(tmp_path / "service", {"relay.url": relay.url}) as one:
        yield one


@pytest.fixture
def open_folder():
    """Give a folder that unprivileged daemons may walk into, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def swaks(port, sender, data):
    return subprocess.run(
        [
            "swaks",
            "--server",
            f"127.0.0.1:{port}",
            "--from",
            sender,
            "--to",
            BYPASS,
            "--data",
            "-",
            "--helo",
            "c.example",
        ],
        input=data.replace(b"\r\n", b"\n"),
        capture_output=True,
        timeout=60,
        check=False,
    ).stdout.decode()


def reference_in(text):
    return re.search(r"250 2\.0\.0 (\S{5}-\S{5}) recorded", text)[1]


def assert_answers(taken, to, in_reply_to):
    """Check one message at the relay against RFC 3834 and the promise of the article."""
    assert re.match(r"(MAIL FROM:)?<>", taken.mail)
    assert re.match(rf"(RCPT TO:)?<{re.escape(to)}>( NOTIFY=NEVER)?$", taken.rcpt)
    message = email.message_from_bytes(taken.content)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["In-Reply-To"].strip() == in_reply_to
    assert message["To"] == to
    parts = {
        part.get_content_type(): part.get_payload(decode=True).decode()
        for part in message.walk()
        if not part.is_multipart()
    }
    for labels in GUIDES.values():
        for label in labels:
            for kind in ("text/plain", "text/html"):
                assert label in re.sub(r"\s+", " ", re.sub(r"</?(?:strong|em|code)>", "", parts[kind])).replace("*", "")
    return message


def test_swaks_gets_its_answer_and_a_second_plea_is_a_follow_up(service, relay):
    first = swaks(service.port, "admin@client.example", plea(1))
    assert_answers(relay.wait_for(1)[0], "admin@client.example", "<plea-1@client.example>")
    reference = reference_in(first)
    assert reference_in(swaks(service.port, "admin@client.example", plea(1))) == reference
    second = reference_in(swaks(service.port, "admin@client.example", plea(2)))
    assert second != reference
    (request,) = service.rows("queue", "list")
    assert (request["reference"], request["messages"]) == (reference, 2)
    dispositions = [
        (row["reference"], row["disposition"], row["reason"], row["repeats"]) for row in service.rows("messages")
    ]
    assert sorted(dispositions) == sorted([(reference, "answer", None, 1), (second, "silent", "reply-limit", 0)])
    assert len(relay.taken) == 1


@needs_root
def test_exim_gets_its_answer(service, relay, open_folder):
    log = Exim(open_folder, service.port).send("admin@client.example", BYPASS, plea().replace(b"\r\n", b"\n"))
    reference = reference_in(log)
    assert_answers(relay.wait_for(1)[0], "admin@client.example", "<plea-1@client.example>")
    assert [row["reference"] for row in service.rows("queue", "list")] == [reference]


@needs_root
def test_behind_postfix_xforward_tells_the_true_client(service, relay, open_folder):
    listen = free_port()
    with Postfix(open_folder, listen, "example.com", f"bypass:[127.0.0.1]:{service.port}").running():
        with smtplib.SMTP("127.0.0.1", listen, timeout=30) as client:
            client.ehlo("front.example")
            client.docmd("XCLIENT", "ADDR=203.0.113.9 NAME=mail.client.example HELO=mail.client.example")
            client.ehlo("mail.client.example")
            client.sendmail("admin@client.example", [BYPASS], plea())
        message = assert_answers(relay.wait_for(1)[0], "admin@client.example", "<plea-1@client.example>")
    (row,) = service.rows("messages")
    assert row["client"] == "203.0.113.9"
    assert row["reference"] in message["Subject"]
    (request,) = service.rows("queue", "list")
    assert (request["proof"], request["address"]) == ("client", "203.0.113.9")
