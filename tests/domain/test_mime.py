"""The parts of a message, whole, broken and hostile."""

import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.header import split_header
from responder.domain.mime import DEPTH, PARTS, SCAN_BYTES, Part, PartKind, read_parts

BOUNCE = (
    "From: MAILER-DAEMON@mail.example.org\nSubject: Undelivered\nContent-Type: text/plain\n\n"
    "550 5.7.1 Your IP address 203.0.113.9 is listed\n"
)


def parts_of(text: str | bytes) -> tuple[Part, ...]:
    return read_all(text)[0]


def read_all(text: str | bytes) -> tuple[tuple[Part, ...], bool]:
    octets = text.encode() if isinstance(text, str) else text
    header, offset, _ = split_header(octets)
    return read_parts(header, octets[offset:])


def outline(parts: tuple[Part, ...]) -> list[tuple[str, str, int]]:
    return [(part.kind.value, part.text.strip(), part.depth) for part in parts]


def encoded(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_parts_stand_between_delimiters(end):
    message = (
        'Content-Type: multipart/mixed; boundary="b 1"\n\npreamble\n--b 1\n\none\n--b 1  \nContent-Type: text/html\n\n'
        "<b>two</b>\n--b 10\nstill two --b 1\n--b 1--\nepilogue\n--b 1\n\nnever\n"
    )
    assert outline(parts_of(message.replace("\n", end))) == [
        ("text", "one", 0),
        ("html", "two --b 10 still two --b 1", 0),
    ]


def test_multipart_in_multipart():
    message = (
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
        "--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n--a\n\nthree\n--a--\n"
    )
    assert outline(parts_of(message)) == [("text", "one", 0), ("html", "two", 0), ("text", "three", 0)]


@pytest.mark.parametrize(
    "message",
    [
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none",
        "Content-Type: multipart/mixed; boundary=a\n\n--a\none",
        "Content-Type: multipart/mixed\n\none",
        "Content-Type: multipart/mixed; boundary=a\n\none",
        "Content-Type: multipart/mixed; boundary=\n\none",
        "Content-Type: text/x-unheard-of; charset=hex\n\none",
        "Content-Type: nonsense\n\none",
        "Subject: none declared\n\none",
        "one",
    ],
)
def test_broken_structure_is_read_as_far_as_it_goes(message):
    assert outline(parts_of(message)) == [("text", "one", 0)]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("base64", encoded("Größe\n203.0.113.9")),
        ("BASE64 ", encoded("Größe\n203.0.113.9").rstrip("=\n")),
        ("base64", "!" + encoded("Größe\n203.0.113.9").replace("\n", " \n\t")),
        ("quoted-printable", quopri.encodestring("Größe\n203.0.113.9".encode()).decode()),
        ("Quoted-Printable", "Gr=c3=B6=C3=\n=9Fe\n203.0.=\n113.9"),
        ("8bit", "Größe\n203.0.113.9"),
        ("x-unknown", "Größe\n203.0.113.9"),
    ],
)
def test_transfer_encoding(encoding, body):
    message = f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}"
    assert outline(parts_of(message)) == [("text", "Größe\n203.0.113.9", 0)]


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("message/rfc822", BOUNCE),
        ("message/rfc822\nContent-Transfer-Encoding: base64", encoded(BOUNCE)),
        ("message/global", BOUNCE),
        ('application/octet-stream; name="bounce.eml"', BOUNCE),
        ('application/octet-stream; name="Bounce.EML"\nContent-Transfer-Encoding: base64', encoded(BOUNCE)),
        ("application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''b%2Eeml", BOUNCE),
        ('text/plain; name="=?utf-8?q?R=C3=BCck.eml?="', BOUNCE),
        ("application/octet-stream\nContent-Transfer-Encoding: base64", encoded(BOUNCE)),
        ("message/rfc822", "\n\n" + BOUNCE),
    ],
)
def test_attached_message(declared, body):
    message = (
        "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nSee below.\n"
        f"--a\nContent-Type: {declared}\n\n{body}\n--a--\n"
    )
    parts = parts_of(message)

    assert outline(parts) == [
        ("text", "See below.", 0),
        ("message", "", 0),
        ("text", "550 5.7.1 Your IP address 203.0.113.9 is listed", 1),
    ]
    assert parts[1].header.first("subject") == "Undelivered"


def test_a_digest_holds_messages():
    message = f"Content-Type: multipart/digest; boundary=a\n\n--a\n\n{BOUNCE}\n--a--\n"
    assert [part.kind for part in parts_of(message)] == [PartKind.MESSAGE, PartKind.TEXT]


