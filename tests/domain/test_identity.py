from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.envelope import RecipientKind
from responder.domain.identity import Identity
from tests.support.mail import IDENTITY


@pytest.mark.parametrize(
    ("address", "kind", "tag"),
    [
        ("bypass@example.com", RecipientKind.BYPASS, None),
        ("BYPASS@EXAMPLE.COM", RecipientKind.BYPASS, None),
        ("help@example.com", RecipientKind.BYPASS, None),
        ('"bypass"@example.com', RecipientKind.BYPASS, None),
        ("bypass+Tag@example.com", RecipientKind.BYPASS, "tag"),
        ("bypass+r-x+y@example.com", RecipientKind.BYPASS, "r-x+y"),
        ("bypass+@example.com", RecipientKind.BYPASS, ""),
        ("postmaster", RecipientKind.STAFF, None),
        ("Postmaster", RecipientKind.STAFF, None),
        ("POSTMASTER@example.com", RecipientKind.STAFF, None),
        ("postmaster@Example.Net", RecipientKind.STAFF, None),
        ("abuse@example.com", RecipientKind.STAFF, None),
    ],
)
def test_our_recipients_are_known(address, kind, tag):
    recipient = IDENTITY.recipient(address)
    assert (recipient.address, recipient.kind, recipient.tag) == (address, kind, tag)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "abuse",
        "bypass",
        "bypass@",
        "@example.com",
        "bypass@example.org",
        "bypass@example.net",
        "bypass@example.com.other.example",
        "bypass@sub.example.com",
        "bypass%example.com@other.example",
        "other.example!bypass@example.com",
        "bypass%other.example@example.com",
        '"bypass@example.com"@other.example',
        '"bypass@example.com"',
        "@other.example:bypass@example.com",
        "staff@example.net",
        "postmaster+x@example.com",
        "postmaster@example.org",
        "bypass-x@example.com",
        "bypass@[192.0.2.1]",
        "bypass@example.com, x@other.example",
    ],
)
def test_nobody_else_is_a_recipient(address):
    assert IDENTITY.recipient(address) is None


def test_plus_addresses_are_nobodys_where_they_do_not_work():
    plain = replace(IDENTITY, plus_addressing=False)
    assert plain.recipient("bypass+tag@example.com") is None
    assert plain.recipient("bypass@example.com")
    assert plain.is_own_address("bypass+tag@example.com")


def test_names_given_in_any_case_and_script_are_compared_alike():
    identity = Identity(
        ("Bypass@B\u00fccher.example",), frozenset({"B\u00dcCHER.example"}), frozenset(), True, "mx", b"k"
    )
    assert identity.recipient("bypass@xn--bcher-kva.example").kind is RecipientKind.BYPASS
    assert identity.recipient("postmaster@b\u00fccher.example").kind is RecipientKind.STAFF
    assert identity.is_own_address("bypass@b\u00fccher.example")


@pytest.mark.parametrize("address", ["", "@", "bypass", "postmaster", "bypass@example.org", "a@example.com"])
def test_other_addresses_are_not_our_own(address):
    assert not IDENTITY.is_own_address(address)


@given(st.integers(0, 2**63 - 1))
def test_an_id_that_we_made_is_known_again(number):
    message_id = IDENTITY.make_message_id(number)
    assert IDENTITY.made_message_id(message_id)
    assert message_id.startswith("<")
    assert message_id.endswith("@example.com>")
    assert not replace(IDENTITY, key=b"another key").made_message_id(message_id)


def test_an_id_is_known_after_the_first_bypass_address_changed():
    message_id = IDENTITY.make_message_id(4711)
    assert replace(IDENTITY, bypass_addresses=("new@example.net",)).made_message_id(message_id)


def test_ids_of_different_numbers_differ():
    assert IDENTITY.make_message_id(1) != IDENTITY.make_message_id(2)


@pytest.mark.parametrize(
    "message_id",
    ["", "<>", "<@>", "<1.@example.com>", "<1@example.com>", "<.@example.com>", "<1.0123456789abcdef@example.com>"],
)
def test_another_id_is_not_ours(message_id):
    assert not IDENTITY.made_message_id(message_id)


def test_a_changed_number_breaks_an_id():
    assert not IDENTITY.made_message_id(IDENTITY.make_message_id(0x1267).replace("1267", "1268"))


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_no_text_is_trouble(text):
    assert not IDENTITY.made_message_id(text)
    assert not IDENTITY.made_message_id(f"<{text}.{text}@{text}>")
    IDENTITY.recipient(text)
    IDENTITY.is_own_address(text)


def test_the_key_is_not_shown():
    assert "a key for tests" not in repr(IDENTITY)


def test_the_loop_token_depends_on_the_key_and_is_long_enough_to_be_secret():
    assert IDENTITY.loop_token == replace(IDENTITY).loop_token
    assert IDENTITY.loop_token != replace(IDENTITY, key=b"another key").loop_token
    assert len(IDENTITY.loop_token) == 32
