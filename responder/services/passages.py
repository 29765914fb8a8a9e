"""What a message says that came or leaves, as text for people."""

from dataclasses import dataclass

from sqlalchemy import Connection

from responder.domain.message import PartKind, read_message
from responder.storage.messages import find_raw
from responder.storage.outbound import find_content

_PASSAGES = 12
_CHARACTERS = 16 * 1024
_FIELDS = ("from", "to", "date", "subject", "message-id", "received")
_NAMES = {PartKind.TEXT: "Text", PartKind.HTML: "HTML, as text", PartKind.REPORT: "Delivery report"}


@dataclass(frozen=True, slots=True)
class Passage:
    """One readable part of a message.

    Attributes:
        title: what it is.
        text: what it says, hostile as it came; cut where it is very long.
        is_quoted: it lies in an attached message.
    """

    title: str
    text: str
    is_quoted: bool


def read_passages(connection: Connection, message_id: int) -> tuple[Passage, ...] | None:
    """Give what a message says, in its order; None where its octets are not kept (any more)."""
    raw = find_raw(connection, message_id)
    return None if raw is None else _passages(raw)


def read_sent(connection: Connection, outbound_id: int) -> tuple[Passage, ...] | None:
    """Give what an outbound message says; None while it is not worded."""
    content = find_content(connection, outbound_id)
    return None if content is None else _passages(content)


def _passages(raw: bytes) -> tuple[Passage, ...]:
    passages: list[Passage] = []
    for part in read_message(raw).parts:
        if part.kind is PartKind.MESSAGE:
            lines = [f"{field.name}: {field.value}" for field in part.header.fields if field.key in _FIELDS]
            title, text = "Attached message", "\n".join(lines)
        else:
            title, text = part.filename or _NAMES[part.kind], part.text.strip()
        if text:
            passages.append(Passage(title, _cut(text), part.depth > 0))
    return tuple(passages[:_PASSAGES])


def _cut(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "\n[...]"
