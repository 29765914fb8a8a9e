"""The index of words by which requests are found, filled behind the intake's back: no plea waits for it."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping

from responder.domain.address import key_to_ip
from responder.domain.message import InboundMessage, PartKind, read_message
from responder.domain.words import domain_words, split_words
from responder.storage.ids import first_id_at
from responder.storage.requests import row_text
from responder.storage.texts import find_new_messages, find_requests, find_written, read_mark, set_mark, store_words
from responder.storage.writer import Writer

# In a flood the index falls behind, at a small part of what taking and answering costs, and follows later.
_MESSAGES_AT_ONCE = 200
# Another process may commit a message later than one that got its id after it, though hardly by more than this.
_OVERLAP = timedelta(seconds=60)
_MESSAGES_OF_REQUEST = 20
_READ_BYTES = 64 * 1024
_WRITTEN_CHARACTERS = 4 * 1024
_WORDS_OF_MESSAGE = 800
_WORDS_OF_REQUEST = 4_000


class TextIndex:
    """Keeps the words of requests; one for each process that does such work."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        """Take where to read and where to write."""
        self._engine = engine
        self._writer = writer
        self._seen: set[int] = set()

    def run_due(self, now: datetime) -> bool:
        """Index the requests of some messages that are new at `now`; tell whether there may be more.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        recent = first_id_at(now - _OVERLAP)
        with self._engine.connect() as connection:
            mark = read_mark(connection)
            found = find_new_messages(connection, min(mark, recent), _MESSAGES_AT_ONCE + len(self._seen))
            fresh = [row for row in found if row[0] not in self._seen][:_MESSAGES_AT_ONCE]
            words = _words_of_requests(connection, {request_id for _, request_id in fresh if request_id})
        if fresh:
            self._writer.run(partial(_store, words=words, last=fresh[-1][0])).result()
        self._seen = {key for key in (*self._seen, *(key for key, _ in fresh)) if key > recent}
        return len(fresh) == _MESSAGES_AT_ONCE


def _store(connection: Connection, words: Mapping[int, str], last: int) -> None:
    store_words(connection, words)
    set_mark(connection, max(last, read_mark(connection)))


def _words_of_requests(connection: Connection, ids: Iterable[int]) -> dict[int, str]:
    rows = find_requests(connection, ids)
    return {row["id"]: _words_of(row, find_written(connection, row["id"], _MESSAGES_OF_REQUEST)) for row in rows}


def _words_of(request: RowMapping, written: Sequence[Mapping[str, Any]]) -> str:
    """Give the words of a request, the newest messages' first; a word that comes again stands again, for phrases."""
    addresses = [str(key_to_ip(bytes(key))) for key in (request["address_key"], request["client_key"]) if key]
    words = split_words(" ".join((row_text(request), *addresses, *request["networks"])), _WORDS_OF_MESSAGE)
    words += domain_words(request["domain"])
    for message in written:
        words += split_words(_text_of(message), _WORDS_OF_MESSAGE)
    return " ".join(words[:_WORDS_OF_REQUEST])


def _text_of(message: Mapping[str, Any]) -> str:
    rejection = message["rejection"] or {}
    known = (message["reference"], message["reverse_path"], message["header_from"], message["subject"])
    quoted = (rejection.get("text"), rejection.get("by"), message["helo_name"])
    return " ".join(filter(None, (*known, *quoted, _written(message["raw"]))))


def _written(raw: bytes | None) -> str:
    """Give the beginning of what the sender wrote; nothing where the octets are gone or cannot be read."""
    if raw is None:
        return ""
    try:
        content = zlib.decompressobj().decompress(raw, _READ_BYTES)
    except zlib.error:
        return ""
    return _first_text(read_message(content))[:_WRITTEN_CHARACTERS]


def _first_text(message: InboundMessage) -> str:
    own = [part for part in message.parts if not part.depth]
    for kind in (PartKind.TEXT, PartKind.HTML):
        if texts := [part.text for part in own if part.kind is kind]:
            return texts[0]
    return ""
