import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import (
    AddressError,
    canonical_address,
    domain_of,
    in_domain,
    parse_mailbox,
    parse_path,
    sender_key,
)

MAILBOXES = [
    "a@sender.example",
    "first.last@sender.example",
    "a+detail@sender.example",
    "prvs=1234abc=a@sender.example",
    "SRS0=ab=cd=origin.example=a@sender.example",
    "o'brien@sender.example",
    "!#$%&'*+-/=?^_`{|}~@sender.example",
    "MAILER-DAEMON@sender.example",
    '"a b"@sender.example',
    '"a\\"b"@sender.example',
    '"a\\\\b"@sender.example',
    '"a>b"@sender.example',
    '"a@b"@sender.example',
    '"..a."@sender.example',
    '""@sender.example',
    "a@[192.0.2.1]",
    "a@[IPv6:2001:db8::1]",
    "a@[ipv6:::1]",
    "a@xn--bcher-kva.example",
    "a@b\u00fccher.example",
    "gr\u00fc\u00dfe@b\u00fccher.example",
    "\u8b80\u8005@\u4f8b\u3048.example",
    "\u0909\u092a\u092f\u094b\u0917@sender.example",
    "a@mail_1.sender.example",
    "a@localhost",
    "a@1.example",
    f"a@{'b' * 63}.example",
    f"{'a' * 64}@sender.example",
    f"{'a' * 80}@sender.example",
    f"a@{'.'.join(['b' * 49] * 5)}.xy",
]

NO_MAILBOXES = [
    "",
    "@",
    "a",
    "a@",
    "@sender.example",
    "a@b@sender.example",
    "a@sender..example",
    "a@.sender.example",
    "a@sender.example.",
    ".a@sender.example",
    "a.@sender.example",
    "a..b@sender.example",
    "a@-sender.example",
    "a@sender-.example",
    f"a@{'b' * 64}.example",
    "a@" + "\u00fc" * 60 + ".example",
    f"a@{'.'.join(['b' * 49] * 5)}.xyz",
    f"{'a' * 300}@sender.example",
    "a@" + ".".join(["\u00fc"] * 60),
    "a b@sender.example",
    "a@sender .example",
    " a@sender.example",
    "a@sender.example ",
    "a(comment)@sender.example",
    "a@sender.example(comment)",
    "<a@sender.example>",
    "a@sender.example>",
    "a,b@sender.example",
    "a;b@sender.example",
    "a:b@sender.example",
    "a[b@sender.example",
    "a\\b@sender.example",
    '"a@sender.example',
    'a"@sender.example',
    '"a"b@sender.example',
    '"a"b"@sender.example',
    '"a\\"@sender.example',
    "a@[192.0.2.1",
    "a@192.0.2.1]",
    "a@[192.0.2]",
    "a@[192.0.2.256]",
    "a@[2001:db8::1]",
    "a@[IPv6:192.0.2.1]",
    "a@[IPv6:fe80::1%eth0]",
    "a@[x400:thing]",
    "a@[]",
    "a@[",
    "a@[192.0.2.1].example",
    "a\x00@sender.example",
    "a\r\nRCPT@sender.example",
    '"a\r\nb"@sender.example',
    '"a\\\x00b"@sender.example',
    "a\x1b[2J@sender.example",
    "a\x7f@sender.example",
    "a\x85@sender.example",
    "a\u2028b@sender.example",
    '"a\u202eb"@sender.example',
    "a\u200b@sender.example",
    "a\ufeff@sender.example",
    "a@sender\u3002example",
    "a\uff20sender.example",
    "a@sender\u2024example",
    "a@\U0001f4e7.example",
    "\ud800@sender.example",
    "a@\udcff.example",
    "\ue000@sender.example",
    "#@[]",
]


@pytest.mark.parametrize("text", MAILBOXES)
def test_a_mailbox_is_given_back_as_it_is(text):
    assert parse_mailbox(text) == text
    assert parse_path(text) == text


@pytest.mark.parametrize("text", NO_MAILBOXES)
def test_what_is_no_mailbox_is_refused_without_being_repeated(text):
    with pytest.raises(AddressError) as caught:
        parse_mailbox(text)
    assert len(text) < 3 or text not in str(caught.value)


def test_a_path_may_be_at_most_256_octets_with_its_brackets():
    longest = f"{'a' * 64}@{'.'.join(['b' * 61] * 3)}.xyz"
    assert len(longest) == 254
    assert parse_mailbox(longest) == longest
    with pytest.raises(AddressError):
        parse_mailbox(f"a{longest}")


def test_a_label_is_measured_in_its_ascii_form():
    longest = "b" * 55 + "\u00fc"
    assert domain_of(f"a@{longest}.example").partition(".")[0].startswith("xn--")
    assert len(domain_of(f"a@{longest}.example").partition(".")[0]) == 63
    assert parse_mailbox(f"a@{longest}.example")
    with pytest.raises(AddressError):
        parse_mailbox(f"a@b{longest}.example")


