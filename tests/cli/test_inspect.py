"""`responder inspect`: what would be read from files, in the shape that programs rely on."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from responder.cli.root import root
from tests.support.nameserver import nameserver

PLEAS = Path(__file__).parents[2] / "bench" / "pleas"
NO_PLEA = b"Return-Path: <ann@mail.example.org>\nFrom: bob@example.net\nSubject: hello\n\nhello\n"
KEYS = [
    "file", "disposition", "reason", "address", "address_source", "networks", "client", "proof", "rejection",
    "software", "guides", "locale", "from", "reverse_path", "message_id",
]  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def inspect(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(root, ["inspect", *map(str, arguments)], input=stdin)


def objects(*arguments: str | Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    done = inspect("--json", *arguments, stdin=stdin)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_shape_of_a_plea() -> None:
    file = PLEAS / "1-exchange-2003.eml"
    (result,) = objects("--client", "203.0.113.9", "--helo", "mail.kestrel.example", file)
    assert list(result) == KEYS
    assert list(result["rejection"]) == ["code", "enhanced", "text", "by", "ours", "cause"]
    text = result["rejection"].pop("text")
    assert text.startswith("Your IP address 203.0.113.9 appears to be dynamically assigned.")
    assert result == {
        "file": str(file),
        "disposition": "answer",
        "reason": None,
        "address": "203.0.113.9",
        "address_source": "rejection",
        "networks": ["203.0.113.9/32"],
        "client": "203.0.113.9",
        "proof": "client",
        "rejection": {"code": 550, "enhanced": "5.7.1", "by": None, "ours": True, "cause": "dynamic"},
        "software": {
            "product": "exchange",
            "version": "2003",
            "certainty": "certain",
            "evidence": "X-MimeOLE: Produced By Microsoft Exchange V6.5",
        },
        "guides": ["exchange-2003-2000", "exchange-2007", "exchange-5.5", "generic"],
        "locale": "en",
        "from": "tom.hale@kestrel.example",
        "reverse_path": "tom.hale@kestrel.example",
        "message_id": "<8C41D0A7B3F95E4A9B6E2D1770FA33C204B1@KESTREL01.kestrel.example>",
    }


def test_shape_of_what_is_no_plea() -> None:
    (result,) = objects("-", stdin=NO_PLEA)
    assert list(result) == KEYS
    nothing = ("reason", "address", "address_source", "client", "rejection", "software", "message_id")
    assert {name: result[name] for name in nothing} == dict.fromkeys(nothing)
    assert (result["file"], result["networks"], result["proof"]) == ("-", [], "none")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "ann@mail.example.org"),
        (["--reverse-path", "cid@example.net"], "cid@example.net"),
        (["--reverse-path", "<cid@example.net>"], "cid@example.net"),
        (["--reverse-path", ""], ""),
        (["--reverse-path", "<>"], ""),
    ],
)
def test_reverse_path_is_the_option_else_the_field(arguments: list[str], expected: str) -> None:
    (result,) = objects(*arguments, "-", stdin=NO_PLEA)
    assert result["reverse_path"] == expected
    assert result["reason"] == (None if expected else "null-reverse-path")


def test_a_recorded_null_reverse_path_is_one() -> None:
    (result,) = objects("-", stdin=NO_PLEA.replace(b"ann@mail.example.org", b""))
    assert (result["reverse_path"], result["reason"]) == ("", "null-reverse-path")


def test_without_either_the_sender_is_that_of_from() -> None:
    (result,) = objects("-", stdin=NO_PLEA.partition(b"\n")[2])
    assert result["reverse_path"] == "bob@example.net"


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "plea.eml").write_bytes(NO_PLEA)
    done = inspect("--json", "missing.eml", "plea.eml", ".")
    assert done.exit_code == 1
    missing, plea, folder = [json.loads(line) for line in done.stdout.splitlines()]
    assert missing == {"file": "missing.eml", "error": "No such file or directory"}
    assert folder == {"file": ".", "error": "Is a directory"}
    assert plea["disposition"] == "answer"


def test_samples_of_the_demonstration_are_pleas() -> None:
    results = objects(*sorted(PLEAS.glob("*.eml")))
    assert [result["disposition"] for result in results] == ["answer"] * 4
    assert [result["address"] for result in results] == [
        "203.0.113.9",
        "198.51.100.77",
        "203.0.113.66",
        "198.51.100.140",
    ]
    assert results[2]["networks"] == ["203.0.113.64/29"]


def test_people_get_lines_and_no_control_characters() -> None:
    done = inspect("-", stdin=b"From: ann@mail.example.org\nMessage-ID: <a\x1b[2J@b>\nSubject: x\n\n550 5.7.1 \x1b[2Jx")
    assert done.exit_code == 0
    assert "disposition" in done.stdout
    assert "\x1b[2J" not in done.stdout


def test_a_hostile_file_name_is_harmless_and_nothing_is_a_hyphen(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\n.eml").write_bytes(NO_PLEA)
    done = inspect("a\x1b[2J\n.eml")
    assert done.stdout.splitlines()[1] == r"a\x1b[2J\n.eml"
    assert re.search(r"^software +-$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("octets", [b"", b"\n", b"\0" * 2000, b"\xff" * 2000, b":" * 5000, b"From:" + b"(" * 60_000])
def test_whatever_a_file_holds_it_is_read(octets: bytes) -> None:
    (result,) = objects("-", stdin=octets)
    assert list(result) == KEYS


def test_evidence_is_looked_up_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    records = {
        ("kestrel.example", "MX"): ["10 mail.kestrel.example."],
        ("kestrel.example", "TXT"): ['"v=spf1 -all"'],
        ("9.113.0.203.in-addr.arpa", "PTR"): ["203-0-113-9.dyn.isp.example."],
    }
    arguments = ("--evidence", "--client", "203.0.113.9", "--helo", "mail.kestrel.example")
    with nameserver(records) as server:
        monkeypatch.setenv("RESPONDER_DNS__NAMESERVERS", f"127.0.0.1:{server.port}")
        (result,) = objects(*arguments, PLEAS / "1-exchange-2003.eml")
        lines = inspect(*arguments, PLEAS / "1-exchange-2003.eml").stdout
    assert list(result) == [*KEYS, "second_decision", "advice", "reasons", "findings"]
    assert (result["disposition"], result["second_decision"], result["advice"]) == ("answer", "forged", "dynamic")
    found = {finding["check"]: finding["result"] for finding in result["findings"]}
    assert found == {
        "listing": "not-listed", "reverse-name": "not-confirmed", "generated-name": "generated", "helo-name": "missing",
        "sender-domain": "takes-mail", "spf": "fail", "dkim": "none", "dmarc": "none", "proof": "client",
    }  # fmt: skip
    assert re.search(r"^second decision +forged$", lines, re.MULTILINE)
    assert "  spf of kestrel.example: fail (-all), by dns" in lines.splitlines()


def test_nothing_is_looked_up_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with nameserver() as server:
        monkeypatch.setenv("RESPONDER_DNS__NAMESERVERS", f"127.0.0.1:{server.port}")
        (result,) = objects(PLEAS / "1-exchange-2003.eml")
    assert list(result) == KEYS
    assert not server.asked
