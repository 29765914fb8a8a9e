"""Watch the service at work: real pleas arrive over SMTP, real answers leave, all of it on loopback.

`make demo` runs until Ctrl-C, `make demo ONCE=1` ends by itself after the answers.
"""

import os
import shlex
import signal
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from bench.crowd import ANSWERED, send_crowd
from bench.names import names
from tests.support.ports import free_port
from tests.support.relay import Relay, Taken
from tests.support.running import Running, running

PLEAS = Path(__file__).parent / "pleas"
BYPASS = "bypass@example.com"
WIDTH = 80
LINES = 13

console = Console(width=min(WIDTH, Console().width), highlight=False)


@dataclass(frozen=True)
class Plea:
    """One message, and the server that brings it."""

    title: str
    file: str
    reverse_path: str
    client: str
    helo_name: str


SAMPLES = (
    Plea(
        "An administrator forwards the report of his Exchange 2003 server",
        "1-exchange-2003.eml",
        "tom.hale@kestrel.example",
        "203.0.113.9",
        "mail.kestrel.example",
    ),
    Plea(
        "A Postfix user attaches the report as a message of its own",
        "2-postfix.eml",
        "ines@redkite.example",
        "198.51.100.77",
        "mail.redkite.example",
    ),
    Plea(
        "An Exchange 5.5 site asks for its whole block",
        "3-exchange-5.5.eml",
        "dana.marsh@pelican.example",
        "203.0.113.66",
        "pelican.example",
    ),
    Plea(
        "Someone forwards hMailServer's report from a Google account",
        "4-gmail-forward.eml",
        "jo@wren.example",
        "192.0.2.54",
        "mail-ed1-f54.google.com",
    ),
)


def send(plea: Plea, port: int) -> str:
    """Send a plea as the front MTA of its service would, and give the reply to its final dot."""
    content = (PLEAS / plea.file).read_bytes().replace(b"\n", b"\r\n")
    with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.example.com", timeout=30) as client:
        client.ehlo()
        client.docmd("XFORWARD", f"ADDR={plea.client} NAME={plea.helo_name} HELO={plea.helo_name} PROTO=ESMTP")
        client.mail(plea.reverse_path)
        client.rcpt(BYPASS)
        code, text = client.data(content)
    return f"{code} {text.decode()}"


def show_plea(number: int, plea: Plea) -> None:
    console.print()
    console.rule(f"[bold]{number}  {plea.title}", align="left")
    message = message_from_bytes((PLEAS / plea.file).read_bytes(), policy=policy.default)
    row("client", f"{plea.client}  ({plea.helo_name})")
    row("envelope", f"MAIL FROM:<{plea.reverse_path}>  RCPT TO:<{BYPASS}>")
    row("subject", str(message["Subject"]))
    row("message", f"bench/pleas/{plea.file}")


def row(name: str, text: str, style: str = "") -> None:
    console.print(Text(f"  {name:<9}", "dim").append(text, style))


