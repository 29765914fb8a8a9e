"""What people's mail programs make of a bounce when they forward it to us."""

import base64
import email
import html
import quopri
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message

SENDER = "Erika Admin <admin@example.org>"
RECIPIENT = "bypass@example.com"


@dataclass(frozen=True)
class Bounce:
    """A bounce as a mail program shows it.

    Attributes:
        raw: the whole message.
        sender: its From field.
        subject: its Subject field.
        date: its Date field.
        text: the text that is displayed.
        status: the fields of its delivery-status part, empty without one.
    """

    raw: bytes
    sender: str
    subject: str
    date: str
    text: str
    status: str


def open_bounce(raw: bytes) -> Bounce:
    """Take a bounce apart as a mail program does."""
    message = email.message_from_bytes(raw)
    status, shown = "", ""
    for part in _displayed(message):
        if part.get_content_type() == "message/delivery-status":
            status = status or "\n".join(str(block).strip() + "\n" for block in part.get_payload())
        elif part.get_content_type() == "text/plain" and not shown:
            shown = _text(part)
    return Bounce(
        raw,
        str(message.get("From", "MAILER-DAEMON")),
        str(message.get("Subject", "Undelivered mail")),
        str(message.get("Date", "Mon, 3 Aug 2026 10:00:00 +0000")),
        shown,
        status,
    )


def as_bounce(refusal: str) -> Bounce:
    """Make a bounce of a mail server that prints `refusal` as it heard it."""
    text = (
        "I'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n"
        f"<user@recipient.example>: host mx.recipient.example[192.0.2.77] said:\n    {refusal}\n"
        "    (in reply to RCPT TO command)\n"
    )
    head = (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mail.example.org (Mail Delivery System)\nTo: admin@example.org\n"
        "Subject: Undelivered Mail Returned to Sender\nDate: Mon, 3 Aug 2026 10:00:00 +0000\n"
        "Auto-Submitted: auto-replied\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    )
    return open_bounce(f"{head}\n{text}".encode())


def _displayed(message: Message) -> list[Message]:
    """Give the parts that are shown, not those of an attached message."""
    found: list[Message] = []
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.get_content_maintype() == "multipart":
            waiting[:0] = part.get_payload() if isinstance(part.get_payload(), list) else []
        elif part.get_content_type() == "message/delivery-status" or part.get_content_maintype() == "text":
            found.append(part)
    return found


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    try:
        return payload.decode(part.get_content_charset() or "utf-8", "replace").replace("\r\n", "\n")
    except LookupError:
        return payload.decode("latin-1").replace("\r\n", "\n")


def _quoted_printable(text: str) -> str:
    return quopri.encodestring(text.encode()).decode("ascii")


def _base64(octets: bytes) -> str:
    return base64.encodebytes(octets).decode("ascii")


def _plain(text: str, mailer: str, *, parameters: str = "charset=utf-8", encoding: str = "quoted-printable") -> bytes:
    body = _base64(text.encode()) if encoding == "base64" else _quoted_printable(text)
    kind = f"Content-Type: text/plain; {parameters}\nContent-Transfer-Encoding: {encoding}"
    return f"{_head(mailer)}{kind}\n\n{body}".encode()


def _multipart(subtype: str, mailer: str, *parts: str) -> bytes:
    boundary = "----=_Part_8271_forward"
    body = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return (
        f'{_head(mailer)}Content-Type: multipart/{subtype};\n\tboundary="{boundary}"\n\n{body}--{boundary}--\n'.encode()
    )


def _head(mailer: str) -> str:
    return (
        f"From: {SENDER}\nTo: {RECIPIENT}\nSubject: Fwd: Undelivered mail\nDate: Mon, 3 Aug 2026 12:00:00 +0200\n"
        f"Message-ID: <forward-1@example.org>\nMIME-Version: 1.0\n{mailer}"
    )


def _part(kind: str, text: str) -> str:
    return (
        f"Content-Type: {kind}; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{_quoted_printable(text)}"
    )


def _attached(bounce: Bounce, kind: str, filename: str, encoding: str = "7bit") -> str:
    body = _base64(bounce.raw) if encoding == "base64" else bounce.raw.decode("latin-1").replace("\r\n", "\n")
    return (
        f'Content-Type: {kind}; name="{filename}"\nContent-Disposition: attachment; filename="{filename}"\n'
        f"Content-Transfer-Encoding: {encoding}\n\n{body}"
    )


def _status(bounce: Bounce, kind: str, filename: str) -> tuple[str, ...]:
    """Give the delivery status as the attachment that many programs make of it."""
    if not bounce.status:
        return ()
    head = f'Content-Type: {kind}; name="{filename}"\nContent-Disposition: attachment; filename="{filename}"'
    return (f"{head}\nContent-Transfer-Encoding: base64\n\n{_base64(bounce.status.encode())}",)


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _wrap(text: str, width: int, end: str = "\n") -> str:
    """Fold long lines at blanks, as programs do that send plain text."""
    return "\n".join(end.join(_folded(line, width)) for line in text.split("\n"))


def _folded(line: str, width: int) -> list[str]:
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]


