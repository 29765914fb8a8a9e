"""How long the queue takes to show with a million requests and three million messages: each page, filter and search.

The database is filled by SQL with requests in all states, senders that wrote once and domains that wrote fifty thousand
times, and the words of what they wrote; nothing is warm but what asking once has made so. After
that the pages themselves are asked for over HTTP.
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, func, select

from bench.pages import measure_pages
from bench.table import show
from bench.timing import median
from responder.domain.address import key_to_ip, parse_network
from responder.domain.words import domain_words, split_words
from responder.services.clock import SystemClock
from responder.services.queue import Queue
from responder.storage import migrate
from responder.storage.engine import make_engine
from responder.storage.ids import first_id_at
from responder.storage.requests import RequestFilter
from responder.storage.schema import requests

REQUESTS = 1_000_000
LIMIT_MS = 50.0
BUSY_DOMAIN = "mail.example"
_WORDS = 20_000
_BATCH = 10_000

# Every number is made of the row's own, so that a run can be repeated: `h` is it, well mixed.
_MIXED = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count), "
_ROWS = _MIXED + (
    "m AS (SELECT i, (i * 2654435761) % 4294967296 AS h FROM n), "
    "r AS (SELECT i, h, h / 101 AS s, h / 10007 AS a, h / 1013 AS d, h / 100003 AS q, "
    ":base + i * 4194304 * 20000 AS id, :begin + i * 20000000 AS opened FROM m) "
)
_STATE = (
    "CASE WHEN h % 100 < 10 THEN 'waiting' WHEN h % 100 < 12 THEN 'asked' WHEN h % 100 < 27 THEN 'approved' "
    "WHEN h % 100 < 45 THEN 'denied' WHEN h % 100 < 55 THEN 'dismissed' WHEN h % 100 < 60 THEN 'lapsed' "
    "ELSE 'shelved' END"
)
_DOMAIN = (
    f"CASE WHEN d % 20 = 7 THEN '{BUSY_DOMAIN}' ELSE 'host' || (h % 7) || '.shop' || (h % 300000) || '.example' END"
)
_SOFTWARE = "CASE WHEN s % 10 < 4 THEN 'exchange' WHEN s % 10 < 6 THEN 'postfix' WHEN s % 500 = 499 THEN 'domino' END"
_ADVICE = "CASE a % 5 WHEN 0 THEN 'static' WHEN 1 THEN 'dynamic' WHEN 2 THEN 'unclear' END"
# Nobody wrote again after a decision: who looks for such requests by walking the others walks all of them.
_UNREAD = f"CASE WHEN {_STATE} IN ('approved', 'denied', 'lapsed') THEN 0 ELSE q % 2 END"
_ADDRESS = "unhex('00000000000000000000ffff' || printf('%08x', 3405803776 - h % 8388608))"
_FILL_REQUESTS = (
    _ROWS
    + f"""
INSERT INTO requests (id, reference, reply_token, state, version, open_key, unread, opened_at, updated_at, sender_key,
  contact, domain, address_key, networks, address_source, client_key, proof, software_product, software_version, locale,
  subject, advice, advice_reasons, assignee_id, message_count, decided_at)
SELECT id, printf('%05d-%05d', i / 100000, i % 100000), printf('t%d', i), {_STATE}, 1, NULL,
  {_UNREAD}, opened,
  opened + (h % 864000) * 1000000,
  'a' || i || '@' || {_DOMAIN}, 'a' || i || '@' || {_DOMAIN}, {_DOMAIN}, {_ADDRESS}, '[]', 'rejection', {_ADDRESS},
  CASE WHEN q % 3 = 0 THEN 'none' ELSE 'client' END, {_SOFTWARE}, NULL, 'en', 'Undeliverable: order ' || h,
  {_ADVICE}, '[]', CASE WHEN q % 1000 = 3 THEN 1 + a % 5 END, 3,
  CASE WHEN {_STATE} IN ('approved', 'denied') THEN opened + (h % 864000) * 1000000 END FROM r
