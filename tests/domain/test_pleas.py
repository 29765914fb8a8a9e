"""Every sample plea is read as its neighbour file says."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from responder.domain.address import parse_ip
from responder.domain.disposition import Disposition
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.reading import Reading, read
from tests.support.pleas import IDENTITY

SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "pleas").glob("*.eml"))


def read_sample(path: Path, expected: dict) -> Reading:
    raw = path.read_bytes()
    envelope = Envelope(
        reverse_path=raw.partition(b"\n")[0].decode().partition("<")[2].rstrip(">"),
        recipients=(Recipient("bypass@example.com", RecipientKind.BYPASS),),
        client=parse_ip(expected["client"]) if expected["client"] else None,
        client_source=ClientSource.PEER if expected["client"] else ClientSource.UNKNOWN,
        helo_name=expected["helo"],
        tls=False,
        smtputf8=False,
        trusted_relay=False,
        received_at=datetime(2026, 8, 3, 10, tzinfo=UTC),
    )
    return read(envelope, Content(raw, len(raw), b""), IDENTITY)


def told(reading: Reading) -> dict:
    plea = reading.plea
    refusal, software = plea.rejection, plea.software
    return {
        "address": str(plea.address) if plea.address else None,
        "address_source": plea.address_source,
        "networks": [str(network) for network in plea.networks],
        "proof": plea.proof,
        "rejection": refusal and {key: getattr(refusal, key) for key in ("code", "enhanced", "by", "ours", "cause")},
        "software": software and [software.product, software.version, software.certainty],
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_sample(path):
    expected = json.loads(path.with_suffix(".json").read_text())
    reading = read_sample(path, expected)

    assert told(reading) == {key: value for key, value in expected.items() if key not in ("client", "helo")}
    assert reading.decision.disposition is Disposition.ANSWER
