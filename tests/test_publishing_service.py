"""The service keeps the files of exemptions: a decision made by another process is in them a moment later."""

from pathlib import Path

from responder.services.exports.published import read_networks
from responder.storage.engine import make_engine
from tests.support.exports import add_exemptions
from tests.support.running import running
from tests.support.waiting import wait_until

SETTINGS = {
    "export.formats": ["postfix-cidr", "rbldnsd"],
    "export.directory": "published",
    "export.every_seconds": 3600,
}


def test_a_decision_is_published_long_before_the_interval_ends(tmp_path: Path) -> None:
    with running(tmp_path, SETTINGS, arguments=["--only", "worker"]) as service:
        file = tmp_path / "data/published/postfix-cidr"
        wait_until(file.exists, "the first file")
        assert list(read_networks(file, "postfix-cidr")) == []
        engine = make_engine(f"sqlite:///{tmp_path}/data/responder.db")
        add_exemptions(engine, "192.0.2.7")
        engine.dispose()
        wait_until(
            lambda: [str(one) for one in read_networks(file, "postfix-cidr")] == ["192.0.2.7/32"], "the decision"
        )
        service.wait_for(r"published format=rbldnsd entries=1")
        assert service.stop() == 0
    assert sorted(path.name for path in file.parent.iterdir()) == ["postfix-cidr", "rbldnsd"]
