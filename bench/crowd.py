"""More pleas for the demonstration's queue: one of each kind that staff meet."""

import smtplib
from dataclasses import dataclass
from email.message import EmailMessage

BYPASS = "bypass@example.com"
DYNAMIC = "550 5.7.1 Your IP address {} appears to be dynamically assigned. See your provider."


@dataclass(frozen=True)
class Person:
    """Somebody who writes, and what.

    Attributes:
        sender: their address.
        client: the host that brings it.
        subject: of the message.
        text: of the message; `{}` is the client.
        fields: further header fields.
    """

    sender: str
    client: str
    subject: str
    text: str
    fields: tuple[tuple[str, str], ...] = ()


CROWD = (
    Person("it@osprey.example", "203.0.113.17", "Static address since Monday", f"We moved.\n\n{DYNAMIC}\n"),
    Person("it@osprey.example", "203.0.113.17", "Re: Static address since Monday", "Did you get this? Thank you!\n"),
    Person("post@heron.example", "198.51.100.30", "AW: Unzustellbar: Rechnung", f"Bitte freischalten.\n\n{DYNAMIC}\n"),
    Person("owner@plover.example", "192.0.2.77", "why do you hate us", "All our mail comes back. Fix it.\n"),
    Person("noc@avocet.example", "203.0.113.130", "Our block 203.0.113.128/29", f"Static block.\n\n{DYNAMIC}\n"),
    Person("mail@curlew.example", "198.51.100.9", "Blocked?", "554 5.7.1 Message rejected as spam by content filter\n"),
    Person("admin@tern.example", "192.0.2.12", "Undelivered <b>Mail</b>", f"{DYNAMIC}\n<script>alert(1)</script>\n"),
    Person("info@godwit.example", "203.0.113.44", "Away", "I am away.\n", (("Auto-Submitted", "auto-replied"),)),
    Person("offers@dunlin.example", "198.51.100.200", "Buy now", "Offer!\n", (("List-Id", "<x.dunlin.example>"),)),
    Person("jo@whimbrel.example", "192.0.2.33", "IPv6 too", "We also use 2001:db8:77::/64 and got:\n" + DYNAMIC),
)  # fmt: skip
ANSWERED = 7  # the others are an automatic reply, a mailing list, and somebody who has an answer already


def send_crowd(port: int) -> None:
    """Let everybody write."""
    for number, person in enumerate(CROWD):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = person.sender, BYPASS, person.subject
        message["Message-ID"] = f"<crowd.{number}@{person.sender.partition('@')[2]}>"
        for name, value in person.fields:
            message[name] = value
        message.set_content(person.text.format(person.client))
        helo = f"mail.{person.sender.partition('@')[2]}"
        with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.example.com", timeout=30) as client:
            client.ehlo()
            client.docmd("XFORWARD", f"ADDR={person.client} NAME={helo} HELO={helo} PROTO=ESMTP")
            client.send_message(message, person.sender, [BYPASS])