def _block(bounce: Bounce, sent: str) -> str:
    """Give the header that Outlook prints over what it forwards."""
    return f"From: {bounce.sender}\nSent: {sent}\nTo: admin@example.org\nSubject: {bounce.subject}\n"


def outlook(bounce: Bounce) -> bytes:
    """Outlook on Windows: plain and HTML, a paragraph for each line; the status is an attached file."""
    block = _block(bounce, "Monday, August 03, 2026 9:12 AM")
    plain = f"Hello,\n\nwe cannot write to you. What can we do?\n\n-----Original Message-----\n{block}\n{bounce.text}\n"
    lines = (html.escape(line) or "&nbsp;" for line in plain.split("\n"))
    paragraphs = "\n".join(f'<p class="MsoNormal">{line}<o:p></o:p></p>' for line in lines)
    style = "<style>p.MsoNormal {margin:0cm; font-size:11pt}</style>"
    page = f'<html><head>{style}</head><body><div class="WordSection1">{paragraphs}</div></body></html>'
    inner = "----=_NextPart_000_0001"
    parts = (_part("text/plain", plain), _part("text/html", page))
    both = "\n".join(f"--{inner}\n{part}" for part in parts)
    alternative = f'Content-Type: multipart/alternative; boundary="{inner}"\n\n{both}\n--{inner}--\n'
    mailer = "X-Mailer: Microsoft Outlook 16.0\nThread-Index: AdvX0000\nContent-Language: en-us\n"
    return _multipart("mixed", mailer, alternative, *_status(bounce, "application/octet-stream", "details.txt"))


def outlook_mobile(bounce: Bounce) -> bytes:
    """Outlook for iOS and Android: a rule of underscores before the forwarded header."""
    shown = f"{_block(bounce, 'Monday, August 3, 2026 9:12:00 AM')}\n{bounce.text}"
    text = f"See below\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n{'_' * 32}\n{shown}\n"
    page = f"<html><body><div>See below</div><hr>{_lines(shown)}</body></html>"
    if bounce.status:
        status = _status(bounce, "text/plain", "ATT00001.txt")
        return _multipart("mixed", "", _part("text/plain", text), *status)
    return _multipart("alternative", "", _part("text/plain", text), _part("text/html", page))


def _lines(text: str) -> str:
    return html.escape(text).replace("\n", "<br>\n")


def _header(bounce: Bounce, date: str) -> str:
    """Give the header that the other programs print over what they forward."""
    return f"From: {bounce.sender}\nDate: {date}\nSubject: {bounce.subject}\nTo: admin@example.org\n\n"


def ios_mail(bounce: Bounce) -> bytes:
    """Mail on an iPhone: everything quoted, the status shown in the text."""
    shown = _header(bounce, "August 3, 2026 at 9:12:00 AM GMT+2") + bounce.text + bounce.status
    text = f"Please help\n\nSent from my iPhone\n\nBegin forwarded message:\n\n{_quote(shown)}\n"
    return _plain(text, "X-Mailer: iPhone Mail (20G75)\n")


