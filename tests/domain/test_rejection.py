"""The refusal that a plea quotes, in the words of the servers of this world."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.domain.address import parse_ip
from responder.domain.causes import find_cause
from responder.domain.identity import Identity
from responder.domain.message import read_message
from responder.domain.plea import Cause, Rejection
from responder.domain.rejection import TEXT_CHARACTERS, find_rejection, refused_address
from tests.support.forwards import PROGRAMS, as_bounce
from tests.support.pleas import IDENTITY

V4, V6 = "203.0.113.9", "2001:db8:25::9"

# Each as the server says it, with `{ip}` for the refused address, and the cause that it gives.
NAMED = [
    # Postfix: lists, names, access maps
    ("554 5.7.1 Sorry; Client host [{ip}] blocked using zen.l.example; https://l.example/{ip}", Cause.LISTED),
    ("554 5.7.1 Service unavailable; Client host [{ip}] blocked using pbl.spamhaus.org; see the list", Cause.DYNAMIC),
    ("554 Client host [{ip}] blocked using l.example; https://l.example/returnc/pub/192.0.2.53/", Cause.LISTED),
    ("450 4.7.1 Client host rejected: cannot find your hostname, [{ip}]", Cause.NO_REVERSE_NAME),
    ("450 4.7.25 Client host rejected: cannot find your reverse hostname, [{ip}]", Cause.NO_REVERSE_NAME),
    ("554 5.7.1 <h9.dsl.example.net[{ip}]>: Client host rejected: Access denied", Cause.OTHER),
    ("554 5.7.1 <unknown[{ip}]>: Client host rejected: Dynamic IP", Cause.DYNAMIC),
    ("554 5.7.1 <unknown[{ip}]>: Client host rejected: generic rDNS", Cause.DYNAMIC),
    # Exim
    ("550 rejected because {ip} is in a black list at bl.l.example\n    see https://l.example/b?{ip}", Cause.LISTED),
    ("550-{ip} is listed at dul.list.example\n    550 Use your provider's server", Cause.DYNAMIC),
    ("550 JunkMail rejected - mail.example.org [{ip}]:45000 is in an RBL, see https://list.example/{ip}", Cause.LISTED),
    # Sendmail
    ("550 5.7.1 <user@example.com>... Mail from {ip} refused by blackhole site dul.list.example", Cause.DYNAMIC),
    ("550 5.7.1 Fix reverse DNS for {ip}", Cause.NO_REVERSE_NAME),
    ("553 5.3.0 <user@example.com>... Spam blocked see: http://list.example/lookup?{ip}", Cause.LISTED),
    # Exchange, its edge servers and Exchange Online
    ("550 5.7.1 Your IP address {ip} appears to be dynamically assigned. Please smarthost your mail.", Cause.DYNAMIC),
    ("550 5.7.1 {ip} has been blocked by your IP address block list", Cause.LISTED),
    ("550 5.7.1 External client with IP address {ip} does not have permissions to submit to this server.", Cause.OTHER),
    ("550 5.7.1 Mail from IP {ip} was rejected due to listing in Example SBL.", Cause.LISTED),
    ("550 5.7.606 Access denied, banned sending IP [{ip}]. To request removal please visit the page", Cause.LISTED),
    ("451 4.7.500 Server busy. Please try again later from [{ip}]. (S77719)", Cause.OTHER),
    ("550 5.7.1 Unfortunately, messages from [{ip}] weren't sent. Their network is on our block list.", Cause.LISTED),
    # large mailbox providers
    ("550-5.7.1 [{ip}      12] Our system has detected that this\n    550 5.7.1 is unsolicited mail.", Cause.LISTED),
    ("550-5.7.1 [{ip}] The IP you're using is not authorized to\n    550 5.7.1 send mail directly.", Cause.DYNAMIC),
    ("550-5.7.25 [{ip}] The IP address that sends does not have a\n    550 5.7.25 PTR record.", Cause.NO_REVERSE_NAME),
    ("421-4.7.28 [{ip}] We have detected an unusual rate of\n    421 4.7.28 unsolicited mail.", Cause.RATE),
    ("421 4.7.0 [TS01] Messages from {ip} deferred due to user complaints - 4.16.55.1; see the page", Cause.RATE),
    ("553 5.7.1 [BL21] Connections will not be accepted from {ip}, because the ip is in Spamhaus's list", Cause.LISTED),
    ("554-no service\n    554-Bad DNS PTR record.\n    554 See https://l.example/e?v={ip}&r=1", Cause.NO_REVERSE_NAME),
    ("554 in-01v.example example {ip} found on one or more DNSBLs, see http://mail.example/", Cause.LISTED),
    ("554 in-01v.example example {ip} Example requires that servers have a PTR record", Cause.NO_REVERSE_NAME),
    # filters
    ("554 5.7.1 Client host [m.example.org] blocked using Barracuda; http://l.example/?ip={ip}", Cause.LISTED),
    ("550 5.7.0 Blocked - see https://ipcheck.proofpoint.com/?ip={ip}", Cause.LISTED),
    ("550 SORBS DNSBL Entry - see <http://list.example/lookup.shtml?{ip}>", Cause.LISTED),
    ("550 5.7.1 Message rejected because of SPF: {ip} is not permitted to use example.org", Cause.AUTHENTICATION),
    ("550 5.7.23 SPF validation error: {ip} is not allowed to send for example.org", Cause.AUTHENTICATION),
    ("554 5.7.1 Message refused for its spam content, client {ip}", Cause.CONTENT),
    ("421 4.7.0 mx.example.com Error: too many connections from {ip}", Cause.RATE),
    ("450 4.7.1 Error: too much mail from {ip}", Cause.RATE),
    ("550 5.7.1 Relaying denied. IP name possibly forged [{ip}]", Cause.NO_REVERSE_NAME),
    # anybody
    ("554 5.7.1 The server sending your mail [{ip}] does not have a reverse DNS entry.", Cause.NO_REVERSE_NAME),
    ("550 5.0.0 We do not accept mail from dial-up address {ip}; use your provider's server", Cause.DYNAMIC),
    ("550 5.7.1 Connection from {ip} has been rejected, it is on a DUL", Cause.DYNAMIC),
    ("571 5.7.1 rejecting mail from {ip} [CXCNCT] - dynamic IP space", Cause.DYNAMIC),
    ("554 Denied by policy: your address is {ip}, in a dynamic range", Cause.DYNAMIC),
    ("550 IP-Adresse {ip} ist auf einer Blacklist", Cause.LISTED),
    ("550 5.7.1 Ihre IP-Adresse {ip} scheint dynamisch vergeben zu sein", Cause.DYNAMIC),
    ("550 5.7.1 Su IP {ip} esta en lista negra", Cause.LISTED),
    ("550 5.7.1 Your message is from {ip} which is a residential line", Cause.DYNAMIC),
]  # fmt: skip

# Those that look as if they named the client's address and do not.
UNNAMED = [
    "554 5.7.1 Service unavailable; Client host [mail.example.org] blocked using multi.list.example",
    "550 5.7.1 The IP address was rejected by the Realtime Block List provider zen.list.example.",
    "550 5.7.1 9.113.0.203.zen.list.example listed, answer 127.0.0.4",
    "550 5.7.1 rejected by 203.0.113.9: user unknown",
    "550 5.1.1 <user@[203.0.113.9]>: Recipient address rejected: User unknown",
    "550 5.1.1 <user@example.com>: Recipient address rejected: User unknown (in 203.0.113.9)",
    "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
    "550 5.7.1 Message rejected by Example Filter version 6.5.7638.1",
    "550 5.7.1 Blocked by Exchange 2010 (14.3.123.4)",
    "550 5.7.1 Your IP address 127.0.0.1 is blocked",
    "550 5.7.1 Your IP address 0.0.0.0 is blocked",
    "550 5.7.1 Your IP address 203.0.113.999 is blocked",
    "550 5.7.1 Your address is in the dynamic range 203.0.113.0/24",
    "550 5.7.1 Client host blocked using 203.0.113.9",
    "550 5.4.1 [203.0.113.9] Recipient not found",
    "550 5.7.1 Client host [203.0.113.9] blocked, see https://list.example/q?ip=198.51.100.4",
    "550 5.7.1 Mail from 203.0.113.9 and from 198.51.100.4 is blocked",
    "421 4.7.0 [TSS04] Messages from 0.0.0.0 temporarily deferred due to complaints - 4.16.55.1; see the page",
]


def read_refusal(text: str, identity: Identity = IDENTITY, head: str = "") -> Rejection | None:
    plea = f"From: admin@example.org\nTo: bypass@example.com\nSubject: refused\n{head}\n{text}\n"
    return find_rejection(read_message(plea.encode()), identity)


def by_a_person(refusal: str) -> str:
    return f"Hello,\n\nwe get this:\n\n{refusal}\n\nWhat can we do?"


def by_postfix(refusal: str) -> str:
    return (
        f"<user@recipient.example>: host mx.recipient.example[192.0.2.77] said:\n    {refusal}\n"
        "    (in reply to RCPT TO command)"
    )


def by_exim(refusal: str) -> str:
    return (
        "  user@recipient.example\n    SMTP error from remote mail server after RCPT TO:<user@recipient.example>:\n"
        f"    host mx.recipient.example [192.0.2.77]: {refusal}"
    )


def by_sendmail(refusal: str) -> str:
    return (
        "   ----- Transcript of session follows -----\n... while talking to mx.recipient.example.:\n"
        f">>> RCPT To:<user@recipient.example>\n<<< {refusal}\n554 5.0.0 Service unavailable"
    )


def by_qmail(refusal: str) -> str:
    return f"<user@recipient.example>:\n192.0.2.77 does not like recipient.\nRemote host said: {refusal}"


def by_exchange(refusal: str) -> str:
    return (
        "Generating server: mail.example.org\n\nuser@recipient.example\n"
        f"mx.recipient.example #{refusal} ##\n\nOriginal message headers:\n\nReceived: from PC ([10.1.2.3])"
    )


REPORTERS = [by_a_person, by_postfix, by_exim, by_sendmail, by_qmail, by_exchange]


@pytest.mark.parametrize("reporter", REPORTERS)
@pytest.mark.parametrize("ip", [V4, V6])
@pytest.mark.parametrize(("refusal", "cause"), NAMED)
def test_the_address_that_a_refusal_names(refusal, cause, ip, reporter):
    if reporter in (by_sendmail, by_exchange) and "\n" in refusal:
        refusal = refusal.replace("\n    ", "\n<<< " if reporter is by_sendmail else "\n")
    rejection = read_refusal(reporter(refusal.format(ip=ip)))

    assert rejection is not None
    assert (str(rejection.address), rejection.cause) == (ip, cause)
    assert rejection.code == int(refusal[:3])
    assert not rejection.text.startswith(refusal[:3])


@pytest.mark.parametrize("reporter", REPORTERS)
@pytest.mark.parametrize("refusal", UNNAMED)
def test_no_address_where_a_refusal_names_none_or_two(refusal, reporter):
    rejection = read_refusal(reporter(refusal))
    assert rejection is not None
    assert rejection.address is None
    assert rejection.code == int(refusal[:3])


NDR = "550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned."


@pytest.mark.parametrize(
    ("text", "by"),
    [
        (f"MSEXCH:IMS:Office:HQ:MAIL 3553 (000B09B6) {NDR}", None),  # 5.5
        (f"<mail.example.org #5.7.1 smtp;{NDR}>", None),  # 2000, 2003
        (f"dns;Sendingdomain.example Failed 5.7.1 SMTP;{NDR}", None),  # as KB 886692 shows it
        (f"user@recipient.example\nmx.recipient.example #{NDR} ##", "mx.recipient.example"),  # 2007
        (f"mx.recipient.example gave this error:\n{NDR[10:]}", "mx.recipient.example"),  # 2010
        (f"user@recipient.example\nRemote Server returned '{NDR}'", None),  # 2013
        (f"mx.recipient.example\nRemote Server returned '{NDR}'", "mx.recipient.example"),  # 2013
        (f"2026-08-03 ** user@recipient.example H=mx.recipient.example [192.0.2.77]: {NDR}", "mx.recipient.example"),
        (f"to=<u@recipient.example>, relay=mx.recipient.example[192.0.2.77]:25, said: {NDR}", "mx.recipient.example"),
    ],
)  # fmt: skip
def test_the_forms_of_exchange_and_of_logs(text, by):
    rejection = read_refusal(text)
    assert rejection is not None
    assert (str(rejection.address), rejection.cause, rejection.by) == (V4, Cause.DYNAMIC, by)
    assert rejection.text.startswith("Your IP address 203.0.113.9 appears to be dynamically assigned.")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("ip", [V4, V6])
def test_a_bounce_forwarded_by_any_mail_program(program, ip):
    refusal = f"550 5.7.1 Your IP address {ip} appears to be dynamically assigned. Write to bypass@example.com."
    rejection = find_rejection(read_message(PROGRAMS[program](as_bounce(refusal))), IDENTITY)

    assert rejection is not None
    assert (rejection.code, rejection.enhanced, str(rejection.address)) == (550, "5.7.1", ip)
    assert (rejection.by, rejection.ours, rejection.cause) == ("mx.recipient.example", True, Cause.DYNAMIC)


@pytest.mark.parametrize(
    ("text", "by", "ours"),
    [
        ("host mx1.example.com[192.0.2.1] said: 550 5.7.1 Your IP 203.0.113.9 is listed", "mx1.example.com", True),
        ("host MX1.EXAMPLE.COM[192.0.2.1] said: 550 5.7.1 Your IP 203.0.113.9 is listed", "mx1.example.com", True),
        ("host mx.other.example[192.0.2.1] said: 550 5.7.1 Your IP 203.0.113.9 is listed", "mx.other.example", False),
        ("host mxexample.com[192.0.2.1] said: 550 5.7.1 Your IP 203.0.113.9 is listed", "mxexample.com", False),
        ("550 5.7.1 Your IP address 203.0.113.9 is listed. Write to bypass@example.com.", None, True),
        ("550 5.7.1 Your IP address 203.0.113.9 is listed. Write to help@other.example.", None, False),
        ("550 5.7.1 <user@example.com>: 203.0.113.9 is listed", None, True),
        ("550 5.7.1 Your IP address 203.0.113.9 is listed", None, None),
        ("550 5.7.1 Your IP address 203.0.113.9 is listed. Sender: admin@example.org", None, None),
        ("host 192.0.2.1[192.0.2.1] said: 550 5.7.1 Your IP address 203.0.113.9 is listed", "192.0.2.1", None),
    ],
)  # fmt: skip
def test_who_refused_and_was_it_one_of_ours(text, by, ours):
    rejection = read_refusal(text)
    assert rejection is not None
    assert (rejection.by, rejection.ours) == (by, ours)


STATUS = """\
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

