"""`responder config`: settings in force and what is wrong with them."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from responder.cli.root import root


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner(env=environ).invoke(root, arguments)


def test_show_prints_a_settings_file_with_origins() -> None:
    done = run("config", "show", RESPONDER_SMTP__MAX_ERRORS="3")
    assert done.exit_code == 0
    assert tomllib.loads(done.stdout)["smtp"]["max_errors"] == 3
    assert "max_errors = 3  # RESPONDER_SMTP__MAX_ERRORS" in done.stdout
    assert 'listen = ["127.0.0.1:2525"]  # default' in done.stdout


def test_show_as_json_is_one_object() -> None:
    done = run("config", "show", "--json", RESPONDER_BLOCKLISTS='[{"name": "own", "zone": "key.l.example"}]')
    settings = json.loads(done.stdout)
    assert settings["smtp.max_errors"] == {"value": 10, "origin": "default"}
    assert settings["blocklists"]["origin"] == "RESPONDER_BLOCKLISTS"
    assert "key" not in settings["blocklists"]["value"][0]["zone"]


def test_check_tells_everything_at_once_also_as_json() -> None:
    wrong = {"RESPONDER_SMTP__MAX_ERRORS": "x", "RESPONDER_RELAY__URL": "x"}
    done = run("config", "check", **wrong)
    assert done.exit_code == 2
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["smtp.max_errors", "relay.url"]
    done = run("config", "check", "--json", **wrong)
    assert done.exit_code == 2
    assert [json.loads(line)["key"] for line in done.stdout.splitlines()] == ["smtp.max_errors", "relay.url"]
    assert done.stderr == ""


def test_check_looks_for_the_files_that_are_named() -> None:
    done = run(
        "config", "check", RESPONDER_RELAY__URL="smtps://me@relay.example", RESPONDER_RELAY__PASSWORD_FILE="missing"
    )
    assert done.exit_code == 2
    assert "relay.password_file: " in done.stderr


def test_check_is_content_with_the_defaults() -> None:
    done = run("config", "check")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "The settings are in order (defaults, no file).\n", "")
    assert run("config", "check", "--json").stdout == ""


def test_wrong_settings_end_every_command_with_two(tmp_path: Path) -> None:
    (tmp_path / "responder.toml").write_text("colour = 1\n[smtp]\nmax_errors = -1\n")
    done = run("queue", "list")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 2
