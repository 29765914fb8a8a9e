"""The doctor's look at the ports, with the service there and with others."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from responder.app.doctor_ports import check_ports
from responder.app.verdict import Finding
from responder.settings import load
from tests.support.ports import free_port
from tests.support.running import Running, running, write_settings

LISTENERS = ("smtp.listen", "policy.listen", "web.listen")


def look(file: Path, *, was_started: bool = True) -> dict[str, Finding]:
    found = list(check_ports(load(file, {}).settings, was_started=was_started))
    assert [finding.part for finding in found] == ["port"] * 3
    return dict(zip(LISTENERS, found, strict=True))


def listening(ports: Mapping[str, int]) -> dict[str, list[str]]:
    return {setting: [f"127.0.0.1:{port}"] for setting, port in ports.items()}


def test_each_face_of_a_service_that_runs_is_known_by_its_answer(tmp_path):
    ports = {setting: free_port() for setting in LISTENERS}
    with running(tmp_path, listening(ports)) as service:
        found = look(service.config)
    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert found["smtp.listen"].text.startswith(f"127.0.0.1:{ports['smtp.listen']} (smtp.listen) answers: 220 ")
    assert found["policy.listen"].text.endswith("(policy.listen) answers: action=DUNNO")
    assert found["web.listen"].text.endswith("(web.listen) answers: HTTP/1.1 200 OK")
    assert all("is free" in finding.text for finding in look(service.config).values())
    assert {finding.verdict for finding in look(service.config).values()} == {"warning"}
    assert {finding.verdict for finding in look(service.config, was_started=False).values()} == {"ok"}


def examine(service: Running) -> tuple[int, dict[str, str]]:
    """Give the doctor's exit status, and what it says of the worker and of each port."""
    done = service.run("doctor", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    told = {each["part"]: each["verdict"] for each in found if each["part"] == "worker"}
    ports = {each["text"].split()[1].strip("()"): each["verdict"] for each in found if each["part"] == "port"}
    return done.returncode, told | ports


def test_the_doctor_sees_that_a_service_has_ended_or_has_no_worker(tmp_path):
    settings = listening({setting: free_port() for setting in LISTENERS})
    # A resolver that is not there, as no list is asked here: port 9 of loopback, where nobody answers.
    settings |= {"dns.nameservers": ["127.0.0.1:9"], "dns.timeout_seconds": 0.1}
    with running(tmp_path, settings) as service:
        assert examine(service) == (0, dict.fromkeys(("worker", *LISTENERS), "ok"))
        assert service.stop() == 0
    assert examine(service) == (1, {"worker": "failed"} | dict.fromkeys(LISTENERS, "warning"))
    with running(tmp_path, settings, arguments=["--only", "smtp"]) as service:
        assert examine(service) == (
            1,
            {"worker": "failed"} | dict.fromkeys(LISTENERS, "warning") | {"smtp.listen": "ok"},
        )
        assert service.stop() == 0


@pytest.mark.parametrize("setting", LISTENERS)
def test_somebody_else_at_a_port_is_found(tmp_path, setting):
    with socket.create_server(("127.0.0.1", free_port())) as other:
        ports = {each: free_port() for each in LISTENERS} | {setting: other.getsockname()[1]}
        found = look(write_settings(tmp_path / "responder.toml", listening(ports)))
    assert [each for each, finding in found.items() if finding.verdict == "failed"] == [setting]
    assert "another program listens there" in found[setting].text
