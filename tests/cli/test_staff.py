"""`responder staff`: people, links and tokens from the command line."""

import json
from pathlib import Path

import pytest

from tests.support.running import run_responder, write_settings


@pytest.fixture
def run(tmp_path: Path):
    """Run `responder` on a new database."""
    settings = {"data_dir": str(tmp_path / "data"), "web.base_url": "https://desk.example/"}
    config = str(write_settings(tmp_path / "responder.toml", settings))

    def run(*arguments: str):
        return run_responder("--config", config, *arguments)

    assert run("db", "upgrade").returncode == 0
    return run


def people(run) -> list[dict[str, str]]:
    return [json.loads(line) for line in run("staff", "--json").stdout.splitlines()]


def test_a_person_is_added_with_a_link_and_listed(run):
    done = run("staff", "add", "Ann")
    assert done.returncode == 0
    assert "https://desk.example/sign-in/" in done.stdout
    (person,) = people(run)
    assert (person["login"], person["role"], person["state"]) == ("ann", "reviewer", "active")
    assert "ann" in run("staff", "list").stdout


def test_pages_of_people_join_without_gap_or_repeat(run):
    for login in ("ann", "bob", "eve"):
        run("staff", "add", login, "--no-link")

    def logins(*arguments):
        return [json.loads(line)["login"] for line in run("staff", "list", "--json", *arguments).stdout.splitlines()]

    assert logins("--limit", "2") == ["ann", "bob"]
    assert logins("--limit", "2", "--after", "Bob") == ["eve"]
    assert logins("--limit", "0") == ["ann", "bob", "eve"]
    assert run("staff", "list", "--after", "nobody").stderr == "responder: there is no person nobody\n"


def test_adding_again_changes_the_role_only_where_one_is_named(run):
    run("staff", "add", "ann", "--role", "admin")
    run("staff", "add", "ann", "--no-link")
    assert people(run)[0]["role"] == "admin"
    run("staff", "add", "bob", "--role", "admin")
    run("staff", "add", "ann", "--role", "reader")
    assert [each["role"] for each in people(run)] == ["reader", "admin"]


def test_who_is_disabled_gets_no_link_until_added_again(run):
    run("staff", "add", "ann")
    assert run("staff", "disable", "ann").returncode == 0
    done = run("staff", "link", "ann")
    assert (done.returncode, done.stderr) == (1, "responder: ann is disabled\n")
    assert json.loads(run("staff", "add", "ann", "--json").stdout)["link"].startswith("https://desk.example/")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("disable", "nobody"), "there is no person nobody"),
        (("link", "nobody"), "there is no person nobody"),
        (("add", "a b"), "a login is of"),
        (("token", "nobody", "--name", "x", "--scope", "read"), "there is no person nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(run, arguments, said):
    done = run("staff", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_only_administrator_stays(run):
    run("staff", "add", "ada", "--role", "admin")
    assert "only administrator" in run("staff", "disable", "ada").stderr


def test_a_token_is_shown_once(run):
    run("staff", "add", "ann")
    made = json.loads(run("staff", "token", "ann", "--name", "exports", "--scope", "export", "--json").stdout)
    assert made["token"].startswith("bypass_")
    assert made["scopes"] == ["export"]
    assert run("staff", "token", "ann", "--name", "x").returncode == 2