"""
)
_FILL_MESSAGES = (
    _ROWS
    + """
INSERT INTO messages (id, received_at, node, request_id, reference, rcpt_kind, recipients, reverse_path, sender_key,
  header_from, client_key, client_source, helo_name, tls, message_id_header, message_references, subject, size,
  disposition, reason, refused_key, address_source, rejection, locale, repeats)
SELECT r.id - 1000 + k, opened, 'n', r.id, printf('%05d-%05d', (i + k * :count) / 100000, (i + k * :count) % 100000),
  'bypass', '["bypass@example.com"]',
  'a' || i || '@shop.example', 'a' || i || '@shop.example', 'a' || i || '@shop.example', NULL, 'peer',
  'mail.shop.example', 0, '<' || i || '.' || k || '@shop.example>', '[]', 'Undeliverable: order ' || h, 4000,
  CASE WHEN k = 0 THEN 'answer' ELSE 'silent' END, CASE WHEN k > 0 THEN 'reply-limit' END, NULL, NULL,
  CASE WHEN k = 0 AND q % 10 < 7 THEN
    '{"code": 550, "enhanced": "5.7.1", "text": "appears to be dynamically assigned", "by": null, "cause": "dynamic",'
    || ' "ours": true}'
  END, 'en', 0
FROM r, (SELECT 0 AS k UNION ALL SELECT 1 UNION ALL SELECT 2)
"""
)
_FILL_OUTBOUND = (
    _ROWS
    + """
INSERT INTO outbound (id, kind, request_id, message_id, recipient, envelope_sender, message_id_header, template, locale,
  state, reason, attempts, created_at, due_at, give_up_at, settled_at)
SELECT id, 'reply', id, id - 1000, 'a' || i || '@shop.example', '', '<' || i || '@example.com>', 'answer', 'en',
  CASE WHEN s % 1000 = 0 THEN 'failed' WHEN s % 1000 = 1 THEN 'bounced' WHEN s % 5000 = 2 THEN 'cancelled'
    WHEN i > :count - 50 THEN 'queued' ELSE 'sent' END,
  NULL, 1, opened, opened, opened + 432000000000,
  CASE WHEN i <= :count - 50 OR s % 1000 < 2 OR s % 5000 = 2 THEN opened + (h % 60) * 1000000 END
FROM r
"""
)
_FILL_EXEMPTIONS = """
INSERT OR IGNORE INTO exemptions (id, request_id, family, first_key, last_key, prefix_length, reason, created_at,
  created_by, expires_at, revoked_at, revoked_by, last_used_at, uses)
SELECT id, id, 4, address_key, address_key, 32, 'static', decided_at, 'staff' || id % 7,
  decided_at + 31536000000000, CASE WHEN id % 20 = 0 THEN decided_at END, CASE WHEN id % 20 = 0 THEN 'staff1' END,
  CASE WHEN id % 3 > 0 THEN :now - (id % 50) * 86400000000 END, id % 3
FROM requests WHERE state = 'approved'
"""
_FILL_AUDIT = """
INSERT INTO audit (id, at, actor_kind, actor_id, subject_kind, subject_id, event, from_state, to_state, data)
SELECT id, decided_at, 'staff', 'staff' || id % 7, 'request', id, state, 'waiting', state, '{}'
FROM requests WHERE decided_at IS NOT NULL
"""
_FILL_FINDINGS = """
INSERT INTO findings (id, request_id, "check", subject, result, value, source, observed_at)
SELECT id, id, 'reverse-name', '', 'confirmed', 'mail.' || domain, 'dns', opened_at
FROM requests WHERE state = 'approved'
"""
_FILL_BLOCKED = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count / 100)
INSERT INTO blocked_senders (pattern, reason, created_at, created_by)
SELECT 'a' || i || '@abuse.example', 'abuse', :now, 'staff1' FROM n
"""
FILLING = {
    "requests": _FILL_REQUESTS,
    "messages": _FILL_MESSAGES,
    "outbound messages": _FILL_OUTBOUND,
    "exemptions": _FILL_EXEMPTIONS,
    "audit": _FILL_AUDIT,
    "findings": _FILL_FINDINGS,
    "blocked senders": _FILL_BLOCKED,
}


