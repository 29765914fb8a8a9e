"""The guides for Exim and Postfix, followed to the letter on the real programs: mail then leaves by the smart host."""

import smtplib
import subprocess
import tempfile
from base64 import b64encode
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from responder.services.templates.file import GUIDES
from responder.services.templates.library import Library
from tests.support.certificates import Certificate
from tests.support.mta import Exim, Postfix
from tests.support.ports import free_port
from tests.support.relay import OFFERS, Relay
from tests.support.root import needs_root

LIBRARY = Library()
MESSAGE = b"From: admin@client.example\nSubject: hello\n\nHello.\n"
SMART_HOST = "127.0.0.1"
LOGIN = f"AUTH PLAIN {b64encode(b'%bUSER%bPASS' % (bytes(1), bytes(1))).decode()}"


def lines_of(key: str, beginning: str, port: int, locale: str = "en") -> str:
    """Give the lines of the guide's code block that begins so, with what the provider told in the placeholders."""
    tokens = MarkdownIt().parse(LIBRARY.find(GUIDES + key, locale).body)
    (block,) = [token.content for token in tokens if token.type == "fence" and token.content.startswith(beginning)]
    return block.replace("SMARTHOST", SMART_HOST).replace("587", str(port))


@pytest.fixture
def folder():
    """Give a folder that unprivileged daemons may walk into, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def indent(block: str) -> str:
    return "".join(f"  {line}\n" for line in block.splitlines())


@needs_root
def test_exim_hands_its_mail_over_with_a_login(folder):
    with Relay(offers=(*OFFERS, "AUTH PLAIN")) as relay:
        exim = Exim(folder, relay.port)
        config = folder / "exim.conf"
        head = config.read_text().partition("begin routers")[0]
        transport = f"remote_smtp:\n  driver = smtp\n{indent(lines_of('exim', 'port = ', relay.port))}"
        config.write_text(
            f"{head}domainlist local_domains = client.example\n"
            f"begin routers\n{lines_of('exim', 'smarthost:', relay.port)}  self = send\n"
            f"begin transports\n{transport}  allow_localhost\n  hosts_try_fastopen =\n"
            f"begin authenticators\n{lines_of('exim', 'relay_plain:', relay.port)}\n"
            "begin retry\n* * F,1h,1m\n"
        )

        exim.send("admin@client.example", "somebody@elsewhere.example", MESSAGE)

        (taken,) = relay.wait_for(1)
        assert "somebody@elsewhere.example" in taken.rcpt
        assert taken.login == LOGIN


@needs_root
@pytest.mark.parametrize("guide", [("postfix", "en"), *(("generic", locale) for locale in LIBRARY.locales)])
def test_postfix_hands_its_mail_over_encrypted(folder, guide):
    key, locale = guide
    listen = free_port()
    certificate = Certificate(folder, "relay.example")
    with Relay(offers=(*OFFERS, "STARTTLS"), tls=certificate.server_context()) as relay:
        postfix = Postfix(folder, listen, "client.example", "discard:")
        block = lines_of(key, "relayhost = ", relay.port, locale).splitlines()
        without_login = [line for line in block if not line.startswith("smtp_sasl")]
        assert len(block) == len(without_login) + 3
        with (folder / "etc/main.cf").open("a") as main:
            main.write("\n".join([*without_login, ""]))
        with (folder / "etc/master.cf").open("a") as master:
            master.write("smtp unix - - n - - smtp\ntlsmgr unix - - n 1000? 1 tlsmgr\n")
        with postfix.running(), smtplib.SMTP(SMART_HOST, listen, timeout=30) as client:
            client.sendmail("admin@client.example", ["somebody@elsewhere.example"], MESSAGE)

            (taken,) = relay.wait_for(1)
        assert "somebody@elsewhere.example" in taken.rcpt
        assert taken.tls


@needs_root
def test_postfix_knows_each_setting_of_its_guide(folder):
    postfix = Postfix(folder, free_port(), "client.example", "discard:")
    settings = lines_of("postfix", "relayhost = ", 587).splitlines()

    done = subprocess.run(
        [str(postfix.root / "usr/sbin/postconf"), "-c", str(folder / "etc"), "-e", *settings],
        env=postfix.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert done.stderr == ""
    told = subprocess.run(
        [str(postfix.root / "usr/sbin/postconf"), "-c", str(folder / "etc"), "-n"],
        env=postfix.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert {*settings} <= {*told.stdout.splitlines()}
    assert "unused parameter" not in told.stderr