The mail to user@example.com failed.
550 5.7.1 Client host [198.51.100.4] blocked, says somebody

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org

Final-Recipient: rfc822; user@example.com
Status: 5.7.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.7.1 Your IP address
 203.0.113.9 is listed

--b
Content-Type: message/rfc822

Subject: the refused message

It says 550 5.7.1 Your IP address 192.0.2.99 is listed
--b--
"""


def test_the_status_of_a_report_comes_first():
    head, _, body = STATUS.partition("\n\n")
    rejection = read_refusal(body, head=f"{head}\n")

    assert rejection is not None
    assert (rejection.code, rejection.enhanced) == (550, "5.7.1")
    assert rejection.text == "Your IP address 203.0.113.9 is listed"
    assert (rejection.by, str(rejection.address)) == ("mx.example.com", V4)


def test_a_refusal_of_ours_counts_before_others():
    others = by_postfix("554 5.7.1 Client host [198.51.100.4] blocked using zen.list.example")
    ours = by_postfix("550 5.7.1 Your IP address 203.0.113.9 is listed; write to bypass@example.com")
    for text in (f"{others}\n\n{ours}", f"{ours}\n\n{others}"):
        rejection = read_refusal(text)
        assert rejection is not None
        assert str(rejection.address) == V4


def test_a_refusal_of_an_address_counts_before_one_of_a_mailbox():
    mailbox = by_postfix("550 5.1.1 <gone@example.com>: User unknown")
    address = by_postfix("554 5.7.1 Client host [203.0.113.9] blocked using zen.list.example")
    rejection = read_refusal(f"{mailbox}\n\n{address}")
    assert rejection is not None
    assert str(rejection.address) == V4


@pytest.mark.parametrize(
    "text",
    [
        "Your IP address 203.0.113.9 appears to be dynamically assigned, it said",
        "The other side says: client host [203.0.113.9] blocked using zen.list.example",
    ],
)
def test_a_refusal_without_its_code(text):
    rejection = read_refusal(f"Hello\n\n{text}\n")
    assert rejection is not None
    assert (rejection.code, rejection.enhanced, str(rejection.address)) == (None, None, V4)


@pytest.mark.parametrize(
    "text",
    [
        "Hello,\n\nour address is 203.0.113.9 and it is static. Please let us in.",
        "We run 550 servers and 451 clients in room 5.7.1 of house 203.0.113.9.",
        "Order 550 was shipped on 12.11.2025 for 421 Euro.",
        "Call us at 555-550-1234.",
        "Regards,\nAnn\n555-9797 Fax: 555-9798\nhttp://www.b.example/contact",
        "Regards,\nAnn\n415 555 9333 x101, not after five",
        "Regards,\nAnn\n454 Long Street, Smalltown\nhttp://www.b.example/contact",
        "",
    ],
)
def test_no_refusal_is_quoted(text):
    assert read_refusal(text) is None


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("550 554 mail from you is rejected", 550),
        ("554 2001:db8:25::9 is blocked", 554),
        ("554 https://list.example/about\nis where you read more", 554),
        ("554 RTR:DU\nhttp://errors.example/554rtrdu.html", 554),
        ("MD> 554 your server is not welcome", 554),
        ("554-\nYour server is not welcome", 554),
    ],
)
def test_where_a_reply_begins(reply, code):
    rejection = read_refusal(f"Hello,\n\n{reply}\n")
    assert rejection is not None
    assert rejection.code == code


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("<u@example.com> Mailbox size limit exceeded", Cause.OTHER),
        ("message for u@example.com would exceed mailbox quota: quota exceeded", Cause.OTHER),
        ("user has too many messages on the server", Cause.OTHER),
        ("Daily SMTP relay limit exceeded for your host", Cause.RATE),
        ("too many connections from your host", Cause.RATE),
    ],
)
def test_a_full_mailbox_is_no_limit_on_the_client(words, cause):
    assert find_cause(words) is cause


@pytest.mark.parametrize(
    ("words", "cause", "address"),
    [
        ("Client host [203.0.113.9] blocked, mx at 192.0.2.4", Cause.LISTED, V4),
        ("see http://list.example/?ip=203.0.113.9", Cause.OTHER, V4),
        ("no such user, see http://list.example/?ip=203.0.113.9", Cause.OTHER, None),
        ("203.0.113.9", Cause.OTHER, V4),
        ("blocked", Cause.LISTED, None),
        ("", Cause.OTHER, None),
    ],
)
def test_refused_address_of_one_statement(words, cause, address):
    assert refused_address(words, cause) == (parse_ip(address) if address else None)


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text)


PIECES = [
    "550 5.7.1 ", "550-", "\n", "\r\n", "> ", "<<< ", "Your IP address ", V4, V6, " is listed", "host mx.example.com[",
    "] said: ", "Diagnostic-Code: smtp; ", "\0", "\u202e", "\x1b[2J", "\u2028", "é", ":", "::", "1.1.1.1.",
    "<a@b.example>", "Generating server: ", "#", " ##", "while talking to ", "-----Original Message-----\n",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40))
def test_anything_is_read_and_nothing_unclean_comes_out(pieces):
    rejection = read_refusal("".join(pieces).encode("utf-8", "replace").decode())
    if rejection:
        assert is_clean(rejection.text + (rejection.by or ""))
        assert len(rejection.text) <= TEXT_CHARACTERS


@pytest.mark.parametrize(
    "piece",
    [
        "550 5.7.1 ", "550-", "550 a\n", "your ip 1", "host a", "host a.b [", "x.", "1.1.1.1 ", "1:", "a:b:", "> ", ">",
        "\n", " ", "\n ", "1.\n", "f:\n", "said: ", "gave this error: ", "#5",
        "Diagnostic-Code: 550 x\n", "Generating server: a ", "-- ", "-", "relay=", "203.0.113.9\n", "from:\nto:",
        "On wrote:\n", "_", "wrote ", "blocked using", "/", "client host [", "by ", "with error: 550 ",
    ],
)  # fmt: skip
def test_a_quarter_of_a_megabyte_of_one_piece_ends(piece):
    read_refusal(piece * (256 * 1024 // len(piece)))


def test_five_thousand_refusals():
    rejection = read_refusal(
        "550 5.7.1 Your IP address 203.0.113.9 is listed\n\n" + "550 5.7.1 no such user\n\n" * 5_000
    )
    assert rejection is not None
    assert str(rejection.address) == V4
