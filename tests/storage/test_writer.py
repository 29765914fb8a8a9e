"""What many threads hand in is committed together, and one fault or outage harms only what it must."""

import fcntl
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from responder.storage.engine import make_engine
from responder.storage.errors import StorageUnavailable
from responder.storage.writer import Writer
from tests.support.postgres import running_cluster

SECONDS = 20


only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def engine(open_engine):
    engine = open_engine(busy_timeout_seconds=1)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE notes (note TEXT PRIMARY KEY)"))
    return engine


@pytest.fixture
def writer(engine):
    writer = Writer(engine, lock_timeout_seconds=1)
    yield writer
    writer.stop()


def put(connection, notes):
    connection.execute(text("INSERT INTO notes VALUES (:note)"), [{"note": note} for note in notes])
    return [f"stored {note}" for note in notes]


def notes_in(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.execute(text("SELECT note FROM notes")).scalars())


def commits_of(engine: Engine) -> list[str]:
    commits: list[str] = []
    event.listen(engine, "commit", lambda _: commits.append("commit"))
    return commits


def test_what_waits_is_one_call_of_the_handler_and_one_commit(engine, writer):
    calls, commits = [], commits_of(engine)

    def handler(connection, items):
        calls.append(list(items))
        return put(connection, items)

    futures = [writer.submit(handler, note) for note in "abc"]
    writer.start()
    assert [future.result(SECONDS) for future in futures] == ["stored a", "stored b", "stored c"]
    assert calls == [["a", "b", "c"]]
    assert commits == ["commit"]


def test_what_is_expected_is_waited_for(engine, writer, monkeypatch):
    monkeypatch.setattr("responder.storage.writer._LONGEST_GATHERING_SECONDS", SECONDS)
    commits = commits_of(engine)
    writer.expect(1)
    futures = [writer.submit(put, "a")]
    writer.start()
    writer.expect(-1)
    futures.append(writer.submit(put, "b"))
    assert [future.result(SECONDS) for future in futures] == ["stored a", "stored b"]
    assert commits == ["commit"]


def test_what_is_expected_and_never_comes_holds_up_nothing(writer):
    writer.expect(1)
    writer.start()
    assert writer.submit(put, "a").result(SECONDS) == "stored a"


def test_what_can_wait_goes_along_with_what_comes_next(engine, writer, monkeypatch):
    monkeypatch.setattr("responder.storage.writer._PATIENCE_SECONDS", SECONDS)
    order, commits = [], commits_of(engine)
    patient = writer.run(lambda _: order.append("patient"), can_wait=True)
    writer.start()
    urgent = writer.run(lambda _: order.append("urgent"))
    assert [future.result(SECONDS / 2) for future in (patient, urgent)] == [None, None]
    assert order == ["patient", "urgent"]
    assert commits == ["commit"]


def test_what_can_wait_is_committed_when_nothing_comes(writer):
    writer.start()
    assert writer.run(lambda _: "done", can_wait=True).result(SECONDS) == "done"


def test_different_work_keeps_its_order_within_one_commit(engine, writer):
    order, commits = [], commits_of(engine)

    def handler(connection, items):
        order.extend(items)
        return items

    futures = [
        writer.submit(handler, "first"),
        writer.run(lambda _: order.append("second")),
        writer.submit(handler, "third"),
    ]
    writer.start()
    assert [future.result(SECONDS) for future in futures] == ["first", None, "third"]
    assert order == ["first", "second", "third"]
    assert commits == ["commit"]


def test_nobody_sees_a_batch_before_its_commit(engine, writer):
    seen = []

    def look(connection):
        put(connection, ["half"])
        connection.execute(text("SAVEPOINT inside"))
        put(connection, ["done"])
        connection.execute(text("RELEASE SAVEPOINT inside"))
        seen.append(notes_in(engine))

    future = writer.run(look)
    writer.start()
    future.result(SECONDS)
    assert seen == [[]]
    assert notes_in(engine) == ["done", "half"]


def test_a_future_is_done_only_after_the_commit(engine, writer):
    seen = []
    future = writer.submit(put, "a")
    future.add_done_callback(lambda _: seen.append(notes_in(engine)))
    writer.start()
    future.result(SECONDS)
    writer.stop()
    assert seen == [["a"]]


def test_only_the_faulty_item_of_a_batch_fails(engine, writer):
    futures = [writer.submit(put, note) for note in ("a", "b", "b", "c")]
    futures.append(writer.run(lambda _: 1 / 0))
    writer.start()
    assert [type(future.exception(SECONDS)).__name__ for future in futures] == [
        "NoneType",
        "NoneType",
        "IntegrityError",
        "NoneType",
        "ZeroDivisionError",
    ]
    assert notes_in(engine) == ["a", "b", "c"]
    assert writer.submit(put, "d").result(SECONDS) == "stored d"


def test_a_handler_that_forgets_an_item_stores_nothing(engine, writer):
    writer.start()
    with pytest.raises(RuntimeError, match="one result for each item"):
        writer.submit(lambda connection, items: put(connection, items)[1:], "a").result(SECONDS)
    assert notes_in(engine) == []


