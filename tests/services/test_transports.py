"""What every transport promises, and what is peculiar to the Maildir and the sendmail program."""

import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.services.transports import Deferred, Refused, Transport, Unreachable, make_transport
from responder.services.transports.outcome import wire_form
from tests.support.certificates import Certificate
from tests.support.relay import OFFERS, Relay

PIECES = (b"Subject: help\r\nMessage-ID: <1@example.com>\r\n\r\nline\r\n", b".\r\n..two\r\n", b".dot\r\n")
CONTENT = b"".join(PIECES)
SENDMAIL = """#!/bin/sh
run=$(mktemp -d "$(dirname "$0")/run.XXXXXX")
for argument; do printf '%s\\n' "$argument"; done > "$run/arguments"
cat > "$run/input"
mv "$run" "$(dirname "$0")/done.${run##*.}"
"""


@dataclass
class Way:
    """A transport under test, what came out of it (envelope and content), and how to break it."""

    transport: Transport
    received: Callable[[], list[tuple[str, str, bytes]]]
    breaks: Callable[[], None]


def _make(url: str, tmp_path: Path, **options) -> Transport:
    options = {"password": None, "timeout_seconds": 20, "hostname": "bypass.example.com", **options}
    return make_transport(url, data_dir=tmp_path, **options)


def _maildir_way(tmp_path: Path) -> Iterator[Way]:
    def received() -> list[tuple[str, str, bytes]]:
        found = []
        for path in sorted((tmp_path / "outgoing" / "new").iterdir()):
            sender, recipient, rest = path.read_bytes().split(b"\n", 2)
            assert sender.startswith(b"Return-Path: <")
            assert recipient.startswith(b"Delivered-To: ")
            found.append((sender[14:-1].decode(), recipient[14:].decode(), rest.replace(b"\n", b"\r\n")))
        return found

    transport = _make("maildir:outgoing", tmp_path)

    def breaks() -> None:
        for folder in ("tmp", "new", "cur"):
            (tmp_path / "outgoing" / folder).rmdir()
        (tmp_path / "outgoing").rmdir()
        (tmp_path / "outgoing").write_text("in the way")

    transport.check("postmaster@example.com")
    yield Way(transport, received, breaks)


def _sendmail_way(tmp_path: Path) -> Iterator[Way]:
    program = tmp_path / "sendmail"
    program.write_text(SENDMAIL)
    program.chmod(0o755)

    def received() -> list[tuple[str, str, bytes]]:
        found = []
        for run in sorted(tmp_path.glob("done.*")):
            ignores_dots, sender_follows, sender, end, recipient = (run / "arguments").read_text().splitlines()
            assert (ignores_dots, sender_follows, end) == ("-i", "-f", "--")
            content = (run / "input").read_bytes()
            assert b"\r" not in content
            found.append((sender.removeprefix("<").removesuffix(">"), recipient, content.replace(b"\n", b"\r\n")))
        return found

    yield Way(_make(f"sendmail:{program}", tmp_path), received, program.unlink)


def _relay_way(scheme: str, tmp_path: Path) -> Iterator[Way]:
    certificate = Certificate(tmp_path, "127.0.0.1")
    offers = (*OFFERS, "STARTTLS") if scheme == "smtp+starttls" else OFFERS
    tls = certificate.server_context()
    with Relay(offers=offers, tls=tls, implicit_tls=scheme == "smtps") as relay:
        url = relay.url.replace("smtp:", scheme + ":")
        transport = _make(url, tmp_path, tls_context=certificate.client_context())

        def received() -> list[tuple[str, str, bytes]]:
            assert all(taken.tls == (scheme != "smtp") for taken in relay.taken)
            return [(_path(taken.mail), _path(taken.rcpt), taken.content) for taken in relay.taken]

        yield Way(transport, received, relay.__exit__)
        transport.close()


def _path(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]


