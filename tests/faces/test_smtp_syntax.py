import pytest

from responder.faces.smtp_syntax import (
    CommandError,
    read_forwarded,
    read_forwarded_address,
    read_host_name,
    read_line,
    read_path,
    read_size,
)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<>", ""),
        ("from: <a@example.org>", "a@example.org"),
        ('FROM:<"a>b"@example.org>', '"a>b"@example.org'),
        (r'FROM:<"a\"b c"@example.org>', r'"a\"b c"@example.org'),
        ('FROM:<"@"@example.org>', '"@"@example.org'),
        ('FROM:<""@example.org>', '""@example.org'),
        ("FROM:<@one.example,@two.example:a@example.org>", "a@example.org"),
        ("FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"),
        ("FROM:<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"),
        ("FROM:<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example"),
        ("FROM:<o'b+c=d@example.org>", "o'b+c=d@example.org"),
        ("FROM:<a@" + "x" * 63 + ".example>", "a@" + "x" * 63 + ".example"),
        ("FROM:<" + "l" * 64 + "@example.org>", "l" * 64 + "@example.org"),
        ("FROM:<a@host>", "a@host"),
        ("FROM:<bücher@example.org>", "bücher@example.org"),
    ],
)
def test_senders_that_are_taken(argument, expected):
    assert read_path("FROM:", argument).mailbox() == expected


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "<a@example.org>",
        "FROM:",
        "FROM:a@example.org",
        "FROM:<a@example.org",
        "FROM:<a@[>",
        'FROM:<"',
        "FROM:<",
        'FROM:<"a@example.org>',
        "FROM:<a@example.org>SIZE=1",
        "FROM:<a@example.org><b@example.org>",
        "FROM:<a@example.org>,<b@example.org>",
        "FROM:<a<b@example.org>",
        "FROM:<a>b@example.org>",
        "FROM:<a@[192.0.2.1>",
        "FROM:<a@example.org@example.net>",
        "FROM:<a>",
        "FROM:<@example.org>",
        "FROM:<a@>",
        "FROM:<a b@example.org>",
        "FROM:<.a@example.org>",
        "FROM:<a.@example.org>",
        "FROM:<a..b@example.org>",
        "FROM:<a(comment)@example.org>",
        "FROM:<a@-example.org>",
        "FROM:<a@example.org.>",
        "FROM:<a@example..org>",
        "FROM:<" + "l" * 300 + "@example.org>",
        "FROM:<a@" + "x" * 64 + ".example>",
        "FROM:<a@" + "x." * 127 + "example>",
        'FROM:<"a\x01b"@example.org>',
        "FROM:<a\udcff@example.org>",
        "FROM:<a\u0085b@example.org>",
        "FROM:<a\u202eb@example.org>",
    ],
)
def test_senders_that_are_refused(argument):
    with pytest.raises(CommandError):
        read_path("FROM:", argument).mailbox()


def test_parameters_keep_their_order_and_repeats():
    path = read_path("FROM:", "FROM:<> size=1  BODY SIZE= =x")
    assert path.parameters == (("SIZE", "1"), ("BODY", None), ("SIZE", ""), ("", "x"))


@pytest.mark.parametrize("value", [None, "", "-1", "+1", "x", "1.5", "²", "٣", "1" * 21, " 1"])
def test_sizes_that_are_refused(value):
    with pytest.raises(CommandError):
        read_size(value)


def test_a_line_is_a_verb_and_an_argument():
    assert read_line(b"rcpt  to:<a@b> \r\n") == ("RCPT", "to:<a@b>")
    assert read_line(b"NOOP\r\n") == ("NOOP", "")


@pytest.mark.parametrize(
    "line", [b"NOOP\n", b"NOOP\r", b"\r\n", b"\n", b" \r\n", b"1\r\n", b"NOOP\tx\r\n", b"N\xc3\x96\r\n", b"A\x7f\r\n"]
)
def test_lines_that_are_refused(line):
    with pytest.raises(CommandError):
        read_line(line)


def test_a_host_name_is_whatever_can_be_stored():
    assert read_host_name("B\u00fcro\udcff\x1b[0m\u202e" + "x" * 300)[:9] == "B\u00fcro\ufffd[0mx"
    assert len(read_host_name("x" * 300)) == 255


def test_forwarded_attributes_are_decoded():
    attributes = read_forwarded("name=mail.example.org ADDR=IPV6:2001:db8::1 HELO=a+2Bb+3Dc IDENT=[TEMPUNAVAIL]")
    assert attributes == {"NAME": "mail.example.org", "ADDR": "IPV6:2001:db8::1", "HELO": "a+b=c", "IDENT": None}
    assert read_forwarded("ADDR=[unavailable]") == {"ADDR": None}


@pytest.mark.parametrize("argument", ["", "NAME", "NAME=", "FOO=x", "NAME=a=b", "NAME=+", "NAME=+zz", "NAME=\xe9"])
def test_forwarded_attributes_that_are_refused(argument):
    with pytest.raises(CommandError):
        read_forwarded(argument)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("ipv6:2001:db8::1", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("IPV6:::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "None"),
        (None, "None"),
    ],
)
def test_forwarded_addresses(value, expected):
    assert str(read_forwarded_address(value)) == expected