def show_answer(taken: Taken, heading: str) -> None:
    message = message_from_bytes(taken.content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    lines = Text()
    lines.append(f"{taken.mail}\n{taken.rcpt}\n\n", "dim")
    for name in filter(message.__contains__, ("From", "To", "Subject", "Auto-Submitted", "In-Reply-To")):
        lines.append(f"{name}: ", "cyan").append(f"{message[name]}\n")
    part = message.get_body(("plain",))
    text = part.get_content().rstrip().splitlines() if part else []
    lines.append("\n" + "\n".join(text[:LINES]) + "\n")
    lines.append(f"... {max(0, len(text) - LINES)} more lines, under these headings:\n", "dim")
    lines.append("\n".join(headings(text)), "cyan")
    heading += f" ({len(taken.content) / 1024:.0f} KiB)"
    console.print(Padding(Panel(lines, title=heading, title_align="left", border_style="green"), (0, 0, 0, 2)))


def headings(text: list[str]) -> list[str]:
    """Give the headings of a text part: lines that are underlined."""
    return [
        ("  " if under.startswith("-") else "") + line
        for line, under in pairwise(text)
        if line and under and set(under) in ({"="}, {"-"})
    ]


def show_reading(service: Running, reply: str) -> None:
    """Show what the service logged of a plea."""
    reference = reply.split()[2]
    found = service.wait_for(f" recorded reference={reference} .*")[0]
    fields = dict(field.partition("=")[::2] for field in shlex.split(found))
    row("read", f"refused address {fields.get('address', 'unknown')}, software {fields.get('software', 'unknown')}")


def show_pleas(service: Running, relay: Relay) -> None:
    """Send every sample and show what comes of it."""
    for number, plea in enumerate(SAMPLES, 1):
        show_plea(number, plea)
        started = time.monotonic()
        reply = send(plea, service.port)
        row("reply", reply, "bold green")
        show_reading(service, reply)
        answer = relay.wait_for(number)[-1]
        show_answer(answer, f"the answer, at the relay after {time.monotonic() - started:.2f} s")


def show_queue(service: Running) -> None:
    console.print()
    console.rule("[bold]The queue: what staff will review", align="left")
    command = [sys.executable, "-m", "responder", "queue", "list"]
    done = subprocess.run(command, env=environment(service), capture_output=True, text=True, check=True)
    console.print(Text.from_ansi(done.stdout.rstrip()))


def show_pages(service: Running) -> None:
    """Show where staff review the queue, with a link that signs in once."""
    (made,) = service.rows("staff", "add", "demo", "--role", "admin")
    console.print()
    console.rule("[bold]The pages where staff decide; this link signs in once", align="left")
    console.print(f"  {made['link']}", soft_wrap=True, markup=False)


def environment(service: Running) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RESPONDER_")}
    return kept | {"RESPONDER_CONFIG": str(service.config), "COLUMNS": str(console.width)}


def show_hints(service: Running) -> None:
    program = ".venv/bin/responder" if Path(".venv/bin/responder").exists() else "responder"
    (first, *_) = service.rows("queue", "list", "--limit", "1")
    console.print()
    console.rule("[bold]Try next, in another terminal", align="left")
    for command in (
        f"export RESPONDER_CONFIG={shlex.quote(str(service.config))}",
        f"{program} queue show {first['reference']}",
        f"{program} messages",
        f"{program} outbox --json",
        f"{program} inspect bench/pleas/*.eml",
        f"swaks -s 127.0.0.1:{service.port} -f you@kestrel.example -t {BYPASS}",
    ):
        console.print(f"  {command}", soft_wrap=True, markup=False)


def watch(relay: Relay) -> None:
    """Show every further answer until Ctrl-C."""
    console.print("\n  The service runs; further answers appear here. Ctrl-C ends it.")
    seen = len(relay.taken)
    while True:
        time.sleep(0.2)
        for taken in relay.taken[seen:]:
            show_answer(taken, "another answer")
            seen += 1


@contextmanager
def demonstration() -> Iterator[tuple[Running, Relay]]:
    """Run the service on SQLite in a temporary folder, with a relay that keeps what it gets and names to look up."""
    with tempfile.TemporaryDirectory(prefix="bypass-demo-") as folder, Relay() as relay, names() as evidence:
        settings = evidence | {
            "relay.url": relay.url,
            "organization.name": "Example Organisation",
            "web.listen": [f"127.0.0.1:{free_port()}"],
            "review.allow_networks": ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"],
        }
        with running(Path(folder), settings) as service:
            try:
                yield service, relay
            finally:
                code = service.stop()
                ended = "in order" if code == 0 else f"with status {code}"
                console.print(f"\n  The service has ended {ended}; its folder is removed.")
            assert code == 0, "\n".join(service.log)


def demonstrate(*, once: bool) -> None:
    with demonstration() as (service, relay):
        console.print(f"The service takes mail for {BYPASS} on 127.0.0.1:{service.port}.")
        console.print(f"A relay on 127.0.0.1:{relay.port} takes its answers and shows them here.")
        show_pleas(service, relay)
        send_crowd(service.port)
        relay.wait_for(len(SAMPLES) + ANSWERED)
        show_queue(service)
        show_pages(service)
        if not once:
            show_hints(service)
            watch(relay)


def main() -> int:
    """Run the demonstration and give the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    once = "--once" in sys.argv[1:]
    try:
        demonstrate(once=once)
    except KeyboardInterrupt:
        console.print()
        return 130 if once else 0
    except (AssertionError, OSError, smtplib.SMTPException, subprocess.SubprocessError) as error:
        console.print(f"\n  The demonstration failed: {error}", style="bold red", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