@pytest.fixture(params=["maildir", "sendmail", "smtp", "smtp+starttls", "smtps"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    match request.param:
        case "maildir":
            yield from _maildir_way(tmp_path)
        case "sendmail":
            yield from _sendmail_way(tmp_path)
        case scheme:
            yield from _relay_way(scheme, tmp_path)


def test_message_arrives_unchanged_from_the_null_reverse_path(way: Way):
    reply = way.transport.deliver(7, "", "admin@example.org", PIECES)
    assert 200 <= reply.code <= 299
    assert way.received() == [("", "admin@example.org", CONTENT)]


def test_own_envelope_sender_is_used(way: Way):
    way.transport.deliver(7, "bypass+b-1@example.com", "admin@example.org", PIECES, reports=True)
    assert way.received()[0][0] == "bypass+b-1@example.com"


def test_a_recipient_that_looks_like_an_option_stays_a_recipient(way: Way):
    way.transport.deliver(7, "", "-oQ/tmp@example.org", PIECES)
    assert way.received()[0][1] == "-oQ/tmp@example.org"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\n", b"\0\r\n", b"x" * 999 + b"\r\n"])
def test_what_could_end_a_line_elsewhere_is_never_sent(way: Way, end: bytes):
    with pytest.raises(Refused, match=r"5\.6\.0"):
        way.transport.deliver(7, "", "admin@example.org", [b"Subject: x\r\n\r\nx" + end + b".\r\nMAIL FROM:<>\r\n"])
    assert way.received() == []


@pytest.mark.parametrize("address", ["a@example.org>\r\nRCPT TO:<b@example.org", "a\0@example.org", "a@example.org\n"])
def test_an_address_cannot_become_a_command(way: Way, address: str):
    for sender, recipient in ((address, "a@example.org"), ("", address)):
        with pytest.raises(Refused, match=r"5\.1\.3"):
            way.transport.deliver(7, sender, recipient, PIECES)
    assert way.received() == []


def test_usable_after_close(way: Way):
    way.transport.deliver(1, "", "a@example.org", PIECES)
    way.transport.close()
    way.transport.deliver(2, "", "b@example.org", PIECES)
    assert sorted(recipient for _, recipient, _ in way.received()) == ["a@example.org", "b@example.org"]


def test_check_passes_and_sends_nothing(way: Way):
    assert 200 <= way.transport.check("postmaster@example.com").code <= 299
    assert way.received() == []


def test_nobody_there_is_unreachable(way: Way):
    way.breaks()
    with pytest.raises(Unreachable):
        way.transport.check("postmaster@example.com")
    with pytest.raises(Unreachable):
        way.transport.deliver(7, "", "admin@example.org", PIECES)


def test_many_threads_at_once(way: Way):
    recipients = [f"user{number}@example.org" for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda pair: way.transport.deliver(pair[0], "", pair[1], PIECES), enumerate(recipients)))
    assert sorted(way.received()) == sorted(("", recipient, CONTENT) for recipient in recipients)


@given(st.lists(st.text(alphabet=st.sampled_from("a.\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029\0"), max_size=60), min_size=1))
def test_data_ends_at_its_end_only(texts: list[str]):
    pieces = [text.encode() + b"\r\n" for text in texts]
    content = b"".join(pieces)
    try:
        wire = wire_form(pieces)
    except Refused:
        assert b"\0" in content or b"\r" in content.replace(b"\r\n", b"") or b"\n" in content.replace(b"\r\n", b"")
        return
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    assert b"\r\n".join(line.removeprefix(b".") for line in lines[:-2]) + b"\r\n" == content


def test_a_piece_that_ends_within_a_line_is_not_sent():
    with pytest.raises(Refused):
        wire_form([b"Subject: x\r\n\r\na line\r\n.", b"\r\nMAIL FROM:<>\r\n"])


def test_the_same_maildir_message_is_one_file(tmp_path: Path):
    for _ in range(2):
        _make("maildir:outgoing", tmp_path).deliver(7, "", "admin@example.org", PIECES)
    (path,) = (tmp_path / "outgoing" / "new").iterdir()
    assert path.name == "7.bypass.example.com"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list((tmp_path / "outgoing" / "tmp").iterdir())


def test_a_maildir_file_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps = []
    real_fsync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append(_path_of(handle)), real_fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda old, new: (steps.append("rename"), real_replace(old, new)))
    transport = _make("maildir:outgoing", tmp_path)
    transport.check("postmaster@example.com")
    steps.clear()
    transport.deliver(7, "", "admin@example.org", PIECES)
    folder = str(tmp_path / "outgoing")
    assert steps == [f"{folder}/tmp/7.bypass.example.com", "rename", f"{folder}/new"]


def _path_of(handle: int) -> str:
    return str(Path(f"/proc/self/fd/{handle}").readlink())


@pytest.mark.parametrize(
    ("status", "outcome", "code"),
    [(67, Refused, 550), (68, Refused, 550), (65, Refused, 554), (75, Deferred, 451), (69, Deferred, 451),
     (78, Deferred, 451), (1, Deferred, 451)],
)  # fmt: skip
def test_sendmail_exit_status_decides(tmp_path: Path, status: int, outcome: type[Exception], code: int):
    program = tmp_path / "sendmail"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\nprintf 'no \\033[31msuch\\nuser' >&2\nexit {status}\n")
    program.chmod(0o755)
    with pytest.raises(outcome) as caught:
        _make(f"sendmail:{program}", tmp_path).deliver(7, "", "admin@example.org", PIECES)
    assert (caught.value.code, caught.value.text) == (code, "no \\x1b[31msuch user")


def test_sendmail_that_hangs_is_ended(tmp_path: Path):
    program = tmp_path / "sendmail"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    with pytest.raises(Deferred, match="did not end in time"):
        _make(f"sendmail:{program}", tmp_path, timeout_seconds=0.2).deliver(7, "", "admin@example.org", PIECES)


@pytest.mark.parametrize(
    ("url", "password", "complaint"),
    [
        ("outgoing", None, "no kind of relay"),
        ("http://example.com", None, "no kind of relay"),
        ("maildir:", None, "folder"),
        ("sendmail:sendmail", None, "whole path"),
        ("smtp://", None, "HOST"),
        ("smtp://host:port", None, "ort"),
        ("smtp://host/path", None, "nothing else"),
        ("smtps://user:secret@host", None, "file of its own"),
        ("smtps://user@host", None, "password file"),
        ("smtps://host", "secret", "password file"),
        ("smtp://user@192.0.2.1", "secret", "TLS"),
    ],
)
def test_a_wrong_url_is_explained(tmp_path: Path, url: str, password: str | None, complaint: str):
    with pytest.raises(ValueError, match=complaint) as caught:
        _make(url, tmp_path, password=password)
    assert "secret" not in str(caught.value)
