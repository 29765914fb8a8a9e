import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.outbound import Kind
from responder.services.composition import Draft, Sender, compose
from responder.services.header_fields import CompositionError, mailbox_field, quote_subject
from tests.support.answers import read

SENDER = Sender("bypass@example.com", "Mail delivery help", "0123456789abcdef", plus_addressing=True)
DRAFT = Draft(
    kind=Kind.REPLY,
    recipient="admin@example.org",
    subject="Help [9K3QF-2M7XA]",
    date=datetime(2024, 3, 4, 9, 30, tzinfo=UTC),
    message_id="<1.2@example.com>",
    in_reply_to="<plea@example.org>",
    references=("<first@example.org>", "<second@example.org>"),
    reply_token="abc",
    language="en",
    text=("Hello\n", "world\n"),
    html=("<p>Hello</p>\n",),
)
SEPARATORS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\0", "\x1b", "\x7f"]


def made(**changes):
    return b"".join(compose(replace(DRAFT, **changes), SENDER))


def contents(message):
    return [part.get_content().replace("\r\n", "\n") for part in message.walk() if not part.is_multipart()]


def is_clean(content: bytes) -> bool:
    lines = content.split(b"\r\n")
    return not any(b"\r" in line or b"\n" in line or len(line) > 998 for line in lines) and lines[-1] == b""


def test_the_header_of_a_reply():
    head, _, _ = made().partition(b"\r\n\r\n")

    assert head.decode().split("\r\n") == [
        "From: Mail delivery help <bypass@example.com>",
        "To: admin@example.org",
        "Reply-To: bypass+r-abc@example.com",
        "Subject: Help [9K3QF-2M7XA]",
        "Date: Mon, 04 Mar 2024 09:30:00 +0000",
        "Message-ID: <1.2@example.com>",
        "In-Reply-To: <plea@example.org>",
        "References: <first@example.org>",
        " <second@example.org>",
        " <plea@example.org>",
        "Auto-Submitted: auto-replied",
        "Precedence: bulk",
        "X-Auto-Response-Suppress: All",
        "X-Bypass-Responder: 0123456789abcdef",
        "X-Loop: bypass@example.com",
        "Content-Language: en",
        "MIME-Version: 1.0",
        'Content-Type: multipart/alternative; boundary="=_0eff6f68a99b06737f94b19c"',
    ]


@pytest.mark.parametrize(
    ("kind", "submitted", "precedence"),
    [
        (Kind.REPLY, "auto-replied", "bulk"),
        (Kind.NOTICE, "auto-generated", None),
        (Kind.WARNING, "auto-generated", None),
        (Kind.TEST, "auto-generated", None),
        (Kind.QUESTION, None, None),
    ],
)
def test_the_marks_of_automation_follow_the_kind(kind, submitted, precedence):
    message = read(made(kind=kind))

    assert (message["Auto-Submitted"], message["Precedence"]) == (submitted, precedence)
    assert message["X-Auto-Response-Suppress"] == "All"


def test_both_parts_are_alternatives_the_plainest_first():
    message = read(made())

    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert contents(message) == ["Hello\nworld\n", "<p>Hello</p>\n"]
    assert all(part["Content-Transfer-Encoding"] == "7bit" for part in message.iter_parts())
    assert not message.defects


def test_without_html_there_is_one_part():
    message = read(made(html=()))

    assert message.get_content_type() == "text/plain"
    assert contents(message) == ["Hello\nworld\n"]


def test_no_piece_is_empty_between_large_ones():
    large = f"{'x' * 300}\n"
    pieces = compose(replace(DRAFT, text=(large, "", large), html=(large, "", "", large)), SENDER)
    assert all(pieces)
    assert is_clean(b"".join(pieces))


def test_no_reply_to_without_a_token_or_plus_addressing():
    assert read(made(reply_token=None))["Reply-To"] is None
    assert read(b"".join(compose(DRAFT, replace(SENDER, plus_addressing=False))))["Reply-To"] is None


def test_the_thread_is_kept_and_bounded():
    ids = tuple(f"<{n}@example.org>" for n in range(300))

    references = read(made(references=ids))["References"].split()

    assert references == [ids[0], *ids[-10:], "<plea@example.org>"]


def test_without_a_message_id_there_is_no_in_reply_to_and_references_stay():
    message = read(made(in_reply_to=None))

    assert message["In-Reply-To"] is None
    assert message["References"].split() == ["<first@example.org>", "<second@example.org>"]
    assert read(made(in_reply_to=None, references=()))["References"] is None


@pytest.mark.parametrize(
    "bad", ["<a b@c>", "<a>\r\nBcc: v@example.org", "a@b", "<" + "a" * 250 + "@b>", "<=?utf-8?q?x?=@b>", "<ä@b>"]
)
def test_an_odd_message_id_of_a_stranger_is_left_out(bad):
    message = read(made(in_reply_to=bad, references=(bad, "<good@example.org>")))

    assert message["In-Reply-To"] is None
    assert message["References"] == "<good@example.org>"
    assert message["Bcc"] is None


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.org",
        '"a b"@example.org',
        '"a\\"b, c"@example.org',
        "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]",
        "o'neil+x=y@example.org",
        "l" * 64 + "@" + ".".join(["d" * 60] * 3) + ".example",
    ],
)
def test_the_recipient_stands_alone_as_it_is(recipient):
    content = made(recipient=recipient)

    assert f"\r\nTo: {recipient}\r\n".encode() in content
    assert content.isascii()


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "a",
        "@",
        "a@",
        "a b@c",
        "a@b, c@d",
        "a@b>",
        "<a@b",
        "a@b\r\nBcc: x@y",
        "a@b\u2028c",
        '"a\n"@b',
        "=?q?@b",
        "a@" + "b" * 400,
    ],
)
def test_what_is_no_recipient_is_refused(recipient):
    with pytest.raises(CompositionError):
        made(recipient=recipient)


