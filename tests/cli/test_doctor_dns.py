"""`responder doctor` and the lists: one that does not serve us, is gone, or lists everybody is told by its name."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from responder.cli.root import root
from tests.support.dns_servers import nsd, rbldnsd, relay
from tests.support.nameserver import nameserver
from tests.support.running import write_settings

KEY = "s3cr3tkey0123456789abcdefg"
LISTS = {
    f"{KEY}.good.example": "$DATASET ip4set:a @\n:127.0.0.10:x\n127.0.0.2\n203.0.113.0/24\n",
    "closed.example": "$DATASET ip4set:a @\n:127.255.255.254:x\n127.0.0.0/24\n",
    "empty.example": "$DATASET ip4set:a @\n:127.0.0.2:x\n203.0.113.0/24\n",
}
WANTED = {
    "Good": ("ok", "answers as a list should"),
    "Closed": ("failed", "does not serve this resolver"),
    "Lying": ("failed", "does not serve this resolver"),
    "Empty": ("failed", "does not list 127.0.0.2"),
    "Everybody": ("failed", "lists 127.0.0.1, hence everybody"),
    "Refused": ("warning", "is refused to this resolver"),
    "Broken": ("warning", "cannot be asked"),
    "Dead": ("warning", "does not answer in time"),
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ExitStack() as stack:
        lists = stack.enter_context(rbldnsd(LISTS))
        zones = stack.enter_context(nsd({"lying.example": "* A 192.0.2.80\n", "everybody.example": "* A 127.0.0.2\n"}))
        dead = stack.enter_context(nameserver(is_dead=True))
        broken = stack.enter_context(nameserver(rcodes={"": "SERVFAIL"}))
        routes = {"": zones, "dead.example": dead.port, "broken.example": broken.port}
        routes |= dict.fromkeys(("good.example", "closed.example", "empty.example"), lists)
        yield stack.enter_context(relay(routes)).port


def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *nameservers: str) -> list[dict[str, str]]:
    monkeypatch.chdir(tmp_path)
    zones = {name: f"{name.lower()}.example" for name in WANTED} | {"Good": f"{KEY}.good.example"}
    settings = {
        "smtp.listen": ["127.0.0.1:0"],
        "dns.nameservers": list(nameservers),
        "dns.timeout_seconds": 1,
        "blocklists": [{"name": name, "zone": zone} for name, zone in zones.items()],
    }
    config = write_settings(tmp_path / "responder.toml", settings)
    done = CliRunner().invoke(root, ["--config", str(config), "doctor", "--json"])
    assert done.exit_code == 1, done.output
    assert KEY not in done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_list_is_judged(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    found = doctor(tmp_path, monkeypatch, f"127.0.0.1:{port}")
    assert [one["verdict"] for one in found if one["part"] == "dns"] == ["ok"]
    texts = {one["text"].split()[0]: one for one in found if one["part"] == "list"}
    assert {name: one["verdict"] for name, one in texts.items()} == {name: want for name, (want, _) in WANTED.items()}
    assert all(words in texts[name]["text"] for name, (_, words) in WANTED.items())


@pytest.mark.parametrize("behaviour", [{"is_dead": True}, {"rcodes": {"": "SERVFAIL"}}])
def test_a_resolver_that_does_not_work_is_no_fault_of_the_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: dict[str, object]
):
    with nameserver(**behaviour) as server:
        found = doctor(tmp_path, monkeypatch, f"127.0.0.1:{server.port}")
    assert [one["verdict"] for one in found if one["part"] == "dns"] == ["warning"]
    assert [one for one in found if one["part"] == "list"] == []
