"""`responder serve` as a real process: pleas in over SMTP, answers out, signals obeyed."""

import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.support.certificates import Certificate
from tests.support.relay import Relay
from tests.support.running import Running, clean_environment, run_responder, running, write_settings

PLEA = (
    b"From: Ann <ann@mail.example.org>\r\n"
    b"To: bypass@example.com\r\n"
    b"Subject: refused\r\n"
    b"Message-ID: <%d.plea@mail.example.org>\r\n"
    b"\r\n"
    b"550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned.\r\n"
)


def send(service: Running, sender: str = "ann@mail.example.org", number: int = 1) -> str:
    """Send a plea and give the reference."""
    with smtplib.SMTP("127.0.0.1", service.port, timeout=30) as client:
        client.ehlo("mail.example.org")
        client.mail(sender)
        client.rcpt("bypass@example.com")
        code, text = client.data(PLEA % number)
    assert code == 250, text
    return text.decode().split()[1]


def test_a_plea_is_answered_and_sigterm_drains(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        reference = send(service)
        service.wait_for(" handed-over .* recipient=ann@mail.example.org")
        (file,) = (tmp_path / "data" / "outgoing" / "new").iterdir()
        answer = message_from_bytes(file.read_bytes())
        assert answer["To"] == "ann@mail.example.org"
        assert answer["Auto-Submitted"] == "auto-replied"
        assert answer["In-Reply-To"] == "<1.plea@mail.example.org>"
        assert reference in answer["Subject"]

        (request,) = service.rows("queue", "list")
        assert (request["reference"], request["address"]) == (reference, "203.0.113.9")
        (message,) = service.rows("messages")
        assert (message["request"], message["disposition"]) == (reference, "answer")
        (outbound,) = service.rows("outbox")
        assert (outbound["state"], outbound["recipient"]) == ("sent", "ann@mail.example.org")

        assert service.stop() == 0
        assert " stopped" in service.log[-1]


def test_sighup_while_it_starts_does_no_harm(tmp_path: Path) -> None:
    with running(tmp_path, ready=False) as service:
        service.stop(signal.SIGKILL)
    settings = service.config.read_text()
    service.config.unlink()
    os.mkfifo(service.config)  # the process waits there for its settings
    command = [sys.executable, "-m", "responder", "--config", str(service.config), "serve"]
    with subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE, text=True) as process:
        with service.config.open("w") as fifo:
            process.send_signal(signal.SIGHUP)
            fifo.write(settings)
        assert process.stderr is not None
        assert any(" started " in line for line in process.stderr)
        process.terminate()
    assert process.returncode == 0