def test_length_is_counted_in_octets():
    assert parse_mailbox("\u00fc" * 120 + "@b.example")
    with pytest.raises(AddressError):
        parse_mailbox("\u00fc" * 123 + "@b.example")


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("", ""),
        ("@relay.example:a@sender.example", "a@sender.example"),
        ("@relay.example,@other.example:a@sender.example", "a@sender.example"),
    ],
)
def test_a_path_may_be_null_or_have_a_source_route(text, mailbox):
    assert parse_path(text) == mailbox


@pytest.mark.parametrize(
    "text", ["@relay.example:", "@relay.example", "@:a@b", "@relay.example;a@b.example", " ", "<>"]
)
def test_a_broken_source_route_is_refused(text):
    with pytest.raises(AddressError):
        parse_path(text)


@given(st.text(max_size=80) | st.from_regex(r"[^@]{1,9}@[^@]{1,9}"))
def test_a_mailbox_holds_nothing_that_could_end_a_line_or_leave_its_brackets(text):
    try:
        mailbox = parse_path(text)
    except AddressError:
        return
    assert mailbox.replace("\u200c", "").replace("\u200d", "").isprintable()
    assert ">" not in mailbox or '"' in mailbox
    assert parse_path(mailbox) == mailbox


@pytest.mark.parametrize(
    "spelling",
    [
        "a@sender.example",
        "A@Sender.EXAMPLE",
        "a@sender.example.",
        '"a"@sender.example',
        '"\\a"@sender.example',
        "a+detail@sender.example",
        "a+b+c@sender.example",
        "prvs=1234abc=a@sender.example",
        "prvs=5678def=a@sender.example",
        "PRVS=5678DEF=a@sender.example",
        "btv1==0123abc==a@sender.example",
        "SRS0=Hash=TT=sender.example=a@forwarder.example",
        "srs0+Hash=TT=sender.example=a@forwarder.example",
        "SRS0-Hash=TT=Sender.Example=a+detail@forwarder.example",
        "SRS1=Hash=first.example==Hash=TT=sender.example=a@second.example",
        "SRS1=Hash=first.example=-Hash=TT=sender.example=a@second.example",
        "SRS0=Hash=TT=sender.example=prvs=1234abc=a@forwarder.example",
        "prvs=1234abc=SRS0=Hash=TT=sender.example=a@forwarder.example",
        "a-20240506@sender.example",
        "a-1234-5678@sender.example",
        "a=12345@sender.example",
    ],
)
def test_one_sender_has_one_key(spelling):
    assert sender_key(spelling) == "a@sender.example"


@pytest.mark.parametrize(
    "address",
    [
        "b@sender.example",
        "a@other.example",
        "a-b@sender.example",
        "a-12@sender.example",
        "a2024@sender.example",
        "a.b@sender.example",
        "prvs=a@sender.example",
        "srs0=a@sender.example",
        "12345@sender.example",
    ],
)
def test_different_senders_have_different_keys(address):
    assert sender_key(address) == address


@pytest.mark.parametrize(
    ("reverse_path", "key"),
    [("", ""), ("MAILER-DAEMON", "mailer-daemon"), ("+@x.example", "+@x.example"), ("@", "@"), ("#@[]", "#@[]")],
)
def test_what_is_no_mailbox_still_has_a_key(reverse_path, key):
    assert sender_key(reverse_path) == key


def test_a_domain_compares_in_its_ascii_form():
    assert domain_of("a@B\u00dcCHER.example.") == "xn--bcher-kva.example"
    assert domain_of("a@bu\u0308cher.example") == "xn--bcher-kva.example"
    assert domain_of('"a@b"@Sender.Example') == "sender.example"
    assert domain_of("no domain") == ""
    assert canonical_address('"First.Last"@B\u00fccher.example') == "first.last@xn--bcher-kva.example"


@given(st.text())
def test_canonical_forms_never_fail_and_are_stable(text):
    canonical = canonical_address(text)
    assert domain_of(canonical) == domain_of(text)
    assert sender_key(canonical) == sender_key(text)
    assert "@" in text or sender_key(text) == text.lower()


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_lone_surrogates_are_no_trouble(text):
    sender_key(f"{text}@{text}")
    with pytest.raises(AddressError):
        parse_mailbox(f"\udc80{text}@sender.example")


@pytest.mark.parametrize(
    ("name", "domain", "inside"),
    [
        ("sender.example", "sender.example", True),
        ("mail.sender.example", "sender.example", True),
        ("MAIL.Sender.Example.", "sender.EXAMPLE", True),
        ("mail.b\u00fccher.example", "xn--bcher-kva.example", True),
        ("notsender.example", "sender.example", False),
        ("sender.example.other.example", "sender.example", False),
        ("sender.example", "mail.sender.example", False),
        ("sender.example", "", False),
        ("", "", False),
    ],
)
def test_a_name_lies_in_a_domain(name, domain, inside):
    assert in_domain(name, domain) is inside
