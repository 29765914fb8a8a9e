"""One message read whole: whose address it asks for, where that was found, and what proves it."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.disposition import Disposition, Reason
from responder.domain.envelope import ClientSource, Content, Envelope, Recipient, RecipientKind
from responder.domain.plea import AddressSource, Proof
from responder.domain.reading import Reading, read
from tests.support.pleas import IDENTITY

CLIENT = "203.0.113.9"
REFUSAL = "host mx.example.com[192.0.2.1] said: 550 5.7.1 Your IP address 203.0.113.20 is listed (in reply to RCPT TO)"
STATEMENT = "Our address is 203.0.113.30."
SERVERS = "Received: from mail.shop.example (mail.shop.example [8.8.4.4]) by filter.example.net with SMTP"
RELAYED = "Received: from mail.shop.example (mail.shop.example [203.0.113.9])\n\tby mx.example.com with ESMTP"


def envelope(
    client: str | None = CLIENT,
    helo: str = "mail.shop.example",
    reverse_path: str = "admin@shop.example",
    *,
    trusted: bool = False,
) -> Envelope:
    return Envelope(
        reverse_path=reverse_path,
        recipients=(Recipient("bypass@example.com", RecipientKind.BYPASS),),
        client=ip_address(client) if client else None,
        client_source=ClientSource.PEER if client else ClientSource.UNKNOWN,
        helo_name=helo,
        tls=False,
        smtputf8=False,
        trusted_relay=trusted,
        received_at=datetime(2026, 8, 3, 10, tzinfo=UTC),
    )


def relayed() -> Envelope:
    """From one of our own relays, which did not tell the client."""
    return envelope(None, "", trusted=True)


def read_plea(
    *lines: str, body: str = "Please let us in.", around: Envelope | None = None, too_large: bool = False, **facts
) -> Reading:
    named = {line.partition(":")[0].lower() for line in lines}
    defaults = ("From: Admin <admin@shop.example>", "To: bypass@example.com", "Subject: Our mail is refused")
    fields = [*lines, *(line for line in defaults if line.partition(":")[0].lower() not in named)]
    raw = "\n".join([*fields, "", body, ""]).encode()
    return read(around or envelope(), Content(raw, len(raw), b"", too_large), IDENTITY, **facts)


def found(reading: Reading) -> tuple[str | None, AddressSource | None]:
    return str(reading.plea.address) if reading.plea.address else None, reading.plea.address_source


@pytest.mark.parametrize(
    ("lines", "body", "facts", "expected"),
    [
        ([SERVERS], f"{STATEMENT}\n\n> {REFUSAL}", {"refused_lately": "203.0.113.40"}, ("203.0.113.20", "rejection")),
        ([SERVERS], STATEMENT, {"refused_lately": "203.0.113.40"}, ("203.0.113.30", "text")),
        ([SERVERS], "Please.", {"refused_lately": "203.0.113.40"}, ("8.8.4.4", "received")),
        ([], "Please.", {"refused_lately": "203.0.113.40"}, ("203.0.113.40", "refusal")),
        ([], "Please.", {}, (CLIENT, "client")),
    ],
)
def test_the_best_source_counts(lines, body, facts, expected):
    facts = {name: ip_address(value) for name, value in facts.items()}
    assert found(read_plea(*lines, body=body, **facts)) == expected


@pytest.mark.parametrize(("helo", "source"), [("mail.shop.example", "client"), ("mail.other.example", None)])
def test_the_client_is_no_host_of_the_path_besides(helo, source):
    line = "Received: from mail.shop.example (mail.shop.example [8.8.4.4]) by mx.example.com"
    reading = read_plea(line, around=envelope("8.8.4.4", helo))
    assert found(reading) == ("8.8.4.4" if source else None, source)


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.5"])
def test_of_received_lines_a_private_address_is_the_last_resort(address):
    line = f"Received: from pc.shop.example (pc.shop.example [{address}]) by mail.shop.example"
    assert found(read_plea(line)) == (CLIENT, "client")
    assert found(read_plea(line, around=envelope(helo="mail.other.example"))) == (address, "received")


@pytest.mark.parametrize(
    ("helo", "reverse_path", "lines", "counts"),
    [
        ("mail.shop.example", "admin@shop.example", [], True),
        ("MAIL.Shop.Example.", "admin@shop.example", [], True),
        ("shop.example", "admin@mailing.shop.example", [], True),
        ("mail.host.example", "admin@shop.example", ["From: a@host.example"], True),
        ("mail.host.example", "admin@shop.example", ["Sender: a@host.example"], True),
        ("mail.host.example", "", ["From: a@host.example"], True),
        ("mail.host.example", "admin@shop.example", [], False),
        ("notshop.example", "admin@shop.example", [], False),
        ("mail.host.example", "admin@shop.example", ["To: a@host.example"], False),
        ("", "admin@shop.example", [], False),
        ("localhost", "admin@localhost", ["From: admin@localhost"], False),
        ("mail-yw1.google.com", "somebody@google.com", ["From: somebody@google.com"], False),
        ("mout.gmx.net", "somebody@gmx.net", ["From: somebody@gmx.net"], False),
        ("a.outlook.com", "somebody@outlook.com", ["From: somebody@outlook.com"], False),
    ],
)
def test_the_client_counts_by_its_name(helo, reverse_path, lines, counts):
    reading = read_plea(*lines, around=envelope(helo=helo, reverse_path=reverse_path))
    assert found(reading) == ((CLIENT, "client") if counts else (None, None))
    assert (reading.plea.networks == ()) is not counts
    assert reading.plea.proof is (Proof.CLIENT if counts else Proof.NONE)


def test_a_providers_host_in_received_is_nobodys():
    line = "Received: from mail-yw1.google.com (mail-yw1.google.com [8.8.8.8]) by mx.example.net"
    reading = read_plea(line, "From: a@google.com", around=envelope(helo="x.google.com", reverse_path="a@google.com"))
    assert found(reading) == (None, None)


def test_received_lines_of_an_attached_bounce_tell_the_server():
    bounce = (
        "Received: from mail.shop.example (mail.shop.example [8.8.4.4]) by mx.provider.example\n"
        "From: MAILER-DAEMON@shop.example\nSubject: Undelivered\n\nDelivery failed."
    )
    reading = read_plea(
        "Content-Type: message/rfc822", body=bounce, around=envelope(helo="x.gmx.net", reverse_path="a@gmx.net")
    )
    assert found(reading) == ("8.8.4.4", "received")


@pytest.mark.parametrize(
    ("client", "facts", "proof"),
    [
        ("203.0.113.20", {}, Proof.CLIENT),
        ("203.0.113.20", {"carries_reference": True}, Proof.CLIENT),
        (CLIENT, {"carries_reference": True}, Proof.REFERENCE),
        (CLIENT, {}, Proof.NONE),
        (None, {}, Proof.NONE),
    ],
)
def test_proof(client, facts, proof):
    assert read_plea(body=REFUSAL, around=envelope(client), **facts).plea.proof is proof


@pytest.mark.parametrize(
    ("body", "networks"),
    [
        (REFUSAL, ["203.0.113.20/32"]),
        (f"> {REFUSAL}\n\nPlease exempt our 203.0.113.16/28.", ["203.0.113.16/28"]),
        (f"> {REFUSAL}\n\nPlease exempt our 198.51.100.0/28, too.", ["203.0.113.20/32", "198.51.100.0/28"]),
        (STATEMENT, ["203.0.113.30/32"]),
        (f"Please exempt our 198.51.100.0/28.\n{STATEMENT}", ["198.51.100.0/28", "203.0.113.30/32"]),
    ],
)
def test_everything_asked_for(body, networks):
    assert [str(network) for network in read_plea(body=body).plea.networks] == networks


@pytest.mark.parametrize(
    ("received", "client", "helo"),
    [
        ("from mail.shop.example (mail.shop.example [203.0.113.9])\n\tby mx.example.com", CLIENT, "mail.shop.example"),
        ("from mail.shop.example (unknown [IPv6:2001:db8::9]) by mx.example.com", "2001:db8::9", "mail.shop.example"),
        ("from [192.0.2.7] (unknown [203.0.113.9]) by mx.example.com", CLIENT, ""),
        ("from mail.shop.example ([203.0.113.9]) by mx.example.com", CLIENT, "mail.shop.example"),
        ("from mail.shop.example ([203.0.113.9] helo=pc) by mx.example.com", CLIENT, "mail.shop.example"),
        ("from [203.0.113.9] (helo=mail.shop.example) by mx.example.com", CLIENT, "mail.shop.example"),
        ("from [203.0.113.9] (helo=[192.0.2.7]) by mx.example.com", CLIENT, ""),
        ("from unknown (HELO mail.shop.example) (203.0.113.9)\n  by mx.example.com", CLIENT, "mail.shop.example"),
        ("from unknown (HELO [192.0.2.7]) (203.0.113.9)\n  by mx.example.com", CLIENT, ""),
    ],
)
def test_a_trusted_relays_topmost_line_tells_the_client(received, client, helo):
    reading = read_plea(f"Received: {received}", "Received: from x (x [198.51.100.1]) by y", around=relayed())

    assert str(reading.envelope.client) == str(reading.plea.client) == client
    assert reading.envelope.client_source is ClientSource.RECEIVED
    assert reading.envelope.helo_name == helo


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Received: by mx.example.com (Postfix, from userid 0)", RELAYED],
        ["Received: from localhost (localhost [127.0.0.1]) by mx.example.com", RELAYED],
        ["Received: from x (x [999.1.1.1]) by mx.example.com"],
        ["Received: (qmail 1 invoked by uid 0)"],
    ],
)
def test_a_client_that_the_topmost_line_does_not_tell_stays_unknown(lines):
    reading = read_plea(*lines, around=relayed())
    assert (reading.envelope.client, reading.plea.client) == (None, None)
    assert reading.envelope.client_source is ClientSource.UNKNOWN


def test_nobody_elses_received_line_tells_the_client():
    assert read_plea(RELAYED, around=replace(relayed(), trusted_relay=False)).plea.client is None
    told = read_plea(RELAYED, around=envelope("198.51.100.7", trusted=True))
    assert (str(told.plea.client), told.envelope.client_source) == ("198.51.100.7", ClientSource.PEER)


def test_the_client_of_a_relayed_message_proves_and_counts():
    plea = read_plea(RELAYED, around=relayed()).plea
    assert (str(plea.address), plea.address_source, plea.proof) == (CLIENT, AddressSource.CLIENT, Proof.CLIENT)


@pytest.mark.parametrize(("refused", "product"), [(CLIENT, "postfix"), ("203.0.113.20", "exchange")])
def test_software_is_that_of_the_refused_server_behind_a_relay_too(refused, product):
    bounce = (
        "From: postmaster@shop.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n"
        "X-MimeOLE: Produced By Microsoft Exchange V6.5\n\n"
        f"--b\n\n550 5.7.1 Your IP address {refused} is dynamic\n--b--\n"
    )
    reading = read_plea(
        RELAYED,
        "Received: by mail.shop.example (Postfix, from userid 1000)",
        "Content-Type: message/rfc822",
        body=bounce,
        around=relayed(),
    )
    assert str(reading.plea.address) == refused
    assert reading.plea.software
    assert reading.plea.software.product == product


def test_what_a_relay_passed_on_although_it_is_too_large_is_kept_unanswered():
    assert read_plea(around=relayed()).decision.disposition is Disposition.ANSWER
    decision = read_plea(around=relayed(), too_large=True).decision
    assert (decision.disposition, decision.reason) == (Disposition.SILENT, Reason.MALFORMED)


def test_a_better_reason_than_the_size_is_told():
    assert read_plea("Precedence: bulk", around=relayed(), too_large=True).decision.reason is Reason.BULK


def test_what_a_relay_passed_on_over_too_many_hops_is_kept_unanswered():
    reading = read_plea(*[RELAYED] * 101, around=relayed())
    assert reading.decision.reason is Reason.TOO_MANY_HOPS


@pytest.mark.parametrize(
    ("declared", "locale"),
    [
        ("de", "de"),
        ("DE-at", "de"),
        ("pt-BR", "pt-br"),
        ("fr, de;q=0.5", "de"),
        ("xx", "en"),
        ("", "en"),
        ("de" * 5_000, "en"),
        ("\0,\x1b", "en"),
    ],
)
def test_locale_is_one_that_templates_exist_in(declared, locale):
    assert read_plea(f"Content-Language: {declared}", locales=("en", "de", "pt-br")).plea.locale == locale


def test_locale_is_the_default_one_unless_declared():
    assert read_plea(locales=("de", "fr")).plea.locale == "de"


HOSTILE = "\0\r\x0b\x1b[2J\x85\u2028\u202e\u200b"
PIECES = [
    HOSTILE,
    f"X-MimeOLE: Produced By {HOSTILE}Microsoft Exchange V6.5\n",
    f"X-Mailer: {HOSTILE}Microsoft Outlook, Build 10\n",
    f"Received: from a.shop.example (b [203.0.113.9]) by mail.shop.example (Postfix{HOSTILE})\n",
    f"Subject: =?utf-8?q?a=0D=0A=E2=80=AE?={HOSTILE}\n",
    "From: a@shop.example\n",
    f"Message-ID: <a{HOSTILE}@shop.example>\n",
    "Content-Language: de\n",
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n",
    "Content-Type: text/html\n",
    "Content-Type: message/delivery-status\n",
    "Content-Type: message/rfc822\n",
    "--b\n",
    "\n",
    f"550 5.7.1 {HOSTILE}Your IP address 203.0.113.9 is{HOSTILE} listed, see http://{HOSTILE}x/?ip=203.0.113.9\n",
    f"Remote-MTA: dns; mx{HOSTILE}.example.com\n",
    f"Diagnostic-Code: smtp; 550-5.7.1 no{HOSTILE}\n 550 5.7.1 203.0.113.9 blocked\n",
    "our network 203.0.113.0/29 - 2001:db8::/32, mx.example.com[192.0.2.1] said: 550 ",
    "<p>&#13;&#10;&#x202e;&lt;",
    "> ",
]


def shown(reading: Reading) -> list[str]:
    """Everything that is copied into answers and lists."""
    message, plea = reading.message, reading.plea
    texts = [message.subject, message.header_from, message.message_id, *message.references, plea.locale]
    if plea.rejection:
        texts += [plea.rejection.text, plea.rejection.by, plea.rejection.enhanced]
    if plea.software:
        texts += [plea.software.evidence, plea.software.name, plea.software.version]
    return [text for text in texts if text]


@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from([envelope(), relayed(), envelope(None, "")]))
def test_nothing_that_is_shown_holds_controls(pieces, around):
    raw = "".join(pieces).encode()
    reading = read(around, Content(raw, len(raw), b""), IDENTITY)
    for text in shown(reading):
        assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in text), repr(text)


@given(st.binary(max_size=600), st.booleans())
def test_any_octets_are_read(raw, trusted):
    reading = read(envelope(None, trusted=trusted), Content(raw, len(raw), b""), IDENTITY)
    assert (reading.plea.address is None) is (reading.plea.address_source is None)
