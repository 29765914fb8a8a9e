"""Header blocks, parameters, message ids and address lists, as hostile as they come."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.header import (
    HEADER_BYTES,
    HEADER_FIELDS,
    MAILBOXES,
    find_body,
    read_mailboxes,
    read_message_ids,
    read_parameters,
    split_header,
)


def fields(octets: bytes) -> list[tuple[str, str]]:
    return [(field.name, field.value) for field in split_header(octets)[0].fields]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_fields_end_at_the_first_empty_line(end):
    octets = end.join([b"From: a@example.org", b"SUBJECT :  one ", b"", b"To: in the body", b""])
    header, offset, broken = split_header(octets)

    assert [(field.name, field.key, field.value) for field in header.fields] == [
        ("From", "from", "a@example.org"),
        ("SUBJECT", "subject", "one"),
    ]
    assert octets[offset:] == b"To: in the body" + end
    assert not broken


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"A: one\r\n two\r\n\tthree\r\n\r\n", "one two three"),
        (b"A: one\n two\n\n", "one two"),
        (b"A:\r\n one\r\n\r\n", "one"),
        (b"A:\r\n\r\n", ""),
        (b"A: one: two\r\n\r\n", "one: two"),
        (b"A: one\x00two\rthree\r\n\r\n", "one\x00two\rthree"),
        ("A: Größe\r\n\r\n".encode(), "Größe"),
        ("A: Größe\r\n\r\n".encode("latin-1"), "Größe"),
        (b"A: no end", "no end"),
    ],
)
def test_value(octets, value):
    assert fields(octets) == [("A", value)]


def test_each_line_has_its_own_octets():
    assert fields(b"A: \xf6\nB: \xc3\xb6\n\n") == [("A", "ö"), ("B", "ö")]


@pytest.mark.parametrize(
    ("octets", "names", "broken"),
    [
        (b"A: 1\nno colon here\nB: 2\n\n", ["A", "B"], True),
        (b"A: 1\na name: 2\nB: 2\n\n", ["A", "B"], True),
        (b": 1\nB: 2\n\n", ["B"], True),
        (b"N\xc3\xa4me: 1\nB: 2\n\n", ["B"], True),
        (b"From sender Mon Aug  3 10:00:00 2026\nB: 2\n\n", ["B"], False),
        (b">From sender Mon Aug  3 10:00:00 2026\nB: 2\n\n", ["B"], False),
        (b"B: 2\nFrom sender Mon Aug  3 10:00:00 2026\n\n", ["B"], True),
        (b" folded into nothing\nB: 2\n\n", ["B"], True),
    ],
)
def test_line_that_is_no_field_is_passed_over(octets, names, broken):
    header, _, told = split_header(octets)
    assert [field.name for field in header.fields] == names
    assert told is broken


@pytest.mark.parametrize(
    ("octets", "offset", "broken"),
    [
        (b"", 0, False),
        (b"\r\nbody", 2, False),
        (b"\nbody", 1, False),
        (b"just some text\nand more\n\nand more", 0, True),
    ],
)
def test_text_without_a_field_is_all_body(octets, offset, broken):
    header, told_offset, told_broken = split_header(octets)
    assert (header.fields, told_offset, told_broken) == ((), offset, broken)


def test_ten_thousand_fields():
    header, _, broken = split_header(b"A: b\r\n" * 10_000 + b"\r\nbody")
    assert len(header.fields) == HEADER_FIELDS
    assert broken


def test_a_header_at_its_limits_is_in_order():
    header, offset, broken = split_header(b"A: b\r\n" * HEADER_FIELDS + b"\r\nbody")
    assert (len(header.fields), offset, broken) == (HEADER_FIELDS, 6 * HEADER_FIELDS + 2, False)


def test_what_is_past_the_limit_of_octets_is_not_read():
    header, _, broken = split_header(b"A: " + b"x" * HEADER_BYTES + b"\r\nB: late\r\n\r\nbody")
    assert [field.key for field in header.fields] == ["a"]
    assert broken


def test_thirty_thousand_folds():
    assert fields(b"A: 1\n" + b" \n" * 30_000) == [("A", "1")]


def test_first_and_every_value_of_a_name():
    header, _, _ = split_header(b"To: 1\nCC: 2\nTO: 3\n\n")
    assert (header.first("to"), header.every("to")) == ("1", ("1", "3"))
    assert (header.first("bcc"), header.every("bcc")) == (None, ())


@given(st.binary(max_size=400))
def test_any_octets_have_a_header(octets):
    header, offset, _ = split_header(octets)
    assert 0 <= offset <= len(octets)
    assert not any("\n" in field.value or not field.name.isascii() for field in header.fields)


@pytest.mark.parametrize(
    ("value", "kind", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        (" Text/HTML ; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('multipart/mixed; boundary="a;b=c\\"d"', "multipart/mixed", {"boundary": 'a;b=c"d'}),
        ('multipart/mixed; boundary="no end', "multipart/mixed", {"boundary": "no end"}),
        ("multipart/mixed; boundary=one; boundary=two", "multipart/mixed", {"boundary": "one"}),
        ("text/plain; name*=utf-8'de'Gr%C3%B6%C3%9Fe", "text/plain", {"name": "Größe"}),
        ("text/plain; name*=utf-16''%41", "text/plain", {"name": "A"}),
        ("text/plain; name*=hex''41", "text/plain", {"name": "41"}),
        ('text/plain; name*0=one; name*1="two"; name*2*=%20three', "text/plain", {"name": "onetwo three"}),
        ("text/plain;;; =x; charset; a=1", "text/plain", {"a": "1"}),
        ("text", "", {}),
        ("", "", {}),
    ],
)  # fmt: skip
def test_type_and_parameters(value, kind, parameters):
    assert read_parameters(value) == (kind, parameters)


@pytest.mark.parametrize("piece", [";", "; a=", '; a="\\', '"', "; n*1=x", "%", "'", "=", " "])
def test_sixty_kilobytes_of_parameters(piece):
    read_parameters("text/plain; n*0*=utf-8''" + piece * (60_000 // len(piece)))


@given(st.text(alphabet="ab/;=\"\\*'%0 \n\0é"))
def test_any_parameters(text):
    read_parameters(text)
    read_parameters("text/plain;" + text)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@example.org>", ("<a@example.org>",)),
        ("<a@example.org> <b$1.2@[192.0.2.1]>", ("<a@example.org>", "<b$1.2@[192.0.2.1]>")),
        ("<a@example.org>,\t(comment) <b@example.org>", ("<a@example.org>", "<b@example.org>")),
        ("a@example.org", ()),
        ("<a b@example.org>", ()),
        ("<<a@example.org>", ("<a@example.org>",)),
        ("<a\r\nBcc:x@example.org>", ()),
        ("<a\0@example.org>", ()),
        ("<ä@example.org>", ()),
        ("<=?utf-8?q?a=0D=0A?=@example.org>", ()),
        (f"<{'a' * 248}>", (f"<{'a' * 248}>",)),
        (f"<{'a' * 249}>", ()),
        ("<>", ()),
        ("", ()),
    ],
)
def test_sane_message_ids(value, ids):
    assert read_message_ids(value) == ids


def test_of_many_message_ids_the_first_and_the_last_are_kept():
    ids = [f"<{number}@x>" for number in range(500)]
    assert read_message_ids(" ".join(ids)) == (ids[0], *ids[-19:])


@pytest.mark.parametrize(
    ("value", "mailboxes"),
    [
        ("a@example.org", [("", "a@example.org")]),
        ("<a@example.org>", [("", "a@example.org")]),
        ("Ann <a@example.org>", [("Ann", "a@example.org")]),
        ('"Ann, \\"the admin\\" <x@y>" <a@example.org>', [('Ann, "the admin" <x@y>', "a@example.org")]),
        ("a@example.org, Bob <b@example.org>", [("", "a@example.org"), ("Bob", "b@example.org")]),
        ("a@example.org (Ann (really), the admin)", [("", "a@example.org")]),
        ("(x@y) Ann <a@example.org> (z@y)", [("Ann", "a@example.org")]),
        ("staff: Ann <a@example.org>, b@example.org;", [("Ann", "a@example.org"), ("", "b@example.org")]),
        ("undisclosed-recipients:;", []),
        ("=?utf-8?q?J=C3=B6rg?= <a@example.org>", [("Jörg", "a@example.org")]),
        ("=?utf-8?q?J=0D=0ABcc=3A_x=40y?= <a@example.org>", [("J Bcc: x@y", "a@example.org")]),
        ('"quoted local"@example.org', [("", '"quoted local"@example.org')]),
        ("Ann <a@example.org", [("Ann", "a@example.org")]),
        ("Ann <>", [("Ann", "")]),
        ("no address", []),
        ("Ann <a@example.org> <b@example.org>", [("Ann", "a@example.org")]),
        ("Ann <a\u202e@example.org>", [("Ann", "a@example.org")]),
        ("ä@exämple.org", [("", "ä@exämple.org")]),
        ("", []),
    ],
)
def test_mailboxes(value, mailboxes):
    assert [(mailbox.name, mailbox.address) for mailbox in read_mailboxes(value)] == mailboxes


def test_twenty_thousand_addresses():
    found = read_mailboxes(", ".join(f"u{number}@example.org" for number in range(20_000)))
    assert len(found) == MAILBOXES
    assert found[0].address == "u0@example.org"


@pytest.mark.parametrize("piece", ["(", ")", "<", ">", '"', '\\"', ",", ".", ":", ";", "@", "a@", "(\\", "=?", " "])
def test_sixty_kilobytes_of_an_address_list(piece):
    many = piece * (8_000 // len(piece))
    for value in ("Ann " + piece * (60_000 // len(piece)), many, f"a{many}<", f'"{many}>'):
        assert len(read_mailboxes(value)) <= MAILBOXES


@given(st.text(alphabet='ab@.,:;<>()"\\ \r\n\0é\u202e=?'))
def test_mailboxes_hold_no_control_characters(text):
    for mailbox in read_mailboxes(text):
        assert not any(unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") for one in mailbox.name + mailbox.address)


@pytest.mark.parametrize(
    ("octets", "start", "body"),
    [
        (b"a: 1\r\n\r\nbody\r\n\r\n", 0, 8),
        (b"a: 1\n\nbody", 0, 6),
        (b"\r\nbody", 0, 2),
        (b"\nbody", 3, 1),
        (b"a: 1\r\nb: 2\r\n", 0, None),
        (b"a\n\nb\n\nc", 3, 6),
        (b"", 0, None),
    ],
)
def test_the_body_begins_behind_the_first_empty_line(octets, start, body):
    assert find_body(octets, start) == body