def test_utf8_stands_raw_only_where_nothing_else_can():
    assert b"\r\nTo: admin@xn--bcher-kva.example\r\n" in made(recipient="admin@bücher.example")
    assert "\r\nTo: pelé@bücher.example\r\n".encode() in made(recipient="pelé@bücher.example")
    assert b"\r\nTo: a@" + ("ü" * 70).encode() in made(recipient=f"a@{'ü' * 70}.example")


@pytest.mark.parametrize(
    "subject",
    [
        "x" * 5000,
        "word " * 1000,
        "日本語のメールが拒否されました" * 10,
        "Ünïcödé and plain words, " * 5,
        "=?utf-8?q?a=0D=0ABcc:_v@example.org?=",
        "😀" * 60,
        "\udc80 raw 8-bit",
        *(f"a{separator}Bcc: v@example.org{separator}{separator}b" for separator in SEPARATORS),
    ],
)
def test_a_subject_is_one_clean_field(subject):
    content = made(subject=subject)
    head = content.partition(b"\r\n\r\n")[0]

    assert is_clean(content)
    assert head.isascii()
    assert len(re.findall(rb"^Subject:", head, re.MULTILINE)) == 1
    assert read(content)["Bcc"] is None
    assert len(read(content)["Subject"]) <= 100
    if " " in subject and subject.isascii():
        assert max(map(len, head.split(b"\r\n"))) <= 78


def test_an_encoded_subject_reads_as_it_was_written():
    subject = "Hilfe für Ihre abgelehnte E-Mail: ein ziemlich langer Betreff mit Umlauten, äöü [9K3QF-2M7XA]"

    assert read(made(subject=subject))["Subject"] == subject
    assert read(made(subject="What is =?utf-8?q?this?= now"))["Subject"] == "What is =?utf-8?q?this?= now"


@pytest.mark.parametrize(
    ("original", "quoted"),
    [
        ("Help", "Auto: Help"),
        ("Auto: auto:AUTO: Help", "Auto: Help"),
        ("Auto:", "Automated reply"),
        ("", "Automated reply"),
        ("a\r\nBcc: v", "Auto: a Bcc: v"),
    ],
)
def test_a_quoted_subject_has_one_prefix(original, quoted):
    assert quote_subject(original) == quoted


@pytest.mark.parametrize(
    "name", ["", "Help", 'A "B", C', "Postmaster (x) @ y", "Hilfe für Alle", "=?utf-8?q?x?=", "a\r\nBcc: v"]
)
def test_a_display_name_is_quoted_or_encoded(name):
    line = mailbox_field("From", name, "bypass@example.com")

    parsed = read(f"{line}\r\n\r\n".encode())["From"].addresses[0]
    assert (parsed.display_name, parsed.addr_spec) == (re.sub(r"[\r\n]+", " ", name), "bypass@example.com")
    assert parseaddr(line.partition(": ")[2])[1] == "bypass@example.com"


def test_our_own_domain_may_lie_beyond_ascii():
    assert mailbox_field("From", "Hilfe", "bypass@bücher.example") == "From: Hilfe <bypass@xn--bcher-kva.example>"


@pytest.mark.parametrize(
    "text",
    [
        "From here on\n.\n..\n.x\nFrom \n",
        "grüße\nFrom der Bahn " + "x" * 200 + "\n.\n",
        "x" * 2000 + "\n",
        " \ttrailing \t\n=\n=20\n",
    ],
)
def test_odd_lines_survive(text):
    content = made(text=(text,), html=(f"<pre>\n{text}</pre>\n",))

    message = read(content)
    assert contents(message) == [text, f"<pre>\n{text}</pre>\n"]
    assert is_clean(content)
    assert b"\r\nFrom " not in content.partition(b"\r\n\r\n")[2]
    assert b"\r\n.\r\n" not in content


def test_encoded_lines_keep_to_76_columns():
    body = made(text=("From " + "ü" * 300 + "\n",), html=()).partition(b"\r\n\r\n")[2]

    assert max(map(len, body.split(b"\r\n"))) <= 76


def written(*pieces):
    return st.lists(st.sampled_from([*pieces, *SEPARATORS])).map("".join)


@given(st.lists(written("a", " ", ".", "From ", "=", "ü", "😀"), max_size=8), written("a", ".", "ü", "=?"))
def test_whatever_is_written_the_bytes_are_clean(lines, subject):
    text = tuple(f"{line}\n" for line in lines) or ("\n",)

    content = made(text=text, html=text, subject=subject)

    assert is_clean(content)
    assert content.isascii()
    names = [line.partition(b":")[0] for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] != b" "]
    assert len(set(names)) == len(names)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80), st.text(max_size=40))
def test_no_value_adds_a_field(recipient, message_id, in_reply_to, token):
    expected = made(reply_token="x").partition(b"\r\n\r\n")[0]
    try:
        content = made(
            recipient=recipient, message_id=f"<{message_id}>", in_reply_to=in_reply_to, references=(), reply_token=token
        )
    except CompositionError:
        return

    names = re.findall(rb"(?m)^([A-Za-z-]+):", content.partition(b"\r\n\r\n")[0])
    assert set(names) <= set(re.findall(rb"(?m)^([A-Za-z-]+):", expected))
    assert len(set(names)) == len(names)
    assert is_clean(content)
