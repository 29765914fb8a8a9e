"""A renderer with known settings, and readers for what it makes."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from typing import cast

from responder.domain.identity import Identity
from responder.services.rendering import Blocklist, Organization, Renderer
from responder.services.templates.library import Library

IDENTITY = Identity(
    bypass_addresses=("bypass@example.com",),
    own_domains=frozenset({"example.com"}),
    other_addresses=frozenset({"postmaster@example.com"}),
    plus_addressing=True,
    hostname="bypass.example.com",
    key=b"a key for tests only",
)
ORGANIZATION = Organization(
    "Example Organisation", "example.com", "postmaster@example.com", "https://www.example.com/help"
)
BLOCKLISTS = (
    Blocklist("Spamhaus PBL", "Spamhaus", "https://check.spamhaus.org/"),
    Blocklist("Dial-up list", "Example Networks", "https://lists.example.net/?remove=a&b", "removal@lists.example.net"),
)


def make_renderer(library=None, **changes):
    settings = {
        "sender": "Mail delivery help <bypass@example.com>",
        "organization": ORGANIZATION,
        "blocklists": BLOCKLISTS,
        "html": True,
        "identity": IDENTITY,
    }
    return Renderer(library or Library(), **(settings | changes))


def write_library(folder, **templates):
    """Write `answer` and guides (names with `__` for the slash) as English templates; give the library."""
    for name, text in templates.items():
        path = folder / "en" / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Library(folder)


def source(body, subject="Help [{{ reference }}]", **fields):
    """Give the text of a template file whose body begins on line 5, further down with more fields."""
    front = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return f'+++\ntitle = "A title"\nsubject = "{subject}"\n{front}+++\n{body}'


def guide_source(body, **fields):
    """Give the text of a guide's file whose body begins on line 5, further down with more fields."""
    return source(body, subject="", **fields)


def read(content: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(content, policy=policy.default))


def parts(content: bytes) -> dict[str, str]:
    """Give the decoded parts of a message by subtype, with `\\n` line ends."""
    return {
        part.get_content_subtype(): part.get_payload(decode=True).decode().replace("\r\n", "\n")
        for part in read(content).walk()
        if part.get_content_maintype() == "text"
    }


def shown(html: str) -> str:
    """Give what a reader sees of an HTML part, with single spaces."""
    body = html.partition("<body>")[2]
    return " ".join(unescape(re.sub(r"<[^<>]*>", "", body)).split())


def words(text: str) -> str:
    return " ".join(text.split())
