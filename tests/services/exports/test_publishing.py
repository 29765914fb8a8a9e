"""Files of exemptions: right after each decision, replaced whole, and kept when a list breaks off."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from responder.domain.address import parse_network
from responder.services.exports import FORMATS
from responder.services.exports.on_demand import ExportServer, read_state
from responder.services.exports.published import Difference, find_deviations, read_networks
from responder.services.exports.publishing import Outcome, Publication, Publisher, PublishingTerms, replace_file
from responder.services.review_actions import Approve
from responder.storage.exported import read_exempt
from responder.storage.schema import exemptions
from responder.storage.serials import EXEMPTIONS, raise_serial
from tests.support.clock import FakeClock
from tests.support.exports import add_exemptions
from tests.support.review import ANN, Office

NETWORKS = ("192.0.2.7", "198.51.100.0/29", "2001:db8:1::/64")
CIDR, JSON = "postfix-cidr", "json"


def make_publisher(engine: Engine, folder: Path, clock: FakeClock | None = None, **terms) -> Publisher:
    given = {"formats": (CIDR, JSON), "every_seconds": 30, "max_shrink_percent": 50} | terms
    return Publisher(engine, clock or FakeClock(), PublishingTerms(folder=folder, **given))


def revoke_all(engine: Engine, *networks: str) -> None:
    with engine.execution_options(write=True).begin() as connection:
        keys = [parse_network(text).network_address for text in networks]
        rows = [each.id for each in read_exempt(connection, datetime.now(UTC)) if each.network.network_address in keys]
        connection.execute(update(exemptions).where(exemptions.c.id.in_(rows)).values(revoked_at=datetime.now(UTC)))
        raise_serial(connection, EXEMPTIONS)


def published(folder: Path, name: str = CIDR) -> list[str]:
    return [str(network) for network in read_networks(folder / name, name)]


def test_what_is_exempt_is_read_in_order_whatever_the_batch(engine: Engine) -> None:
    now = datetime.now(UTC)
    add_exemptions(engine, "2001:db8:1::/64", "198.51.100.0/30", "192.0.2.7", "198.51.100.0/29", "198.51.100.1")
    add_exemptions(engine, "192.0.2.8", expires_at=now - timedelta(seconds=1))
    add_exemptions(engine, "192.0.2.9", revoked_at=now)
    add_exemptions(engine, "192.0.2.10", expires_at=now)
    wanted = ["192.0.2.7/32", "198.51.100.0/29", "198.51.100.0/30", "198.51.100.1/32", "2001:db8:1::/64"]
    with engine.connect() as connection:
        for batch in (1, 2, 5, 100):
            assert [str(each.network) for each in read_exempt(connection, now, batch=batch)] == wanted


def test_files_appear_whole_and_readable_by_all(engine: Engine, tmp_path: Path) -> None:
    add_exemptions(engine, *NETWORKS)
    made = make_publisher(engine, tmp_path / "out").publish()
    assert made == [Publication(name, Outcome.WRITTEN, 0, 3) for name in (CIDR, JSON)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [JSON, CIDR]
    assert (tmp_path / "out" / CIDR).stat().st_mode & 0o777 == 0o644
    assert published(tmp_path / "out") == ["192.0.2.7/32", "198.51.100.0/29", "2001:db8:1::/64"]


def test_a_file_is_replaced_only_when_it_changes(engine: Engine, tmp_path: Path) -> None:
    add_exemptions(engine, *NETWORKS)
    publisher = make_publisher(engine, tmp_path)
    publisher.publish()
    before = (tmp_path / CIDR).stat()
    assert publisher.publish() == [Publication(name, Outcome.UNCHANGED) for name in (CIDR, JSON)]
    assert (tmp_path / CIDR).stat() == before


def test_a_decision_is_published_at_once_and_nothing_between(engine: Engine, tmp_path: Path) -> None:
    clock = FakeClock()
    publisher = make_publisher(engine, tmp_path, clock)
    publisher.publish_due()
    assert published(tmp_path) == []
    add_exemptions(engine, *NETWORKS)
    publisher.publish_due()
    assert len(published(tmp_path)) == 3
    before = (tmp_path / CIDR).stat()
    publisher.publish_due()
    assert (tmp_path / CIDR).stat() == before
    revoke_all(engine, "192.0.2.7")
    publisher.publish_due()
    assert published(tmp_path) == ["198.51.100.0/29", "2001:db8:1::/64"]


def test_what_was_changed_by_hand_is_mended_within_the_interval(engine: Engine, tmp_path: Path) -> None:
    add_exemptions(engine, *NETWORKS)
    clock = FakeClock()
    publisher = make_publisher(engine, tmp_path, clock)
    publisher.publish_due()
    (tmp_path / CIDR).write_text("0.0.0.0/0 OK\n")
    (tmp_path / JSON).unlink()
    publisher.publish_due()
    assert published(tmp_path) == ["0.0.0.0/0"]
    clock.advance(seconds=30)
    publisher.publish_due()
    assert len(published(tmp_path)) == len(published(tmp_path, JSON)) == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where the clock is ours to advance
def test_an_exemption_that_ends_is_gone_at_once(engine: Engine, tmp_path: Path) -> None:
    clock = FakeClock()
    add_exemptions(engine, "192.0.2.7", expires_at=clock.now() + timedelta(seconds=5))
    add_exemptions(engine, "192.0.2.8")
    publisher = make_publisher(engine, tmp_path, clock)
    publisher.publish_due()
    clock.advance(seconds=4)
    publisher.publish_due()
    assert published(tmp_path) == ["192.0.2.7/32", "192.0.2.8/32"]
    clock.advance(seconds=1)
    publisher.publish_due()
    assert published(tmp_path) == ["192.0.2.8/32"]


def test_a_list_that_broke_off_is_not_published(engine: Engine, tmp_path: Path, caplog) -> None:
    networks = [f"192.0.2.{number}" for number in range(30)]
    add_exemptions(engine, *networks)
    publisher = make_publisher(engine, tmp_path)
    publisher.publish()
    revoke_all(engine, *networks[:16])
    caplog.set_level("INFO")
    assert publisher.publish() == [Publication(name, Outcome.REFUSED, 30, 14) for name in (CIDR, JSON)]
    publisher.publish()
    assert [record.message for record in caplog.records] == ["not-published"] * 2  # once for each file
    assert len(published(tmp_path)) == 30
    assert publisher.publish(force=True) == [Publication(name, Outcome.WRITTEN, 30, 14) for name in (CIDR, JSON)]
    assert len(published(tmp_path)) == 14


def test_half_of_a_list_or_a_few_entries_may_go(engine: Engine, tmp_path: Path) -> None:
    networks = [f"192.0.2.{number}" for number in range(30)]
    add_exemptions(engine, *networks)
    publisher = make_publisher(engine, tmp_path)
    publisher.publish()
    revoke_all(engine, *networks[:15])
    assert publisher.publish()[0] == Publication(CIDR, Outcome.WRITTEN, 30, 15)
    revoke_all(engine, *networks[15:25])
    assert publisher.publish()[0] == Publication(CIDR, Outcome.WRITTEN, 15, 5)


def test_without_a_limit_all_may_go(engine: Engine, tmp_path: Path) -> None:
    networks = [f"192.0.2.{number}" for number in range(30)]
    add_exemptions(engine, *networks)
    publisher = make_publisher(engine, tmp_path, max_shrink_percent=0)
    publisher.publish()
    revoke_all(engine, *networks)
    assert publisher.publish()[0] == Publication(CIDR, Outcome.WRITTEN, 30, 0)


def test_a_folder_that_cannot_be_written_is_told_once_an_interval(engine: Engine, tmp_path: Path, caplog) -> None:
    clock = FakeClock()
    (tmp_path / "file").touch()
    publisher = make_publisher(engine, tmp_path / "file", clock)
    for _ in range(3):
        publisher.publish_due()
    assert [record.message for record in caplog.records] == ["publishing-failed"]
    clock.advance(seconds=30)
    (tmp_path / "file").unlink()
    publisher.publish_due()
    assert published(tmp_path / "file") == []
    assert (tmp_path / "file" / CIDR).exists()


def test_what_a_crash_left_is_replaced(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / f".{CIDR}.new").write_text("0.0.0.0/0 OK\n")
    make_publisher(engine, tmp_path).publish()
    assert sorted(path.name for path in tmp_path.iterdir()) >= [JSON, CIDR]
    assert not (tmp_path / f".{CIDR}.new").exists()


def test_a_link_laid_in_the_way_is_not_followed(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (tmp_path / f".{CIDR}.new").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match=r"symbolic links"):
        make_publisher(engine, tmp_path).publish()
    assert (tmp_path / "precious").read_text() == "kept"


def test_whoever_reads_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path, stopping = tmp_path / "list", threading.Event()
    versions = [bytes([letter]) * 100_000 for letter in b"ab"]
    replace_file(path, [versions[0]])
    seen: set[bytes] = set()

    def look() -> None:
        while not stopping.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(50):
        replace_file(path, [versions[number % 2][:50_000], versions[number % 2][50_000:]])
    stopping.set()
    reader.join()
    assert seen <= set(versions)


def deviations(engine: Engine, folder: Path, name: str = CIDR) -> list[tuple[Difference, str | None]]:
    with engine.connect() as connection:
        state = read_state(connection, datetime.now(UTC))
        found = list(find_deviations(connection, name, state, folder / name))
    assert all(deviation.name == name for deviation in found)
    return [(each.difference, each.network and str(each.network)) for each in found]


def test_every_difference_is_named(engine: Engine, tmp_path: Path) -> None:
    add_exemptions(engine, *NETWORKS)
    assert deviations(engine, tmp_path) == [(Difference.NO_FILE, None)]
    make_publisher(engine, tmp_path).publish()
    assert deviations(engine, tmp_path) == []
    revoke_all(engine, "198.51.100.0/29")
    add_exemptions(engine, "192.0.2.99")
    assert deviations(engine, tmp_path) == [
        (Difference.MISSING, "192.0.2.99/32"),
        (Difference.LEFT_OVER, "198.51.100.0/29"),
    ]
    make_publisher(engine, tmp_path).publish()
    text = (tmp_path / CIDR).read_text()
    (tmp_path / CIDR).write_text(text.replace("OK", "REJECT"))
    assert deviations(engine, tmp_path) == [(Difference.TEXT, None)]


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_is_served_with_a_tag_that_changes_with_it(engine: Engine, name: str) -> None:
    add_exemptions(engine, *NETWORKS)
    server = ExportServer(engine, FakeClock())
    first = server.serve_export(name)
    assert len(list(FORMATS[name].read(first.content.decode().splitlines(keepends=True)))) >= 3
    assert not first.is_unchanged
    for field in (first.etag, f"W/{first.etag}", f'"other", {first.etag}', "*"):
        again = server.serve_export(name, field)
        assert (again.is_unchanged, again.etag, again.content) == (True, first.etag, b"")
    assert server.serve_export(name, '"other"') == first
    assert ExportServer(engine, FakeClock()).serve_export(name).etag == first.etag
    add_exemptions(engine, "192.0.2.99")
    changed = server.serve_export(name, first.etag)
    assert not changed.is_unchanged
    assert changed.etag != first.etag


def test_only_what_changed_is_written_out_again(engine: Engine) -> None:
    server = ExportServer(engine, FakeClock())
    first = server.serve_export(CIDR)
    assert server.serve_export(CIDR) is first


def test_there_is_no_other_export(engine: Engine) -> None:
    with pytest.raises(KeyError):
        ExportServer(engine, FakeClock()).serve_export("../etc/passwd")


def test_what_staff_approve_is_published_and_what_they_revoke_is_gone(engine: Engine, tmp_path: Path) -> None:
    office = Office(engine)
    try:
        publisher = make_publisher(engine, tmp_path)
        publisher.publish_due()
        reference = office.plead()
        office.review.decide(reference, Approve(), ANN)
        publisher.publish_due()
        (exemption,) = office.exempt()
        (network,) = published(tmp_path)
        assert f"request {reference}\n{network.removesuffix('/32')} OK\n" in (tmp_path / CIDR).read_text()
        office.exemptions.revoke(exemption.id, ANN)
        publisher.publish_due()
        assert published(tmp_path) == []
    finally:
        office.close()
