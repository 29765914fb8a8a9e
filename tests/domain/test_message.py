"""A whole message, from its bytes to what the rules look at."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.message import PartKind, read_message


def message(*lines: str, body: str = "Hello\r\n"):
    return read_message("\r\n".join((*lines, "", body)).encode())


def test_what_a_message_says():
    read = message(
        "From: Ann <ann@example.org>",
        "Sender: postmaster@example.org",
        "Reply-To: Help <help@example.net>, b@example.net",
        "Subject: =?utf-8?q?Unsere_Mails_werden_zur=C3=BCckgewiesen?=",
        "Message-ID: <1@example.org>",
        "In-Reply-To: <2@example.com>",
        "References: <3@example.com> <2@example.com>",
        "Content-Type: Text/Plain; charset=utf-8",
    )

    assert read.header_from == "ann@example.org"
    assert [(one.name, one.address) for one in read.senders] == [
        ("Ann", "ann@example.org"),
        ("", "postmaster@example.org"),
    ]
    assert [one.address for one in read.reply_to] == ["help@example.net", "b@example.net"]
    assert read.subject == "Unsere Mails werden zurückgewiesen"
    assert (read.message_id, read.in_reply_to) == ("<1@example.org>", ("<2@example.com>",))
    assert read.references == ("<3@example.com>", "<2@example.com>")
    assert (read.content_type, read.report_type, read.malformed) == ("text/plain", None, False)
    assert [(part.kind, part.text) for part in read.parts] == [(PartKind.TEXT, "Hello\n")]


@pytest.mark.parametrize("raw", [b"", b"\r\n", b"\n\n", b"\0", b"\xff" * 100, b":", b" \r\n\r\n"])
def test_next_to_nothing_is_a_message(raw):
    read = read_message(raw)
    assert (read.header_from, read.subject, read.message_id, read.content_type) == ("", "", None, "text/plain")


@pytest.mark.parametrize(
    ("lines", "message_id"),
    [
        (["Message-ID: <1@example.org>"], "<1@example.org>"),
        (["MESSAGE-ID:", " <1@example.org> (made here)"], "<1@example.org>"),
        (["Message-ID: 1@example.org"], None),
        (["Message-ID: <1@example.org> <2@example.org>"], None),
        (["Message-ID: <1@example.org\0>"], None),
        (["Message-ID: <1@ example.org>"], None),
        (["Message-ID: <=?utf-8?q?=0D=0ABcc:x?=@example.org>"], None),
        ([f"Message-ID: <{'1' * 300}@example.org>"], None),
        (["Message-ID: <1@exämple.org>"], None),
        ([], None),
    ],
)
def test_message_id_is_sane_or_none(lines, message_id):
    assert message("From: a@example.org", *lines).message_id == message_id


@pytest.mark.parametrize(
    ("lines", "references"),
    [
        (["References: <1@x> <2@x>", "In-Reply-To: <3@x>"], ("<1@x>", "<2@x>")),
        (["In-Reply-To: <3@x>"], ("<3@x>",)),
        (["In-Reply-To: <3@x> <4@x>"], ()),
        (["References: none", "In-Reply-To: Your mail <3@x>"], ("<3@x>",)),
        ([], ()),
    ],
)
def test_references_as_the_answer_needs_them(lines, references):
    assert message("From: a@example.org", *lines).references == references


@pytest.mark.parametrize(
    ("declared", "report_type"),
    [
        ("multipart/report; report-type=Delivery-Status; boundary=a", "delivery-status"),
        ("multipart/report; boundary=a", None),
        ("multipart/mixed; report-type=delivery-status; boundary=a", None),
    ],
)
def test_report_type(declared, report_type):
    assert message(f"Content-Type: {declared}").report_type == report_type


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?a=0D=0ABcc:_v@example.org?=",
        "=?utf-8?b?YQ0KQmNjOiB2QGV4YW1wbGUub3Jn?=",
        "=?utf-8?q?a=0D=0A=0D=0ABcc:_v@example.org?=",
        "a\0\x0b\x1b\x85Bcc: v@example.org",
        "=?utf-8?q?a=E2=80=A8=E2=80=AEBcc:_v@example.org?=",
        "=?utf-7?q?a+AA0ACg-Bcc:_v@example.org?=",
        "=?utf-16?b?//5hAA0ACgBCAGMAYwA6ACAAdgBAAGUAeABhAG0AcABsAGUALgBvAHIAZwA=?=",
    ],
)
def test_a_subject_is_one_line(subject):
    assert message(f"Subject: {subject}").subject == "a Bcc: v@example.org"


def test_a_subject_has_a_limit():
    assert len(message(f"Subject: {'é' * 20_000}").subject) == 998


def test_twenty_thousand_encoded_words_in_a_subject():
    subject = message(f"Subject: {'=?utf-8?q?a?= ' * 4_500}").subject
    assert set(subject.rstrip()) <= set("a=?utf-8q ")
    assert subject.startswith("aaaa")


def test_an_attached_message_is_not_the_message():
    read = message(
        "From: a@example.org", "Content-Type: message/rfc822", body="From: other@example.org\nMessage-ID: <2@x>\n\nhi"
    )
    assert (read.header_from, read.message_id) == ("a@example.org", None)


@pytest.mark.parametrize(
    ("raw", "malformed"),
    [
        (b"From: a@example.org\n\nhi", False),
        (b"From: a@example.org\nno field\n\nhi", True),
        (b"A: b\n" * 2_000 + b"\nhi", True),
        (b"A: " + b"b" * 70_000 + b"\n\nhi", True),
        (b"Content-Type: message/rfc822\n\n" * 100, True),
        (b"just text", True),
    ],
)
def test_malformed(raw, malformed):
    assert read_message(raw).malformed is malformed


PIECES = [
    *(f"{name}: " for name in ("From", "Sender", "Reply-To", "Subject", "Message-ID", "References", "In-Reply-To")),
    "Content-Type: multipart/mixed; boundary=a\r\n",
    "--a\r\n",
    "\r\n",
    "\n ",
    "\r",
    "<a@b>",
    "=?utf-8?q?=0D=0A=00=C2=85?=",
    "=?utf-7?b?+AAo-?=",
    "\x00\x1b\x85\u202e\u2028\u200b",
    "é",
    '"',
    "(",
    ",",
    "<",
]


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text)


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sampled_from(["utf-8", "utf-16-le"]))
def test_nothing_that_is_copied_into_an_answer_breaks_a_line(pieces, codec):
    read = read_message("".join(pieces).encode(codec))
    assert is_clean(read.subject)
    assert all(is_clean(one.name) and is_clean(one.address) for one in (*read.senders, *read.reply_to))
    ids = (*read.references, *read.in_reply_to, *filter(None, [read.message_id]))
    assert all(one.isascii() and one.isprintable() and len(one) <= 250 and "=?" not in one for one in ids)


@given(st.binary(max_size=500))
def test_any_octets_are_a_message(raw):
    read_message(raw)
