"""`responder inspect`: what the service would read from messages, without storing or sending anything."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from responder.app.evidence import make_evidence
from responder.app.identity import make_identity
from responder.app.wording import make_library
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import FAILED, say
from responder.cli.output import print_fields, print_heading, print_json, shown
from responder.cli.shapes import software_text
from responder.cli.types import ADDRESS
from responder.domain.address import IPAddress
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.guides import choose_guides
from responder.domain.identity import Identity
from responder.domain.message import read_message
from responder.domain.reading import Reading, read
from responder.domain.vouching import SenderEvidence
from responder.services.evidence import Evidence
from responder.services.examination import examine
from responder.services.shapes import finding_object, rejection_object, software_object
from responder.services.templates.library import Library
from responder.settings import Settings

_NO_KEY = bytes(32)  # loop marks of messages that a service really sent are known to that service alone


@click.command(
    name="inspect",
    epilog="Example: responder inspect --client 203.0.113.9 --helo mail.example.org plea.eml",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--reverse-path", metavar="ADDR", help="MAIL FROM; without it the Return-Path field, then From.")
@click.option("--client", type=ADDRESS, metavar="IP", help="Who sent it; unknown without.")
@click.option("--helo", "helo_name", metavar="NAME", default="", help="What the client called itself.")
@click.option("--evidence", "with_evidence", is_flag=True, help="Also look up what there is in the DNS about it.")
@json_option
@click.pass_context
@pass_invocation
def command(
    invocation: Invocation,
    context: click.Context,
    *,
    files: tuple[str, ...],
    reverse_path: str | None,
    client: IPAddress | None,
    helo_name: str,
    with_evidence: bool,
    as_json: bool,
) -> None:
    """Show what the service would read from messages, without storing or sending.

    FILE is a message as saved by a mail program; - is standard input. Exit 1 if any could not be read; the others are
    shown all the same. With --json one object for each FILE, in order.

    With --evidence also lists, names, SPF, DKIM and DMARC, and what would be decided from them.
    """
    inspector = _Inspector(invocation.settings, reverse_path, client, helo_name)
    failed = False
    with ExitStack() as stack:
        if with_evidence:
            stack.enter_context(inspector.gathering())
        for file in files:
            try:
                result = inspector.inspect(file)
            except OSError as error:
                failed = True
                result = {"file": file, "error": error.strerror or str(error)}
            _print(result, as_json=as_json)
    if failed:
        context.exit(FAILED)


class _Inspector:
    """Reads files with the same envelope."""

    def __init__(self, settings: Settings, reverse_path: str | None, client: IPAddress | None, helo_name: str) -> None:
        self._identity: Identity = make_identity(settings, _NO_KEY)
        self._library: Library = make_library(settings)
        self._settings = settings
        self._reverse_path = None if reverse_path is None else reverse_path.strip("<> ")
        self._client = client
        self._helo_name = helo_name
        self._evidence: Evidence | None = None

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Gather evidence about the files that are inspected within the block."""
        self._evidence = make_evidence(self._settings)
        self._evidence.start()
        try:
            yield
        finally:
            self._evidence.stop()

    def inspect(self, file: str) -> dict[str, Any]:
        """Give what is read from one file.

        Raises:
            OSError: the file cannot be read.
        """
        kept = _read(file, self._settings.smtp.keep_bytes)
        reading = read(
            self._envelope(kept), Content(kept, len(kept), b""), self._identity, locales=self._library.locales
        )
        return {"file": file} | self._describe(reading) | self._examine(reading, kept)

    def _examine(self, reading: Reading, kept: bytes) -> dict[str, Any]:
        if self._evidence is None:
            return {}
        examined = examine(reading, kept, self._evidence, SenderEvidence(self._settings.reply.sender_evidence))
        now = datetime.now(UTC)
        return {
            "second_decision": examined.reason,
            "advice": examined.advice.kind,
            "reasons": list(examined.advice.reasons),
            "findings": [finding_object(asdict(finding), now) for finding in examined.findings],
        }

    def _envelope(self, kept: bytes) -> Envelope:
        return Envelope(
            reverse_path=_sender(kept) if self._reverse_path is None else self._reverse_path,
            recipients=(Recipient(self._identity.bypass_addresses[0], RecipientKind.BYPASS),),
            client=self._client,
            client_source=ClientSource.UNKNOWN if self._client is None else ClientSource.PEER,
            helo_name=self._helo_name,
            tls=False,
            smtputf8=False,
            trusted_relay=False,
            received_at=datetime.now(UTC),
        )

    def _describe(self, reading: Reading) -> dict[str, Any]:
        plea, message = reading.plea, reading.message
        guides = choose_guides(plea.software, self._settings.reply.guides, self._library.guides(plea.locale))
        return {
            "disposition": reading.decision.disposition,
            "reason": reading.decision.reason,
            "address": _text(plea.address),
            "address_source": plea.address_source,
            "networks": [str(network) for network in plea.networks],
            "client": _text(plea.client),
            "proof": plea.proof,
            "rejection": rejection_object(plea.rejection),
            "software": software_object(plea.software),
            "guides": list(guides),
            "locale": plea.locale,
            "from": message.header_from or None,
            "reverse_path": reading.envelope.reverse_path,
            "message_id": message.message_id,
        }


def _finding_line(finding: Mapping[str, Any]) -> str:
    """Give a finding on one line."""
    told = f" ({finding['value']})" if finding["value"] else ""
    return f"{finding['check']} of {finding['subject'] or '-'}: {finding['result']}{told}, by {finding['source']}"


def _read(file: str, most: int) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(most)
    with Path(file).open("rb") as opened:
        return opened.read(most)


def _sender(kept: bytes) -> str:
    """Give the reverse-path that a message itself records; a mail program's copy without one has only From."""
    message = read_message(kept)
    recorded = message.header.first("return-path")
    return message.header_from if recorded is None else recorded.strip("<> ")


def _text(address: IPAddress | None) -> str | None:
    return None if address is None else str(address)


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    elif "error" in result:
        say(f"{result['file']}: {result['error']}")
    else:
        print_heading(result.pop("file"))
        print_fields(_lines(result))
        for line in (*result.get("reasons", ()), *map(_finding_line, result.get("findings", ()))):
            click.echo(f"  {shown(line)}")


def _lines(result: Mapping[str, Any]) -> dict[str, object]:
    """Give the lines for a person to read."""
    source, reason = result["address_source"], result["reason"]
    rejection, software = result["rejection"] or {}, result["software"] or {}
    codes = " ".join(str(rejection[name]) for name in ("code", "enhanced") if rejection.get(name))
    ours = {True: "ours", False: "not ours", None: "ours or not, cannot be told"}[rejection.get("ours")]
    lines = {
        "disposition": f"silent: {reason}" if reason else "answer",
        "from": result["from"],
        "reverse-path": f"<{result['reverse_path']}>",
        "client": result["client"],
        "refused address": result["address"] and f"{result['address']} (from: {source})",
        "networks": result["networks"],
        "proof": result["proof"],
        "refusal": rejection and f"{codes} {rejection['text']}".strip(),
        "refused by": rejection and f"{rejection['by'] or 'a host that is not named'} ({ours})",
        "cause": rejection.get("cause"),
        "software": software and f"{software_text(software)} ({software['certainty']})",
        "evidence": software.get("evidence"),
        "guides": result["guides"],
        "locale": result["locale"],
        "message-id": result["message_id"],
        "second decision": (result.get("second_decision") or "answer") if "advice" in result else None,
        "advice": result.get("advice"),
    }
    return {name: value for name, value in lines.items() if value or name in {"refused address", "software"}}