def fill(database: Path, count: int) -> None:
    """Store `count` requests, what belongs to them, and their words; indexes come last, which is quicker."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.create_function("unhex", 1, bytes.fromhex, deterministic=True)
    for pragma in ("synchronous=OFF", "cache_size=-400000", "temp_store=2"):
        connection.execute(f"PRAGMA {pragma}")
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        "AND tbl_name IN ('requests', 'messages', 'outbound')"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    begin = round(time.time() * 1e6) - count * 20_000_000
    base = first_id_at(SystemClock.now()) - count * 4_194_304 * 20_000
    for what, statement in FILLING.items():
        say(f"filling {what}")
        connection.execute("BEGIN")
        given = {"count": count, "base": base, "begin": begin, "now": begin + count * 20_000_000}
        connection.execute(statement, given)
        connection.execute("COMMIT")
    say("filling words")
    fill_words(connection)
    for number, (_, statement) in enumerate(indexes):
        say(f"index {number + 1} of {len(indexes)}")
        connection.execute(statement)
    connection.execute("INSERT INTO serials SELECT 'texts', max(id) FROM messages")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    say("")


def fill_words(connection: sqlite3.Connection) -> None:
    """Give each request the words of its row and sixty others, some of them common."""
    chosen = random.Random(7)  # the same words in each run
    vocabulary = [f"{chosen.choice(_BEGINNINGS)}{number:x}" for number in range(_WORDS)]
    weights = [1 / (number + 1) for number in range(_WORDS)]
    rows = connection.execute("SELECT id, contact, domain, subject, reference FROM requests")
    connection.execute("BEGIN")
    while batch := rows.fetchmany(_BATCH):
        words = chosen.choices(vocabulary, weights, k=60 * len(batch))
        texts = (
            (
                row[0],
                " ".join(
                    (
                        *split_words(" ".join(row[1:]), 50),
                        *domain_words(row[2]),
                        "refused",
                        *words[60 * number : 60 * number + 60],
                    )
                ),
            )
            for number, row in enumerate(batch)
        )
        connection.executemany("INSERT INTO request_texts (rowid, words) VALUES (?, ?)", texts)
    connection.execute("COMMIT")


_BEGINNINGS = ("ma", "pro", "ser", "net", "con", "de", "lin", "stat", "ro", "fa")


def say(text: str) -> None:
    """Tell on a terminal what goes on."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def cases(connection: Connection) -> Iterator[tuple[str, RequestFilter, int]]:
    """Give what is measured: a name, a filter, and how deep into the list."""
    some = connection.execute(select(requests).limit(1).offset(4321)).mappings().one()
    network = parse_network("203.0.113.0/24")
    everything: tuple[()] = ()
    yield "first page, open", RequestFilter(), 0
    yield "first page, all states", RequestFilter(states=everything), 0
    yield "deep page, open", RequestFilter(), 60_000
    yield "deep page, all states", RequestFilter(states=everything), 500_000
    yield "quoted", RequestFilter(quoted=True), 0
    yield "not quoted", RequestFilter(quoted=False), 0
    yield "not quoted, deep", RequestFilter(quoted=False), 10_000
    yield "one address", RequestFilter(address=parse_network(str(key_to_ip(some["address_key"]))), states=everything), 0
    yield "a /24", RequestFilter(address=network, states=everything), 0
    yield "a /12", RequestFilter(address=parse_network("202.160.0.0/12")), 0
    yield "a domain of few", RequestFilter(domain=some["domain"], states=everything), 0
    yield "the domain of 5%", RequestFilter(domain=BUSY_DOMAIN), 0
    yield "the domain of 5%, deep", RequestFilter(domain=BUSY_DOMAIN), 4_000
    yield "the domain of all", RequestFilter(domain="example"), 0
    yield "contact", RequestFilter(contact=some["contact"], states=everything), 0
    yield "software, common", RequestFilter(software="exchange"), 0
    yield "software, rare", RequestFilter(software="domino"), 0
    yield "software, unheard of", RequestFilter(software="haraka", states=everything), 0
    yield "assignee", RequestFilter(assignee_id=4), 0
    yield "advice", RequestFilter(advice="static"), 0
    yield "unread", RequestFilter(unread=True), 0
    yield "since a day", RequestFilter(since=some["opened_at"]), 0
    yield "two filters", RequestFilter(software="postfix", advice="dynamic", quoted=True), 0
    yield "text, in all", RequestFilter(text="refused"), 0
    yield "text, beginning in all", RequestFilter(text="refu"), 0
    yield "text, two letters", RequestFilter(text="ma"), 0
    yield "text, three words", RequestFilter(text="refused order pro"), 0
    yield "text, rare", RequestFilter(text=some["contact"], states=everything), 0
    yield "text, in none", RequestFilter(text="xyzzy", states=everything), 0
    yield "text and software", RequestFilter(text="refused", software="domino"), 0


