"""A folder of labelled messages of our own, laid out like the large one that RESPONDER_CORPUS may name."""

from collections.abc import Iterable, Sequence
from pathlib import Path

COLUMNS = ("file", "kind", "must", "blocked_ip", "software", "envelope_from", "markers", "note")
MANIFEST = (
    ("person.eml", "personal", "may-reply", "", "Exchange 2003", "admin@shop.example", "", ""),
    ("notes.eml", "personal", "may-reply", "", "Postfix", "", "", ""),
    ("bounce.eml", "bounce", "must-not-reply", "203.0.113.9", "Postfix", "<>", "Content-Type: multipart/report", ""),
    ("old.eml", "bounce", "must-not-reply", "203.0.113.77", "Exchange 5.5", "", "Content-Type: multipart/report", ""),
    ("list.eml", "list", "must-not-reply", "", "", "talk-owner@lists.example", "List-Id", ""),
    ("away.eml", "autoreply", "must-not-reply", "", "", "anna@shop.example", "content only", "by its subject"),
    ("torn.eml", "malformed", "", "", "", "", "", "no header"),
)
REJECTIONS = {
    "554 5.7.1 Service unavailable; Client host [203.0.113.10] blocked using zen.list.example": "203.0.113.10",
    "550 5.7.1 Your IP address 203.0.113.11 appears to be dynamically assigned": "203.0.113.11",
    "550-5.7.1 [2001:db8:25::7] Our system has detected an unusual rate of mail": "2001:db8:25::7",
    "550 5.1.1 <user@recipient.example>: no such user": "",
}
MESSAGES = {
    "person.eml": """\
        Received: from shop.example ([203.0.113.9]) by mail.shop.example with Microsoft SMTPSVC(6.0.3790.4675);
        \tMon, 3 Aug 2026 09:00:00 +0200
        X-MimeOLE: Produced By Microsoft Exchange V6.5
        From: Admin <admin@shop.example>
        To: bypass@responder.example
        Subject: please help

        We cannot write to your customers any more.
        """,
    "notes.eml": """\
        Received: from shop.example (shop.example [203.0.113.12])
        \tby mail.office.example (Postfix) with ESMTP id 4ABCDE for <bypass@responder.example>;
        \tMon, 3 Aug 2026 09:00:00 +0200
        From: owner@office.example
        To: bypass@responder.example
        Subject: refused

        What does your list mean by "dynamic"?
        """,
    "bounce.eml": """\
        Received: by mail.shop.example (Postfix) id 4XYZ; Mon, 3 Aug 2026 09:00:00 +0200
        From: MAILER-DAEMON@mail.shop.example (Mail Delivery System)
        To: admin@shop.example
        Subject: Undelivered Mail Returned to Sender
        Content-Type: multipart/report; report-type=delivery-status; boundary="b"

        --b

        This is the mail system at host mail.shop.example.

        <user@recipient.example>: host mx.recipient.example[198.51.100.4] said: 554 5.7.1
            Service unavailable; Client host [203.0.113.9] blocked using
            zen.list.example (in reply to RCPT TO command)

        --b
        Content-Type: message/delivery-status

        Reporting-MTA: dns; mail.shop.example
        X-Postfix-Queue-ID: 4XYZ

        Final-Recipient: rfc822; user@recipient.example
        Action: failed
        Status: 5.7.1
        Remote-MTA: dns; mx.recipient.example
        Diagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host
            [203.0.113.9] blocked using zen.list.example

        --b--
        """,
    "old.eml": """\
        From: System Administrator <postmaster@shop.example>
        To: admin@shop.example
        Subject: Undeliverable: offer
        X-Mailer: Internet Mail Service (5.5.2653.19)
        Content-Type: multipart/report; report-type=delivery-status; boundary="b"

        --b

        Your message did not reach some or all of the intended recipients.

              user@recipient.example on Mon, 3 Aug 2026 09:00:00 +0200
                The recipient name is not recognized
                The MTS-ID of the original message is: c=US;a= ;p=Shop;l=MAIL-260803
                MSEXCH:IMS:Shop:HQ:MAIL 3553 (000B09B6) 550 5.7.1 Mail from 203.0.113.77 refused, see http://l.example

        --b--
        """,
    "list.eml": """\
        From: anna@shop.example
        To: talk@lists.example
        List-Id: <talk.lists.example>
        Subject: news

        Hello everybody.
        """,
    "away.eml": """\
        From: anna@shop.example
        To: bypass@responder.example
        Subject: Out of Office AutoReply: refused

        I am away until Monday.
        """,
    "torn.eml": "\x00\x00From\n : =?x?b?\n\n--\n",
}


def write_samples(folder: Path) -> Path:
    """Lay a corpus of a few messages out as a labelled folder."""
    for name, text in MESSAGES.items():
        lines = [line.removeprefix(" " * 8) for line in text.split("\n")]
        (folder / name).write_text("\n".join(lines))
    _write_table(folder / "manifest.tsv", COLUMNS, MANIFEST)
    _write_table(folder / "rejections.tsv", ("text", "blocked_ip"), tuple(REJECTIONS.items()))
    return folder


def _write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in (head, *rows)))
