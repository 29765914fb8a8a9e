from dataclasses import replace

import pytest

from responder.domain.disposition import Reason, decide, is_from_postmaster
from tests.support.mail import IDENTITY, SENDER, envelope, message, reason_of, text_part

# Reports


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/report; report-type=delivery-status; boundary=x",
        "multipart/report; report-type=disposition-notification; boundary=x",
        "multipart/report; report-type=feedback-report; boundary=x",
        "multipart/report; report-type=something-new; boundary=x",
        "multipart/report",
        "Multipart/Report; boundary",
        "message/delivery-status",
        "message/disposition-notification",
        "message/feedback-report",
        "message/global-delivery-status",
    ],
)
def test_a_report_is_not_answered(content_type):
    assert reason_of(f"Content-Type: {content_type}") is Reason.REPORT


@pytest.mark.parametrize(
    "content_type", ["multipart/mixed; boundary=x", "message/rfc822", "text/plain; x=multipart/report"]
)
def test_a_report_inside_another_message_is_no_report(content_type):
    bounce = text_part("This message was created automatically by mail delivery software.", depth=1)
    assert reason_of(f"Content-Type: {content_type}", "Subject: Fwd: failure notice", parts=(bounce,)) is None


BOUNCE = "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Mail delivery failed: returning message to sender", BOUNCE),
        ("Undeliverable: hello", "Your message\n\n  To: a@b.example\n\ncould not be delivered to:"),
        ("Delivery failure notification", "  Your message with Subject: x\ncould not be delivered"),
        ("Returned mail: see transcript", "------ Failed Recipients ------\n<a@b.example>"),
        (
            "Delivery Failure",
            "Could not deliver message to the following recipient(s):\n\nFailed Recipient: a@b.example",
        ),
        ("Mail Delivery Warning", "This is an advisory-only email.  Please do not reply to it."),
    ],
)
def test_a_report_that_declares_nothing_is_known_by_subject_and_beginning(subject, text):
    assert reason_of(f"Subject: {subject}", text=text) is Reason.REPORT


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Subject: Fwd: Undeliverable: hello"], BOUNCE),
        (["Subject: FW: Returned mail: see transcript"], BOUNCE),
        (["Subject: WG: Mail delivery failed: returning message to sender"], BOUNCE),
        (["Subject: Undeliverable: hello"], "Hello, this came back:\n\n" + BOUNCE),
        (["Subject: Undeliverable: hello"], "> " + BOUNCE),
        (["Subject: Undeliverable: hello", "X-Mailer: Microsoft Outlook 16.0"], BOUNCE),
        (["Subject: Delivery Status Notification (Failure)", "User-Agent: Mozilla Thunderbird"], BOUNCE),
        (["Subject: Mail delivery failed", "In-Reply-To: <a@b.example>"], BOUNCE),
        (["Subject: our address is static"], BOUNCE),
        (["Subject: Undeliverable"], ""),
    ],
)
def test_a_person_who_passes_a_bounce_on_is_answered(lines, text):
    assert reason_of(*lines, text=text) is None


def test_a_forwarded_bounce_in_an_attachment_is_answered():
    attached = (text_part("See below."), text_part(BOUNCE, depth=1))
    assert reason_of("Subject: Undeliverable: hello", "Content-Type: multipart/mixed", parts=attached) is None


def test_a_bounce_that_is_only_attached_is_answered():
    attached = (text_part(BOUNCE, depth=1),)
    assert reason_of("Subject: failure notice", "Content-Type: multipart/mixed", parts=attached) is None


# Auto-Submitted


@pytest.mark.parametrize(
    "value",
    [
        "auto-replied",
        "auto-replied (vacation)",
        "auto-generated; x=y",
        "AUTO-NOTIFIED",
        "(c) auto-replied",
        "(a (nested) one) auto-replied",
        "something-new",
        "not-a-no",
        "no-really",
        "",
        "(no)",
    ],
)
def test_automatic_submission_is_not_answered(value):
    assert reason_of(f"Auto-Submitted: {value}") is Reason.AUTO_SUBMITTED


@pytest.mark.parametrize(
    "value", ["no", "No", "NO", "no (human)", "no; x=y", "(auto-replied) no", "  no  ", "(a) ) no"]
)
def test_a_message_that_says_it_is_no_automatic_one_is_answered(value):
    assert reason_of(f"Auto-Submitted: {value}") is None


def test_every_auto_submitted_counts():
    assert reason_of("Auto-Submitted: no", "Auto-Submitted: auto-replied") is Reason.AUTO_SUBMITTED


# Lists and bulk