def test_what_was_cancelled_in_time_is_not_stored(engine, writer):
    kept, cancelled = writer.submit(put, "kept"), writer.submit(put, "cancelled")
    assert cancelled.cancel()
    writer.start()
    kept.result(SECONDS)
    with pytest.raises(CancelledError):
        cancelled.result(SECONDS)
    assert notes_in(engine) == ["kept"]


def test_stop_commits_what_waits_and_refuses_the_rest(engine, writer):
    futures = [writer.submit(put, f"{number:04}") for number in range(1_200)]
    writer.start()
    writer.stop()
    assert all(future.done() for future in futures)
    assert len(notes_in(engine)) == 1_200
    with pytest.raises(StorageUnavailable):
        writer.submit(put, "late").result(0)


def test_many_threads_lose_nothing(engine, writer):
    writer.start()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: writer.submit(put, f"{n:03}").result(SECONDS), range(400)))
    assert len(set(results)) == 400
    assert len(notes_in(engine)) == 400


def test_a_lock_kept_by_another_fails_all_that_wait_and_passes(engine, writer, open_engine, caplog):
    holder = open_engine().connect().execution_options(write=True)
    lock = "INSERT INTO notes VALUES ('held')" if engine.dialect.name == "sqlite" else "LOCK TABLE notes"
    holder.execute(text(lock))
    futures = [writer.submit(put, f"{number:04}") for number in range(1_100)]
    with caplog.at_level("INFO", "responder"):
        writer.start()
        failures = {type(future.exception(SECONDS)) for future in futures}
        assert failures == {StorageUnavailable}
        holder.rollback()
        holder.close()
        assert writer.submit(put, "after").result(SECONDS) == "stored after"
    assert notes_in(engine) == ["after"]
    assert [record.message for record in caplog.records if record.name == "responder"] == [
        "storage-trouble",
        "storage-recovered",
    ]


@only_sqlite
def test_a_full_disk_fails_the_batch_and_room_lets_it_go_on(engine, writer):
    pages = {"most": 20}
    engine.dispose()
    event.listen(
        engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count = {pages['most']}")
    )
    futures = [writer.submit(put, f"{number:04}" * 1_000) for number in range(40)]
    writer.start()
    assert {type(future.exception(SECONDS)) for future in futures} == {StorageUnavailable}
    assert notes_in(engine) == []
    pages["most"] = 1_000
    assert writer.submit(put, "after").result(SECONDS) == "stored after"
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@only_postgresql
def test_a_killed_server_connection_fails_one_batch_at_most(writer, engine):
    writer.start()

    def die(connection):
        put(connection, ["lost"])
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with engine.connect() as other:
            other.execute(text(f"SELECT pg_terminate_backend({backend})"))
        connection.execute(text("SELECT 1"))

    with pytest.raises(StorageUnavailable):
        writer.run(die).result(SECONDS)
    assert writer.submit(put, "after").result(SECONDS) == "stored after"
    assert notes_in(engine) == ["after"]


def test_a_server_that_crashed_keeps_what_was_stored_and_the_writer_goes_on():
    with running_cluster() as cluster, cluster.database() as url:
        engine = make_engine(url, busy_timeout_seconds=1)
        writer = Writer(engine)
        writer.start()
        writer.run(lambda connection: connection.execute(text("CREATE TABLE notes (note TEXT)")) and None).result(
            SECONDS
        )
        assert writer.submit(put, "before").result(SECONDS) == "stored before"
        cluster.stop("immediate")
        with pytest.raises(StorageUnavailable):
            writer.submit(put, "meanwhile").result(SECONDS)
        cluster.start()
        assert writer.submit(put, "after").result(SECONDS) == "stored after"
        writer.stop()
        assert notes_in(engine) == ["after", "before"]
        engine.dispose()


@only_postgresql
def test_nodes_that_collide_both_store_in_the_end(engine, writer, open_engine):
    other = Writer(open_engine())
    meet = threading.Barrier(2)
    attempts = []

    def insert_once(connection):
        attempts.append(connection)
        missing = connection.execute(text("SELECT 1 FROM notes WHERE note = 'one'")).scalar() is None
        if len(attempts) <= 2:
            meet.wait(SECONDS)
        if missing:
            put(connection, ["one"])
        return missing

    futures = [node.run(insert_once) for node in (writer, other)]
    for node in (writer, other):
        node.start()
    assert sorted(future.result(SECONDS) for future in futures) == [False, True]
    other.stop()


@only_sqlite
@pytest.mark.parametrize("name", ["gate", "lock"])
def test_processes_take_turns_by_the_lock_files(writer, engine, name):
    path = Path(f"{engine.url.database}.{name}")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer.start()
        with pytest.raises(StorageUnavailable):
            writer.submit(put, "a").result(SECONDS)
    assert writer.submit(put, "b").result(SECONDS) == "stored b"


@only_sqlite
def test_the_next_process_can_pass_the_gate_while_one_writes(writer, engine):
    def pass_gate(_):
        with Path(f"{engine.url.database}.gate").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with Path(f"{engine.url.database}.lock").open("w") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    writer.start()
    writer.run(pass_gate).result(SECONDS)


def test_a_reader_does_not_hold_up_the_writer(engine, writer, open_engine):
    with open_engine().connect() as reader:
        assert reader.execute(text("SELECT * FROM notes")).all() == []
        writer.start()
        assert writer.submit(put, "a").result(SECONDS) == "stored a"
        assert reader.in_transaction()