def measure(database: Path) -> list[tuple[str, float, float, float, str]]:
    """Give of each case its name, the median milliseconds of a page, the processor and a count, and that count."""
    engine = make_engine(f"sqlite:///{database}")
    queue = Queue(engine, clock=SystemClock())
    with engine.connect() as connection:
        wanted = [(name, each, start_of(connection, each, depth)) for name, each, depth in cases(connection)]
    measured = []
    for name, each, after in wanted:
        page, used = median(partial(queue.list, each, after=after))
        counting, _ = median(partial(queue.count, each))
        measured.append((name, page, used, counting, str(queue.count(each))))
    reference = queue.list(RequestFilter()).rows[0]["reference"]
    measured.append(("one request", *median(partial(queue.show, reference)), 0.0, "1"))
    engine.dispose()
    return measured


def start_of(connection: Connection, wanted: RequestFilter, depth: int) -> str | None:
    """Give the reference behind which a page begins that lies so deep in the list without other filters.

    Args:
        connection: where to read.
        wanted: which states the list has.
        depth: in rows, where there are a million.
    """
    if not depth:
        return None
    depth = depth * connection.execute(select(func.count()).select_from(requests)).scalar_one() // REQUESTS
    query = select(requests.c.reference).order_by(requests.c.updated_at.desc(), requests.c.id.desc())
    if wanted.states:
        query = query.where(requests.c.state.in_(wanted.states))
    found: str = connection.execute(query.limit(1).offset(depth)).scalar_one()
    return found


def main() -> int:
    """Fill, measure, print; give 1 where a page took longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue", description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many (%(default)s)")
    parser.add_argument("--database", type=Path, help="fill this file, or measure it where it is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-queue-") as folder:
        database = arguments.database or Path(folder, "responder.db")
        if not database.exists():
            engine = make_engine(f"sqlite:///{database}")
            migrate.upgrade(engine)
            engine.dispose()
            fill(database, arguments.requests)
        measured = measure(database)
        whole = measure_pages(database)
        size = database.stat().st_size / 1e9
    title = f"The queue, {arguments.requests:,} requests, {3 * arguments.requests:,} messages, {size:.1f} GB: median ms"
    rows = [(name, f"{page:.1f}", f"{used:.1f}", f"{count:.1f}", found) for name, page, used, count, found in measured]
    show(title, ("what", "page of 50", "of that, processor", "count", "found"), rows)
    title = "The pages, asked over HTTP by somebody signed in: median ms"
    show(title, ("page", "until it is there", "of that, processor"), [(n, f"{t:.1f}", f"{u:.1f}") for n, t, u in whole])
    slow = [name for name, taken, *_ in (*measured, *whole) if taken >= LIMIT_MS]
    if slow:
        print(f"slower than {LIMIT_MS:.0f} ms: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
