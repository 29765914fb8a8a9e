"""DKIM signatures that OpenDKIM made, whole and damaged, and such as are made to hurt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from responder.domain.findings import Result
from responder.services.evidence.facts import Fact, Kind, Status
from responder.services.evidence.signatures import Signature, find_signatures, is_too_much_work, verify
from tests.support.opendkim import Signer, opendkim

MESSAGE = (
    b"From: Ann <ann@example.org>\r\nTo: bypass@example.com\r\nSubject: our mail\r\n  is refused\r\n"
    b"Date: Tue, 03 Mar 2026 10:11:12 +0000\r\n\r\nHello,\r\n\r\nplease  let us in. \r\n\r\n\r\n"
)


@pytest.fixture(scope="module", params=["relaxed/relaxed", "simple/simple", "relaxed/simple"])
def signer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    with opendkim(tmp_path_factory.mktemp("dkim"), "example.org", "sel", canonicalization=request.param) as signer:
        yield signer


def key_of(record: str, status: Status = Status.FOUND) -> Fact:
    return Fact("sel._domainkey.example.org", Kind.TXT, status, (record,) if status is Status.FOUND else ())


def result(message: bytes, key: Fact) -> Result:
    signature = find_signatures(message)[0]
    assert signature
    return verify(message, 0, signature, key)


def test_signed_by_another_implementation(signer: Signer):
    signed = signer.sign(MESSAGE)
    (signature,) = find_signatures(signed)
    assert signature == Signature("example.org", "sel", True)
    assert signature.key_name == "sel._domainkey.example.org"
    assert result(signed, key_of(signer.key_record)) is Result.PASS
    assert result(b"Received: from a by b\r\n" + signed, key_of(signer.key_record)) is Result.PASS


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"let us in", b"let me in"), (b"our mail", b"your mail"), (b"ann@example.org", b"bob@example.org")],
)
def test_whoever_changes_what_is_signed_breaks_it(signer: Signer, old: bytes, new: bytes):
    signed = signer.sign(MESSAGE)
    head, _, rest = signed.partition(b"\r\nFrom:")
    assert result(head + b"\r\nFrom:" + rest.replace(old, new), key_of(signer.key_record)) is Result.FAIL


def test_a_second_author_breaks_it(signer: Signer):
    signed = b"From: eve@example.net\r\n" + signer.sign(MESSAGE)
    assert result(signed, key_of(signer.key_record)) is Result.FAIL


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (key_of("", Status.TIMED_OUT), Result.TEMPERROR),
        (key_of("", Status.FAILED), Result.TEMPERROR),
        (key_of("", Status.NO_NAME), Result.PERMERROR),
        (key_of("", Status.NO_DATA), Result.PERMERROR),
        (key_of("v=DKIM1; p="), Result.FAIL),
        (key_of("v=DKIM1; k=rsa; p=!!!"), Result.FAIL),
        (key_of("nonsense \x00\xff"), Result.FAIL),
        (key_of("v=DKIM1; k=rsa; p=" + "A" * 2000), Result.PERMERROR),
    ],
)
def test_keys_that_are_none(signer: Signer, key: Fact, wanted: Result):
    assert result(signer.sign(MESSAGE), key) is wanted


def test_a_signature_of_part_of_the_body_vouches_for_nothing(tmp_path: Path):
    with opendkim(tmp_path / "dkim", "example.org", "sel", more="BodyLengthDB csl:*") as signer:
        signed = signer.sign(MESSAGE)
        assert b"l=" in signed.partition(b"\r\nFrom:")[0]
        assert result(signed, key_of(signer.key_record)) is Result.POLICY
        assert result(signed + b"And buy this.\r\n", key_of(signer.key_record)) is Result.POLICY


def test_no_more_than_five_are_looked_at():
    field = b"DKIM-Signature: v=1; d=Example.ORG; s=sel; b=\r\n\tabcd\r\n"
    assert find_signatures(field * 9 + MESSAGE) == (Signature("example.org", "sel", True),) * 5
    assert find_signatures(MESSAGE) == ()
    assert find_signatures(MESSAGE + field) == ()
    assert find_signatures(b"dkim-signature : s=a;d=b.example\n\nx") == (Signature("b.example", "a", True),)


@pytest.mark.parametrize(
    "field",
    [
        b"v=1; d=example.org; s=sel; b=" + b" " * 20_000 + b"!",
        b"v=1; d=example.org; s=sel; b=" + b"\r\n " * 2_000 + b"!",
        b"v=1; d=example.org; s=sel; b=" + b"A" * 30_000,
        b"v=1; d=example.org; s=sel; h=" + b" :" * 10_000,
    ],
)
def test_a_field_that_is_made_to_hurt_is_not_verified(field: bytes):
    message = b"DKIM-Signature: " + field + b"\r\n" + MESSAGE
    signatures = find_signatures(message)
    assert all(each is None or not each.is_sane for each in signatures)
    assert all(verify(message, 0, each, key_of("v=DKIM1; p=AAAA")) is Result.PERMERROR for each in signatures if each)


@pytest.mark.parametrize("field", [b"", b"d=example.org", b"s=sel", b"d=\xff; s=sel", b"d=a b; s=c", b"d" * 5000])
def test_a_signature_of_nobody(field: bytes):
    assert set(find_signatures(b"DKIM-Signature: " + field + b"\r\n" + MESSAGE)) <= {None}


@pytest.mark.parametrize("message", [b"", b" x\r\n\r\n", b"\0\r\n\r\n", b"a\r\nb: c\r\n\r\n", b"From: x\r\n"])
def test_a_message_that_is_none_is_an_error(message: bytes):
    assert verify(message, 0, Signature("example.org", "sel", True), key_of("v=DKIM1; p=AAAA")) in {
        Result.PERMERROR,
        Result.FAIL,
    }


def test_long_blanks_are_too_much_work():
    assert not is_too_much_work(MESSAGE + b" " * 4_000)
    assert is_too_much_work(MESSAGE + b" \t" * 4_000)
    assert is_too_much_work(MESSAGE + (b"x" * 1_000 + b" " * 100) * 1_000)
    assert not is_too_much_work(MESSAGE + (b"x" * 1_000 + b" " * 50) * 1_000)
    assert is_too_much_work(b"X: \r\n" + b" x\r\n" * 20_000 + b"\r\n")
    assert is_too_much_work(b"no header")