def gmail(bounce: Bounce) -> bytes:
    """Gmail: not quoted, folded, with HTML; the status is attached without a name."""
    shown = f"{_header(bounce, 'Mon, Aug 3, 2026 at 9:12 AM')}\n{bounce.text}"
    plain = f"our mail is refused, see below\n\n---------- Forwarded message ---------\n{shown}\n"
    text = _part("text/plain", _wrap(plain, 76))
    if bounce.status:
        return _multipart("mixed", "", text, *_status(bounce, "message/delivery-status", "noname"))
    return _multipart("alternative", "", text, _part("text/html", f'<div dir="ltr">{_lines(plain)}</div>'))


def thunderbird(bounce: Bounce) -> bytes:
    """Thunderbird, inline: format=flowed."""
    shown = _header(bounce, "Mon, 3 Aug 2026 09:12:00 +0200") + f"\n{bounce.text}\n{bounce.status}"
    text = f"Hi,\n\n-------- Forwarded Message --------\n{shown}"
    return _plain(
        _wrap(text, 72, " \n"), "User-Agent: Mozilla Thunderbird\n", parameters="charset=UTF-8; format=flowed"
    )


def thunderbird_attached(bounce: Bounce) -> bytes:
    """Thunderbird, as attachment: the whole bounce as message/rfc822."""
    attached = _attached(bounce, "message/rfc822", "Undelivered Mail.eml")
    return _multipart("mixed", "User-Agent: Mozilla Thunderbird\n", _part("text/plain", "see attachment\n"), attached)


def webmail_attached(bounce: Bounce) -> bytes:
    """A webmail that attaches the bounce as a file in base64."""
    attached = _attached(bounce, "application/octet-stream", "bounce.eml", "base64")
    return _multipart("mixed", "", _part("text/html", "<p>see attachment</p>"), attached)


def apple_mail(bounce: Bounce) -> bytes:
    """Mail on a Mac: quoted, folded, the status shown in the text."""
    shown = _header(bounce, "3. August 2026 um 09:12:00 MESZ") + f"{bounce.text}\n{bounce.status}"
    text = f"Begin forwarded message:\n\n{_quote(_wrap(shown, 70))}\n"
    return _plain(text, "X-Mailer: Apple Mail (2.3774.600.62)\n", encoding="base64")


def html_only(bounce: Bounce) -> bytes:
    """A program that writes HTML alone, the bounce in a quotation."""
    quoted = _lines(f"{bounce.text}\n{bounce.status}")
    page = f"<html><body><p>Hello, please help:</p><blockquote type='cite'>{quoted}</blockquote></body></html>"
    body = f"{_head('')}Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
    return (body + _quoted_printable(page)).encode()


def reply_quoted(bounce: Bounce) -> bytes:
    """An answer to the bounce, quoted twice and folded hard."""
    once = _quote(_wrap(f"{bounce.text}\n{bounce.status}", 66))
    text = f"My colleague got this:\n\nOn Mon, Aug 3, 2026 at 9:12 AM Mail System wrote:\n{_quote(once)}\n\nRegards\n"
    return _plain(text, "")


def initials_quoted(bounce: Bounce) -> bytes:
    """The Bat! and others: an answer with the author's initials before each mark, an empty line unmarked."""
    lines = _wrap(f"{bounce.text}\n{bounce.status}", 66).split("\n")
    quoted = "\n".join(f"MD> {line}" if line else "" for line in lines)
    text = f"Hello,\n\nMonday, August 3, 2026, 9:12:00 AM, you wrote:\n\n{quoted}\n\n-- \nErika\n"
    return _plain(text, "X-Mailer: The Bat! (v11.0) Professional\n")


PROGRAMS: dict[str, Callable[[Bounce], bytes]] = {
    "Outlook": outlook,
    "Outlook mobile": outlook_mobile,
    "iOS Mail": ios_mail,
    "Gmail": gmail,
    "Thunderbird": thunderbird,
    "Thunderbird, attached": thunderbird_attached,
    "webmail, attached": webmail_attached,
    "Apple Mail": apple_mail,
    "HTML only": html_only,
    "quoted answer": reply_quoted,
    "initials quoted": initials_quoted,
}