def test_report_with_the_header_of_what_it_returns():
    message = (
        "Content-Type: multipart/report; report-type=delivery-status; boundary=a\n\n"
        "--a\n\nCould not deliver.\n--a\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mail.example.org\n\nDiagnostic-Code: smtp; 550\n 5.7.1 no\n"
        "--a\nContent-Type: text/rfc822-headers\n\nReceived: from pc\nX-Mailer: Something 1.0\n\nno part of it\n--a--\n"
    )
    parts = parts_of(message)

    assert outline(parts) == [
        ("text", "Could not deliver.", 0),
        ("report", "Reporting-MTA: dns; mail.example.org\n\nDiagnostic-Code: smtp; 550\n 5.7.1 no", 0),
        ("message", "", 0),
    ]
    assert parts[2].header.first("x-mailer") == "Something 1.0"


@pytest.mark.parametrize("kind", ["image/png", "application/zip", "application/pdf", "application/octet-stream"])
def test_binary_parts_are_not_read(kind):
    message = f"Content-Type: {kind}; name=x.bin\nContent-Transfer-Encoding: base64\n\n{encoded('203.0.113.9')}"
    assert parts_of(message) == ()


def test_text_that_is_none_is_not_read():
    assert parts_of(b"Content-Type: text/plain\n\nMZ\0\0\1\2") == ()


@pytest.mark.parametrize("name", ["log.txt", "mail.LOG", "=?utf-8?q?log.txt?="])
def test_a_text_file_is_read_whatever_its_declared_type(name):
    parts = parts_of(f'Content-Type: application/x-thing; name="{name}"\n\n550 no')
    assert outline(parts) == [("text", "550 no", 0)]
    assert parts[0].filename.lower().endswith((".txt", ".log"))


def test_file_names_hold_no_line_break():
    parts = parts_of('Content-Type: text/plain; name="=?utf-8?q?a=0D=0Ab=E2=80=AE.txt?="\n\none')
    assert parts[0].filename == "a b.txt"


def test_three_thousand_nested_multiparts():
    message = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(3_000)) + "\nend"
    assert read_all(message) == ((), True)


def test_three_thousand_nested_messages():
    parts, exceeded = read_all("Content-Type: message/rfc822\n\n" * 3_000)
    assert exceeded
    assert max(part.depth for part in parts) == DEPTH


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_nested_and_encoded_messages(encoding):
    octets = BOUNCE.encode()
    head = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}\n\n".encode()
    for _ in range(DEPTH):
        octets = head + (base64.encodebytes(octets) if encoding == "base64" else quopri.encodestring(octets))
    parts, exceeded = read_all(octets)
    assert not exceeded
    assert outline(parts)[-1][1:] == ("550 5.7.1 Your IP address 203.0.113.9 is listed", DEPTH)


def test_the_deepest_that_is_read():
    parts, exceeded = read_all("Content-Type: message/rfc822\n\n" * DEPTH + "Subject: x\n\nend")
    assert not exceeded
    assert outline(parts)[-1] == ("text", "end", DEPTH)


def test_twenty_thousand_parts():
    parts, exceeded = read_all("Content-Type: multipart/mixed; boundary=a\n\n" + "--a\n\nx\n" * 20_000 + "--a--\n")
    assert exceeded
    assert len(parts) == PARTS - 1


def test_text_is_read_up_to_the_limit():
    text = "x" * 199_999 + "\n"
    parts, exceeded = read_all(
        "Content-Type: multipart/mixed; boundary=a\n\n" + f"--a\nContent-Type: text/plain\n\n{text}" * 3
    )
    assert sum(len(part.text) for part in parts) <= SCAN_BYTES
    assert not exceeded


def test_text_behind_a_large_attachment_is_read():
    image = f"--a\nContent-Type: image/png\n\n{'x' * SCAN_BYTES}\n"
    message = "Subject: x\nContent-Type: multipart/mixed; boundary=a\n\n" + image + "--a\n\nend\n--a--\n"
    assert outline(parts_of(message)) == [("text", "end", 0)]
    assert outline(parts_of("Content-Type: message/rfc822\n\n" + message))[1:] == [("text", "end", 1)]


PIECES = [
    "Content-Type: multipart/mixed; boundary=a\n",
    "Content-Type: message/rfc822\n",
    "Content-Type: text/html; charset=utf-7\n",
    "Content-Type: application/octet-stream; name=a.eml\n",
    "Content-Transfer-Encoding: base64\n",
    "Content-Transfer-Encoding: quoted-printable\n",
    "--a\n",
    "--a--\n",
    "\n",
    "Zm9v=3D+AGE-\0\n",
    "<p>é\x1b\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_pieces_have_parts(pieces):
    for part in parts_of("".join(pieces)):
        assert not any(ord(one) < 32 and one not in "\n\t" for one in part.text + part.filename)


@given(st.binary(max_size=300), st.sampled_from([piece for piece in PIECES if piece.startswith("Content")]))
def test_any_octets_have_parts(octets, field):
    parts_of(field.encode() + b"\n" + octets)