def test_the_data_folder_is_for_the_service_alone(tmp_path: Path) -> None:
    with running(tmp_path):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_message_on_its_way_is_stored_before_the_end(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        client = smtplib.SMTP("127.0.0.1", service.port, timeout=30)
        client.ehlo("mail.example.org")
        client.mail("ann@mail.example.org")
        client.rcpt("bypass@example.com")
        assert client.docmd("DATA")[0] == 354
        service.process.send_signal(signal.SIGTERM)
        service.wait_for(" stopping$")
        client.send(PLEA % 1 + b".\r\n")
        assert client.getreply()[0] == 250
        client.close()
        assert service.process.wait(30) == 0
        assert len(service.rows("messages")) == 1


def test_faces_can_run_in_processes_of_their_own(tmp_path: Path) -> None:
    with Relay() as relay:
        with running(tmp_path, {"relay.url": relay.url}, arguments=["--only", "smtp"]) as service:
            send(service)
            assert service.stop() == 0
        assert relay.taken == []
        with running(tmp_path, {"relay.url": relay.url}, arguments=["--only", "worker"]) as service:
            (taken,) = relay.wait_for(1)
            assert taken.mail.startswith("MAIL FROM:<>")
            assert service.stop() == 0


def test_sighup_takes_over_what_can_change_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        send(service, "ann@mail.example.org", 1)
        service.wait_for(" handed-over .* recipient=ann@mail.example.org")
        text = service.config.read_text()

        service.config.write_text(text + "reply.html = 3\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(r' settings-refused problem="reply\.html: must be true or false')

        service.config.write_text(text + "reply.html = false\nsmtp.own_domains = ['example.net']\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(r" reread restart_for=smtp\.own_domains$")
        send(service, "bob@mail.example.org", 2)
        service.wait_for(" handed-over .* recipient=bob@mail.example.org")

        answers = [message_from_bytes(file.read_bytes()) for file in (tmp_path / "data/outgoing/new").iterdir()]
        assert {answer["To"]: answer.is_multipart() for answer in answers} == {
            "ann@mail.example.org": True,
            "bob@mail.example.org": False,
        }


def test_what_is_decided_after_sighup_is_decided_by_the_new_settings(tmp_path: Path) -> None:
    with running(tmp_path, {"review.exemption_days": 365, "review.allow_networks": ["203.0.113.0/24"]}) as service:
        send(service, "ann@mail.example.org", 1)
        service.wait_for(" handed-over .* recipient=ann@mail.example.org")
        (request,) = service.rows("queue", "list")
        assert service.run("staff", "add", "ann", "--role", "admin", "--no-link").returncode == 0
        token = service.run("staff", "token", "ann", "--name", "test", "--scope", "decide", "--json")
        network = {"network": "203.0.113.9", "confirm": "203.0.113.9", "days": None}

        text = service.config.read_text().replace("exemption_days = 365", "exemption_days = 7")
        service.config.write_text(text + "relay.envelope_sender = 'nobody@example.com'\nsmtp.plus_addressing = true\n")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(r" reread$")
        web = service.wait_for(r" listening face=web address=(\S+)")[1]
        done = urlopen(
            Request(
                f"http://{web}/api/v1/requests/{request['reference']}/approve",
                json.dumps(network).encode(),
                {"Authorization": f"Bearer {json.loads(token.stdout)['token']}", "Content-Type": "application/json"},
            ),
            timeout=20,
        )
        assert done.status == 200
        (exemption,) = service.rows("exemptions", "list")
    lasts = datetime.fromisoformat(exemption["expires_at"]) - datetime.fromisoformat(exemption["created_at"])
    assert lasts == timedelta(days=7)


def test_a_new_certificate_is_taken_over_at_sighup(tmp_path: Path) -> None:
    first, second = Certificate(tmp_path, "first.example"), Certificate(tmp_path, "second.example")
    settings = {"smtp.tls_certificate": str(first.certificate), "smtp.tls_key": str(first.key)}
    with running(tmp_path / "service", settings) as service:
        assert certificate_shown(service) == ssl.PEM_cert_to_DER_cert(first.certificate.read_text())
        first.certificate.write_bytes(second.certificate.read_bytes())
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(" settings-refused .*tls_certificate")  # the key is still the old one
        first.key.write_bytes(second.key.read_bytes())
        service.process.send_signal(signal.SIGHUP)
        service.wait_for(" reread")
        assert certificate_shown(service) == ssl.PEM_cert_to_DER_cert(second.certificate.read_text())


def certificate_shown(service: Running) -> bytes | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", service.port, timeout=30) as client:
        assert client.starttls(context=context)[0] == 220
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.getpeercert(binary_form=True)


def test_a_busy_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        config = write_settings(
            tmp_path / "x.toml", {"data_dir": str(tmp_path / "data"), "smtp.listen": [f"127.0.0.1:{port}"]}
        )
        done = run_responder("--config", str(config), "serve")
    assert done.returncode == 1
    assert done.stderr == (
        f"responder: smtp.listen: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "another program listens there, stop it or choose another port\n"
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("settings", "arguments", "complaint"),
    [
        ({}, ["--no-migrate"], "run `responder db upgrade`"),
        (
            {"database.url": "postgresql+psycopg://me:s3cret@127.0.0.1:1/none"},
            [],
            "database postgresql+psycopg://me:***@",
        ),
        ({"relay.url": "smtps://me@relay.example", "relay.password_file": "none"}, [], "relay.password_file: "),
        ({"smtp.tls_certificate": "none", "smtp.tls_key": "none"}, [], "smtp.tls_certificate: "),
        ({"smtp.max_connections": 10**9}, [], "smtp.max_connections: "),
        ({"smtp.listen": ["192.0.2.1:0"]}, [], "smtp.listen: cannot listen on 192.0.2.1:0: "),
    ],
)
def test_what_is_missing_at_the_start_is_told_in_one_line(
    tmp_path: Path, settings: dict[str, object], arguments: list[str], complaint: str
) -> None:
    free = {f"{face}.listen": ["127.0.0.1:0"] for face in ("smtp", "policy", "web")}
    quiet = {"data_dir": str(tmp_path / "data")} | free
    config = write_settings(tmp_path / "x.toml", quiet | settings)
    done = run_responder("--config", str(config), "serve", *arguments)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("responder: ")
    assert complaint in done.stderr
    assert "s3cret" not in done.stderr
    assert done.stderr.count("\n") == 1
