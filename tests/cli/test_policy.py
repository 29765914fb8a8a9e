"""`policy test`: the answer of the service, with every step that led to it."""

import json
from datetime import timedelta
from ipaddress import ip_address

import pytest
from click.testing import CliRunner

from responder.app.database import open_database
from responder.cli.root import root
from responder.services.clock import SystemClock
from responder.services.refusals import Refusals
from responder.settings import load
from responder.storage.writer import Writer
from tests.support.exemptions import exempt
from tests.support.ports import free_port
from tests.support.running import write_settings


@pytest.fixture
def config(tmp_path):
    return write_settings(
        tmp_path / "responder.toml",
        {
            "data_dir": str(tmp_path),
            "smtp.hostname": "mx.example.com",
            "blocklists": [],
            "dns.nameservers": [f"127.0.0.1:{free_port()}"],
            "dns.timeout_seconds": 0.2,
            "policy.dynamic_networks": ["203.0.113.0/24"],
        },
    )


@pytest.fixture
def engine(config):
    engine = open_database(load(config, {}).settings, migrates=True)
    yield engine
    engine.dispose()


def run(config, *arguments):
    return CliRunner().invoke(root, ["--config", str(config), "policy", "test", *arguments])


def test_it_tells_each_step_and_the_answer(config, engine):
    done = run(config, "203.0.113.9")
    assert done.exit_code == 0
    assert "dynamic-network  yes      203.0.113.0/24" in done.stdout
    assert "exempt           no       no exemption in force" in done.stdout
    assert "action  550 5.7.1 Your IP address 203.0.113.9 appears to be dynamically assigned." in done.stdout


def test_programs_get_one_object(config, engine):
    exempt(engine, "203.0.113.8/29")
    told = json.loads(run(config, "203.0.113.9", "--json").stdout)
    assert set(told) == {"address", "recipient", "ground", "action", "steps"}
    assert (told["ground"], told["action"], told["recipient"]) == ("exempt", "DUNNO", "somebody@example.com")
    steps = {step["ground"]: step for step in told["steps"]}
    assert steps["exempt"]["detail"].startswith("exemption ")
    assert " of 203.0.113.8/29 until " in steps["exempt"]["detail"]
    assert steps["dynamic-network"]["holds"] is True


def test_the_recipient_decides_first(config, engine):
    told = json.loads(run(config, "203.0.113.9", "--recipient", "bypass@example.com", "--json").stdout)
    assert (told["ground"], told["action"]) == ("bypass", "DUNNO")


@pytest.mark.parametrize("arguments", [("203.0.113",), ("203.0.113.9", "--recipient", "a b@c"), ()])
def test_what_cannot_be_asked_is_told_as_wrong_usage(config, engine, arguments):
    done = run(config, *arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr


def test_without_a_database_one_line_says_what_to_do(config):
    done = run(config, "203.0.113.9")
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert "db upgrade" in done.stderr


def refuse(engine, client, sender):
    writer = Writer(engine)
    writer.start()
    refusals = Refusals(writer, SystemClock(), remember_for=timedelta(days=30))
    reference = refusals.note(ip_address(client), sender)
    refusals.flush()
    writer.stop()
    return reference


def test_refusals_are_found_by_reference_address_and_sender(config, engine, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    first = refuse(engine, "203.0.113.9", "ann@shop.example")
    second = refuse(engine, "198.51.100.7", "bob+lists@else.example")

    def listed(*arguments):
        done = CliRunner().invoke(root, ["--config", str(config), "policy", "refusals", "--json", *arguments])
        assert done.exit_code == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    assert [one["reference"] for one in listed()] == [second, first]
    (found,) = listed("--reference", first.lower())
    assert set(found) == {"id", "at", "address", "sender", "reference"}
    assert (found["address"], found["sender"]) == ("203.0.113.9", "ann@shop.example")
    assert [one["reference"] for one in listed("--address", "203.0.113.0/24")] == [first]
    assert [one["reference"] for one in listed("--sender", "Bob@ELSE.example")] == [second]
    assert [one["reference"] for one in listed("--limit", "1")] == [second]
    shown = CliRunner().invoke(root, ["--config", str(config), "policy", "refusals"]).stdout
    assert first in shown
    assert "ann@shop.example" in shown