@pytest.mark.parametrize(
    "name",
    [
        "List-Id",
        "List-Help",
        "List-Subscribe",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Post",
        "List-Owner",
        "List-Archive",
        "List-Something",
        "Mailing-List",
        "X-Mailing-List",
        "X-BeenThere",
        "X-Mailman-Version",
        "X-List",
        "X-ML-Name",
        "X-eGroups-Return",
        "X-Listname",
    ],
)
def test_list_mail_is_not_answered(name):
    assert reason_of(f"{name}: x") is Reason.MAILING_LIST
    assert reason_of(f"{name.swapcase()}: x") is Reason.MAILING_LIST
    assert reason_of(text=f"{name}: x") is None


@pytest.mark.parametrize("name", ["Precedence", "X-Precedence", "pReCeDeNcE"])
@pytest.mark.parametrize("value", ["bulk", "junk", "list", "auto_reply", "Bulk", "LIST", "bulk (x)", " junk ;x"])
def test_bulk_mail_is_not_answered(name, value):
    assert reason_of(f"{name}: {value}") is Reason.BULK


@pytest.mark.parametrize("value", ["first-class", "normal", "special-delivery", "", "(bulk)", "bulky"])
def test_other_precedences_are_answered(value):
    assert reason_of(f"Precedence: {value}") is None


def test_every_precedence_counts():
    assert reason_of("Precedence: normal", "Precedence: bulk") is Reason.BULK


@pytest.mark.parametrize("value", ["All", "OOF", "AutoReply", "DR, OOF, RN", "dr,all", "autoreply", "RN; OOF"])
def test_a_sender_who_wants_no_automatic_answer_gets_none(value):
    assert reason_of(f"X-Auto-Response-Suppress: {value}") is Reason.SUPPRESSED


@pytest.mark.parametrize("value", ["DR, RN, NRN", "None", "NDR", "", "overall"])
def test_other_suppressions_do_not_concern_us(value):
    assert reason_of(f"X-Auto-Response-Suppress: {value}") is None


# System senders

SYSTEM_SENDERS = [
    "mailer-daemon",
    "MAILER-DAEMON",
    "mail-daemon",
    "postmaster",
    "Postmaster+x",
    "listserv",
    "majordomo",
    "listproc",
    "owner-list",
    "list-owner",
    "list-request",
    "list-bounce",
    "list-bounces",
    "list-bounces+user=sender.example",
    "list-errors",
    "list-relay",
    "bounce-123",
    "bounces-123-user",
    "bounce+x",
    "bounces+123-user=sender.example",
    "no-reply",
    "noreply",
    "noreply-42",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "alerts-noreply",
    "nobody",
    "root",
    "daemon",
    "uucp",
    "MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e",
    "prvs=1234567890=mailer-daemon",
]


@pytest.mark.parametrize("local", SYSTEM_SENDERS)
def test_a_mailbox_without_a_person_is_not_answered(local):
    address = f"{local}@sender.example"
    assert reason_of(reverse_path=address) is Reason.SYSTEM_SENDER
    assert reason_of(f"From: System <{address}>") is Reason.SYSTEM_SENDER
    assert reason_of(f"Sender: {address}") is Reason.SYSTEM_SENDER
    assert reason_of(f"Return-Path: <{address}>") is Reason.SYSTEM_SENDER


@pytest.mark.parametrize(
    "local",
    [
        "owner",
        "requester",
        "list-requests-info",
        "mailserver",
        "rootes",
        "daemons",
        "request",
        "relay",
        "noranda",
        "bouncer",
        "microsoftexchange",
        "microsoftexchange-admin",
        "server",
        "info",
        "mail.daemon",
        "nobody2",
    ],
)
def test_names_that_only_resemble_a_systems_are_answered(local):
    address = f"{local}@sender.example"
    assert reason_of(f"From: {address}", f"Sender: {address}", reverse_path=address) is None


@pytest.mark.parametrize(
    "value",
    [
        "<>",
        "MAILER-DAEMON <>",
        "Mail Delivery System <MAILER-DAEMON>",
        "MAILER-DAEMON (Mail Delivery Subsystem)",
        "postmaster@",
        "System <a.example postmaster@a.example>",
    ],
)
def test_machines_that_write_no_proper_address_are_known(value):
    assert reason_of(f"From: {value}") is Reason.SYSTEM_SENDER


def test_a_persons_name_is_no_system():
    assert reason_of('From: "root" <admin@sender.example>') is None
    for value in ("Nobody Root", "Root <", "Root < >"):
        nameless = replace(message(f"From: {value}"), senders=())
        assert decide(envelope(), nameless, IDENTITY).reason is None


@pytest.mark.parametrize(
    ("lines", "reverse_path", "postmaster"),
    [
        ([], "postmaster@sender.example", True),
        (["From: Postmaster <POSTMASTER+x@sender.example>"], SENDER, True),
        (["Sender: postmaster@sender.example"], SENDER, False),
        ([], "mailer-daemon@sender.example", False),
        ([], "", False),
    ],
)
def test_a_postmaster_is_told_from_other_systems(lines, reverse_path, postmaster):
    assert is_from_postmaster(envelope(reverse_path), message(*lines)) is postmaster
