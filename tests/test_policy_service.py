"""The policy service as a process of its own: what it answers while settings, exemptions and the database change."""

import asyncio
import signal
import smtplib
import urllib.request

import pytest

from responder.storage.engine import make_engine
from tests.support.exemptions import exempt
from tests.support.policy import Asker
from tests.support.running import running, write_settings
from tests.support.waiting import wait_until

DYNAMIC = {"blocklists": [], "policy.dynamic_networks": ["203.0.113.0/24"]}


@pytest.fixture
def service(tmp_path):
    with running(tmp_path, DYNAMIC, arguments=["--only", "policy"]) as one:
        yield one


def ask(service, **attributes):
    port = int(service.wait_for(r" listening face=policy address=\S+:(\d+)")[1])

    async def scenario():
        asker = await Asker.connect(port)
        try:
            return await asker.ask(**attributes)
        finally:
            await asker.close()

    return asyncio.run(scenario())


def passes(service, client):
    return ask(service, client_address=client) == "DUNNO"


def test_an_exemption_is_in_force_without_a_word_to_the_service_and_outlives_the_database(service):
    database = service.folder / "data/responder.db"
    assert ask(service, client_address="203.0.113.9").startswith("550 5.7.1 Your IP address 203.0.113.9 ")
    engine = make_engine(f"sqlite:///{database}")
    exempt(engine, "203.0.113.8/29")
    engine.dispose()
    wait_until(lambda: passes(service, "203.0.113.9"), "the exemption")

    database.rename(database.with_suffix(".away"))
    service.wait_for(r"storage-trouble what=exemptions")
    assert passes(service, "203.0.113.9")
    assert not passes(service, "203.0.113.77")
    assert ask(service, client_address="203.0.113.77", recipient="bypass@example.com") == "DUNNO"
    database.with_suffix(".away").rename(database)
    service.wait_for(r"storage-recovered what=exemptions")
    assert sum("storage-trouble what=exemptions" in line for line in service.log) == 1
    assert service.stop() == 0


def test_the_command_tells_what_the_service_says(service):
    done = service.run("policy", "test", "203.0.113.9")
    said = ask(service, client_address="203.0.113.9")
    told = next(line for line in done.stdout.splitlines() if line.startswith("action")).removeprefix("action  ")
    assert told.split("(ref ")[0] == said.split("(ref ")[0]


def test_settings_that_are_read_again_count_at_once(service):
    write_settings(service.config, {"data_dir": str(service.folder / "data"), "smtp.hostname": "mx.example.com",
                                    "smtp.listen": ["127.0.0.1:0"], "policy.listen": ["127.0.0.1:0"],
                                    "web.listen": ["127.0.0.1:0"], "evidence.enabled": False, "blocklists": [],
                                    "policy.own_networks": ["203.0.113.9"], "policy.bypass_action": "PREPEND X: y",
                                    "policy.dynamic_networks": ["203.0.113.0/24", "198.51.100.0/24"]})  # fmt: skip
    assert not passes(service, "203.0.113.9")
    service.process.send_signal(signal.SIGHUP)
    assert " restart_for" not in service.wait_for(r" reread\b.*").string
    assert passes(service, "203.0.113.9")
    assert not passes(service, "203.0.113.10")
    assert not passes(service, "198.51.100.7")
    assert ask(service, recipient="bypass@example.com") == "PREPEND X: y"


def test_a_refusal_outlives_a_stop(service):
    said = ask(service, client_address="203.0.113.9", sender="ann@shop.example")
    assert service.stop() == 0
    reference = said.partition("(ref ")[2][:11]
    engine = make_engine(f"sqlite:///{service.folder}/data/responder.db")
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT sender_key FROM refusals WHERE reference = ?", (reference,)).all()
    engine.dispose()
    assert found == [("ann@shop.example",)]


def test_a_plea_from_elsewhere_finds_the_refusal_by_its_reference_or_by_its_sender(tmp_path):
    with running(tmp_path, DYNAMIC, arguments=["--only", "smtp,policy"]) as service:
        said = ask(service, client_address="203.0.113.9", sender="ann@shop.example")
        reference = said.partition("(ref ")[2][:11]
        wait_until(lambda: service.rows("policy", "refusals"), "the refusal")
        for sender, text in (("ann@shop.example", "Why?"), ("ann.shop@gmail.com", f"Your number is {reference}.")):
            with smtplib.SMTP("127.0.0.1", service.port, timeout=30) as client:
                letter = f"From: {sender}\r\nTo: bypass@example.com\r\nSubject: refused\r\n\r\n{text}\r\n"
                client.sendmail(sender, ["bypass@example.com"], letter)
        found = {row["contact"]: row for row in service.rows("queue", "list")}
        told = {sender: (row["address"], row["address_source"], row["proof"]) for sender, row in found.items()}
        assert told == {
            "ann@shop.example": ("203.0.113.9", "refusal", "none"),
            "ann.shop@gmail.com": ("203.0.113.9", "refusal", "reference"),
        }


def test_monitors_see_what_is_in_memory_and_what_was_answered(tmp_path):
    with running(tmp_path, DYNAMIC, arguments=["--only", "policy,web"]) as service:
        ask(service, client_address="203.0.113.9")
        web = service.wait_for(r" listening face=web address=(\S+)")[1]

        def shown(line):
            with urllib.request.urlopen(f"http://{web}/metrics", timeout=30) as response:
                return line in response.read().decode()

        assert shown("\nresponder_policy_exemptions 0\n")
        wait_until(lambda: shown('\nresponder_policy_answers_recent{ground="dynamic-network"} 1\n'), "the count")
