"""The words of requests, each database's own index of them, and how far it has come."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    RowMapping,
    Select,
    TableClause,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)

from responder.domain.words import Term, domain_word, has_terms
from responder.storage.rows import read_rows
from responder.storage.schema import messages, raw_messages, requests
from responder.storage.serials import read_serial, set_serial

_MARK = "texts"
_INDEXED_LETTERS = 3
_SQLITE = table("request_texts", column("rowid"), column("words"))
_POSTGRESQL = table("request_texts", column("request_id"), column("words"))


def read_mark(connection: Connection) -> int:
    """Give the id of the message up to which the words of requests are indexed, 0 before the first."""
    return read_serial(connection, _MARK)


def set_mark(connection: Connection, message_id: int) -> None:
    """Say that words are indexed up to this message."""
    set_serial(connection, _MARK, message_id)


def matching_terms(connection: Connection, terms: Sequence[Term]) -> Select[Any]:
    """Give the query for the ids of requests in whose words every one of `terms` stands; its column is `id`."""
    if connection.dialect.name == "postgresql":
        return _matching_postgresql(" & ".join(f"({' <-> '.join(term)}:*)" for term in terms))
    return _matching_sqlite(" AND ".join(f'"{" ".join(term)}" *' for term in terms))


def matching_loosely(connection: Connection, terms: Sequence[Term]) -> Select[Any]:
    """Give a query like that of `matching_terms` that is quick also for common words, and may give too much.

    SQLite keeps lists of beginnings of up to three letters; for longer ones it first puts together the lists of all
    words that begin so. What comes of this is to be looked at by `pick_by_terms`.
    """
    return matching_terms(connection, [(*term[:-1], term[-1][:_INDEXED_LETTERS]) for term in terms])


def matching_domain(connection: Connection, domain: str) -> Select[Any]:
    """Give the query for the ids of requests from `domain` and from what lies under it; its column is `id`."""
    word = domain_word(domain)
    if connection.dialect.name == "postgresql":
        return _matching_postgresql(word)
    return _matching_sqlite(f'"{word}"')


def _matching_sqlite(asked: str) -> Select[Any]:
    rows: TableClause = _SQLITE
    matches = literal_column("request_texts").op("MATCH")(asked)
    return select(rows.c.rowid.label("id")).where(matches)


def _matching_postgresql(asked: str) -> Select[Any]:
    rows: TableClause = _POSTGRESQL
    matches = rows.c.words.op("@@")(func.to_tsquery("simple", asked))
    return select(rows.c.request_id.label("id")).where(matches)


def pick_by_terms(connection: Connection, terms: Sequence[Term], ids: Sequence[int]) -> Sequence[int]:
    """Give those of a few requests, given by id, in whose words every one of `terms` stands.

    SQLite's index would be asked for each of them by itself, at the price of all, so there their words are looked at.
    """
    if connection.dialect.name == "postgresql":
        query = matching_terms(connection, terms)
        return connection.execute(query.where(query.selected_columns.id.in_(ids))).scalars().all()
    rows = connection.execute(select(_SQLITE).where(_SQLITE.c.rowid.in_(ids)))
    return [row.rowid for row in rows if has_terms(row.words, terms)]


def store_words(connection: Connection, words: Mapping[int, str]) -> None:
    """Replace the words of requests, given by id; words are of letters and digits with blanks between them."""
    rows = [{"id": key, "words": text_of} for key, text_of in sorted(words.items())]
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(_UPSERT, rows)
        return
    connection.execute(text("DELETE FROM request_texts WHERE rowid = :id"), [{"id": key} for key in words])
    connection.execute(text("INSERT INTO request_texts (rowid, words) VALUES (:id, :words)"), rows)


_UPSERT = text(
    "INSERT INTO request_texts (request_id, words) VALUES (:id, to_tsvector('simple', :words)) "
    "ON CONFLICT (request_id) DO UPDATE SET words = excluded.words"
)


def find_new_messages(connection: Connection, after: int, limit: int) -> Sequence[tuple[int, int | None]]:
    """Give ids of messages after the one given, in order, each with the id of its request."""
    query = select(messages.c.id, messages.c.request_id).where(messages.c.id > after)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(messages.c.id).limit(limit))]


def find_requests(connection: Connection, ids: Iterable[int]) -> Sequence[RowMapping]:
    """Give requests by their ids, in order."""
    query = select(requests).where(requests.c.id.in_(list(ids))).order_by(requests.c.id)
    return connection.execute(query).mappings().all()


def find_written(connection: Connection, request_id: int, limit: int) -> Sequence[Mapping[str, Any]]:
    """Give the newest messages of a request with `raw`, their octets as they are stored; None where there are none."""
    return read_rows(connection, _WRITTEN, {}, of_request=request_id, most=limit)


_WRITTEN_COLUMNS = ("reference", "header_from", "reverse_path", "subject", "helo_name", "rejection")
_WRITTEN = (
    select(*(messages.c[name] for name in _WRITTEN_COLUMNS), raw_messages.c.raw)
    .outerjoin(raw_messages, raw_messages.c.message_id == messages.c.id)
    .where(messages.c.request_id == bindparam("of_request"))
    .order_by(messages.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)
