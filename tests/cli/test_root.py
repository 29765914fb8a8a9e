"""The command line as a whole: help, what a user can do wrong, and how that is told."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from responder.cli.root import _COMMANDS, root
from tests.support.running import PROJECT, clean_environment, run_responder

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings, and no variables of ours."""
    monkeypatch.chdir(tmp_path)
    for name in ("RESPONDER_CONFIG", "RESPONDER_CORPUS"):
        monkeypatch.delenv(name, raising=False)


def every_command(group: click.Group = root, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found = [path]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = every_command(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]
        found += inner
    return found


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(root, [*path, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage: " in done.output
    assert max(map(len, done.output.splitlines())) <= 80


def test_help_lists_what_each_command_says_of_itself() -> None:
    for name, text in _COMMANDS.items():
        command = root.get_command(click.Context(root), name)
        assert command is not None
        assert command.name == name
        assert text


def test_help_loads_no_library_but_click() -> None:
    program = (
        "import sys; from responder.cli.root import root; root(['--help'], standalone_mode=False);"
        " sys.exit(bool({'sqlalchemy', 'pydantic', 'rich', 'jinja2', 'aiosmtpd', 'alembic'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), cwd=PROJECT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nonsense"], 2),
        (["queue", "nonsense"], 2),
        (["queue", "list", "--limit", "-1"], 2),
        (["queue", "list", "--state", "nonsense"], 2),
        (["queue", "list", "--address", "300.1.1.1"], 2),
        (["queue", "list", "--since", "yesterday"], 2),
        (["queue", "show", "nonsense"], 2),
        (["messages", "show", "x"], 2),
        (["messages", "list", "--sender", "nonsense"], 2),
        (["queue", "list", "--contact", "nonsense"], 2),
        (["policy", "refusals", "--sender", "nonsense"], 2),
        (["policy", "test", "203.0.113.9", "--recipient", "nonsense"], 2),
        (["doctor", "--through", "mx.example.com:25", "--as", "203.0.113.9", "--recipient", "nonsense"], 2),
        (["messages", "list", "--after", "99999999999999999999"], 2),
        (["serve", "--only", "nonsense"], 2),
        (["policy", "test", "300.1.1.1"], 2),
        (["inspect"], 2),
        (["templates", "show", "nonsense"], 1),
        (["queue", "list"], 1),
        (["messages", "show", "1"], 1),
        (["outbox", "show", "--raw", "1"], 1),
        (["db", "current"], 1),
        (["db", "backup", "copy.db"], 1),
        (["--config", "missing.toml", "queue", "list"], 2),
        (["--config", ".", "config", "show"], 2),
        (["inspect", "missing.eml"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_a_user_does_wrong_is_told_without_a_traceback(arguments: list[str], status: int) -> None:
    done = CliRunner().invoke(root, arguments)
    assert done.exit_code == status, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.stdout == ""
    assert done.stderr
    if status == 1:
        assert done.stderr.startswith("responder: ")
        assert done.stderr.count("\n") == 1


NO_TEXT = "\udcff"  # what Python makes of an octet that is no UTF-8


@pytest.mark.parametrize(
    "arguments",
    [
        ["messages", "--sender", NO_TEXT],
        ["staff", "add", NO_TEXT],
        ["staff", "link", NO_TEXT],
        ["staff", "disable", NO_TEXT],
        ["staff", "list", "--after", NO_TEXT],
        ["queue", "assign", "00000-00000", "--to", NO_TEXT],
        ["queue", "list", "--assignee", NO_TEXT],
        ["queue", "list", "--contact", NO_TEXT],
        ["queue", "list", "--software", NO_TEXT],
        ["queue", "list", "--domain", NO_TEXT],
        ["queue", "list", "--text", NO_TEXT],
        ["queue", "note", "00000-00000", "--text", NO_TEXT],
        ["queue", "deny", "00000-00000", "--paragraph", "dynamic", "--paragraph", NO_TEXT],
        ["exemptions", "add", "203.0.113.9", "--reason", "x", "--by", NO_TEXT],
        ["blocked", "add", "shop.example", "--by", NO_TEXT],
        ["blocked", "list", "--after", NO_TEXT],
        ["outbox", "retry", "1", "--by", NO_TEXT],
        ["inspect", "x.eml", "--helo", NO_TEXT],
    ],
    ids=ascii,
)
def test_an_argument_that_is_no_text_is_wrong_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(root, ["db", "upgrade"]).exit_code == 0
    done = CliRunner().invoke(root, arguments)
    assert isinstance(done.exception, SystemExit), done.exception
    assert (done.exit_code, done.stdout) == (2, "")
    assert "udcff" in done.stderr


def test_octets_that_are_no_text_are_told_in_one_line() -> None:
    assert CliRunner().invoke(root, ["db", "upgrade"]).exit_code == 0
    command = [sys.executable, "-m", "responder", "staff", "add", b"ann\xff"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"responder: 'LOGIN' is no UTF-8 text: ann\\udcff\n"


def test_a_file_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = b"caf\xe9.eml"
    (tmp_path / os.fsdecode(name)).write_bytes(b"From: ann@mail.example.org\nSubject: help\n\nhelp\n")
    command = [sys.executable, "-m", "responder", "inspect", name]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\udce9.eml" in done.stdout


@pytest.mark.parametrize("database", ["sqlite:////proc/none.db", "postgresql+psycopg://127.0.0.1:1/none"])
@pytest.mark.parametrize("arguments", [["queue", "list"], ["db", "upgrade"], ["db", "current"]], ids=" ".join)
def test_a_database_that_is_away_is_told_in_one_line(database: str, arguments: list[str]) -> None:
    done = CliRunner(env={"RESPONDER_DATABASE__URL": database}).invoke(root, arguments)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "responder.db").write_bytes(b"x" * 4096)
    done = CliRunner().invoke(root, ["queue", "list"])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output


def test_hostile_words_reach_no_terminal() -> None:
    done = CliRunner().invoke(root, ["inspect", "\x1b[2J\u202e.eml"])
    assert done.exit_code == 1
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    command = f"{sys.executable} -m responder config show | head -n 1"
    done = subprocess.run(["bash", "-c", command], env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.stdout.startswith("data_dir")
    assert done.stderr == ""


def test_a_terminal_without_unicode_gets_escapes(tmp_path: Path) -> None:
    config = tmp_path / "x.toml"
    config.write_text('organization.name = "Caf\u00e9 \u2603"\n', encoding="utf-8")
    environment = clean_environment() | {"PYTHONIOENCODING": "latin-1"}
    done = run_responder("--config", str(config), "config", "show", env=environment, text=False)
    assert done.returncode == 0, done.stderr
    assert b'name = "Caf\xe9 \\u2603"' in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_shell(shell: str) -> None:
    done = CliRunner().invoke(root, ["completion", shell])
    assert done.exit_code == 0
    assert "_RESPONDER_COMPLETE" in done.stdout
