"""The doctor's look at the ports, with the service there and with others."""

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from responder.app.doctor_ports import check_ports
from responder.app.verdict import Finding
from responder.settings import load
from tests.support.ports import free_port
from tests.support.running import running, write_settings

LISTENERS = ("smtp.listen", "policy.listen", "web.listen")


def look(file: Path) -> dict[str, Finding]:
    found = list(check_ports(load(file, {}).settings))
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


@pytest.mark.parametrize("setting", LISTENERS)
def test_somebody_else_at_a_port_is_found(tmp_path, setting):
    with socket.create_server(("127.0.0.1", free_port())) as other:
        ports = {each: free_port() for each in LISTENERS} | {setting: other.getsockname()[1]}
        found = look(write_settings(tmp_path / "responder.toml", listening(ports)))
    assert [each for each, finding in found.items() if finding.verdict == "failed"] == [setting]
    assert "another program listens there" in found[setting].text
