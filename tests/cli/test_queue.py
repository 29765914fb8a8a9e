"""`queue`, `exemptions`, `blocked`: decisions at the command line, one or many, and errors in one line."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from responder.cli.root import root
from responder.storage.staff import add_person, change_person
from tests.support.review import Office

CONFIG = """
[database]
url = "{url}"
[review]
allow_networks = ["203.0.113.0/24", "198.51.100.0/24"]
"""


class Shell:
    """The command line over a database with pleas in it."""

    def __init__(self, office, config):
        self.office = office
        self.config = config

    def run(self, *arguments, **options):
        return CliRunner().invoke(root, ["--config", str(self.config), *arguments], **options)

    def done(self, *arguments):
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def objects(self, *arguments):
        return [json.loads(line) for line in self.done(*arguments, "--json").splitlines()]


@pytest.fixture
def shell(engine, tmp_path):
    office = Office(engine)
    config = tmp_path / "responder.toml"
    config.write_text(CONFIG.format(url=engine.url.render_as_string(hide_password=False)))
    yield Shell(office, config)
    office.close()


def test_a_decision_is_told_in_a_line_and_as_json(shell):
    reference = shell.office.plead()
    line = shell.done("queue", "approve", reference, "--reason", "leased line")
    assert line.startswith(f"{reference}: approved; 203.0.113.9/32 exempt until 20")
    assert "the notice leaves 20" in line
    (outcome,) = shell.objects("queue", "undo", reference)
    assert (outcome["action"], outcome["before"], outcome["after"]) == ("undo", "approved", "waiting")
    (row,) = shell.objects("queue", "list")
    assert (row["reference"], row["state"]) == (reference, "waiting")


def test_who_reads_the_reason_is_told_with_each_decision(shell):
    first, second, third = (shell.office.plead(sender=f"{name}@shop.example") for name in ("a", "b", "c"))
    private, mailed = "the reason is for staff, the sender does not read it", "the sender reads the reason"
    for command, reference, said in (
        ("approve", first, private),
        ("deny", second, mailed),
        ("reopen", second, private),
        ("dismiss", third, private),
    ):
        assert f"; {said}" in shell.done("queue", command, reference, "--reason", "x")
    assert "the reason" not in shell.done("queue", "deny", second)
    (notice,) = (each for each in shell.office.sent(second) if each.data["reason"])
    assert notice.data["reason"] == "x"
    assert [each.data["reason"] for each in shell.office.sent(first)] == [""]


def test_who_reads_the_reason_of_a_revocation_is_told(shell):
    for sender in ("a@shop.example", "b@shop.example"):
        shell.done("queue", "approve", shell.office.plead(sender=sender))
    revoke = ("exemptions", "revoke", "203.0.113.9", "--reason", "unwanted mail")
    assert "the sender is told, and reads the reason" in shell.done(*revoke)
    assert "only staff read the reason" in shell.done("exemptions", "add", "203.0.113.9", "--reason", "again")
    assert "nobody is told, and only staff read the reason" in shell.done(*revoke, "--quietly")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["queue", "approve"], "the sender does not read it"),
        (["queue", "deny"], "the sender reads it"),
        (["queue", "dismiss"], "the sender does not read it"),
        (["queue", "reopen"], "the sender does not read it"),
        (["exemptions", "revoke"], "the sender reads it, unless --quietly"),
        (["exemptions", "add"], "never sent"),
        (["blocked", "add"], "never sent"),
    ],
)
def test_help_says_who_reads_the_reason(command, said):
    words = " ".join(CliRunner().invoke(root, [*command, "--help"]).output.split())
    assert said in words.partition("--reason TEXT")[2][: len("Why, for other staff; ") + len(said) + 20]


def test_every_decision_can_be_taken(shell):
    with shell.office.engine.execution_options(write=True).begin() as connection:
        add_person(connection, staff_id=1, login="ann", role="reviewer", at=datetime.now(UTC))
    reference = shell.office.plead()
    for arguments, state in (
        (("ask", "--text", "Is it static?"), "asked"),
        (("deny", "--paragraph", "dynamic", "--reason", "It is not."), "denied"),
        (("reopen",), "waiting"),
        (("dismiss", "--block", "sender"), "dismissed"),
        (("reopen",), "waiting"),
        (("note", "--text", "called"), "waiting"),
        (("assign", "--to", "Ann"), "waiting"),
        (("approve",), "approved"),
        (("undo",), "waiting"),
    ):
        command, *options = arguments
        (outcome,) = shell.objects("queue", command, reference, *options)
        assert outcome["after"] == state, arguments
    shown = json.loads(shell.done("queue", "show", reference, "--json"))
    assert [event["event"] for event in shown["timeline"]] == [
        "opened", "asked", "denied", "reopened", "dismissed", "reopened", "noted", "assigned", "approved", "undone",
    ]  # fmt: skip
    assert (shown["assignee"], shown["timeline"][-1]["actor"]) == ("ann", "operator")
    assert [each["kind"] for each in shown["replies"]] == ["reply", "question", "notice", "notice"]
    assert [(each["network"], each["state"]) for each in shown["exemptions"]] == [("203.0.113.9/32", "revoked")]
    assert shell.objects("queue", "list", "--assignee", "ann")[0]["reference"] == reference


def test_who_wrote_since_the_decision_is_unread(shell):
    office, reference, other = shell.office, shell.office.plead(), shell.office.plead(sender="b@two.example")
    for each in (reference, other):
        shell.done("queue", "approve", each)
    office.plead(tag=f"r-{office.request(reference)['reply_token']}")
    for option, found in (("--unread", reference), ("--read", other)):
        assert [row["reference"] for row in shell.objects("queue", "list", "--state", "approved", option)] == [found]
    shell.done("queue", "mark-read", reference)
    assert shell.objects("queue", "list", "--state", "approved", "--unread") == []


def test_a_confirmation_is_asked_for(shell):
    reference = shell.office.plead()
    refused = shell.run("queue", "approve", reference, "--network", "203.0.113.8/29")
    assert (refused.exit_code, refused.stderr) == (
        1, f"responder: {reference}: nobody asked for it; to exempt it all the same, confirm 203.0.113.8/29\n",
    )  # fmt: skip
    shell.done("queue", "approve", reference, "--network", "203.0.113.8/29", "--confirm", "203.0.113.8/29")


def test_many_are_decided_by_filter(shell):
    here = [shell.office.plead(sender=f"a{number}@shop.example") for number in range(2)]
    shell.office.plead(sender="b@other.example")
    dry = shell.objects("queue", "deny", "--domain", "shop.example", "--dry-run")
    assert sorted(each["reference"] for each in dry) == sorted(here)
    assert all(each["is_dry"] and each["after"] == "denied" for each in dry)
    refused = shell.run("queue", "deny", "--domain", "shop.example", input="n\n")
    assert (refused.exit_code, "Deny 2 requests?" in refused.stderr) == (1, True)
    assert [row["state"] for row in shell.objects("queue", "list", "--state", "all")] == ["waiting"] * 3
    assert len(shell.objects("queue", "deny", "--domain", "shop.example", "--yes")) == 2
    assert len(shell.objects("queue", "list")) == 1


def test_of_many_those_that_cannot_be_decided_are_told(shell):
    first, second = shell.office.plead(), shell.office.plead(sender="b@other.example")
    shell.done("queue", "deny", first)
    result = shell.run("queue", "deny", first, second, "--json")
    assert result.exit_code == 1
    refused, denied = (json.loads(line) for line in result.stdout.splitlines())
    assert (refused["reference"], refused["code"], denied["after"]) == (first, "not-possible", "denied")
    assert result.stderr.startswith(f"responder: {first}: a request that is denied takes no deny; operator denied it")


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["queue", "approve"], 2, "name a request, or filters"),
        (["queue", "approve", "AAAAA-AAAAA"], 1, "there is no request AAAAA-AAAAA"),
        (["queue", "approve", "AAAAA-AAAAA", "--domain", "x.example"], 2, "not both"),
        (["queue", "deny", "--domain", "x.example", "--yes"], 1, "no request is like that"),
        (["queue", "deny", "AAAAA-AAAAA", "--paragraph", "nonsense"], 2, "no deny reason 'nonsense'"),
        (["queue", "ask", "AAAAA-AAAAA"], 2, "--text"),
        (["queue", "assign", "AAAAA-AAAAA"], 2, "--nobody"),
        (["queue", "approve", "AAAAA-AAAAA", "--days", "0"], 2, "--days"),
        (["queue", "list", "--assignee", "nobody"], 1, "nobody with the login nobody"),
        (["queue", "list", "--after", "AAAAA-AAAAA"], 1, "there is no request"),
        (["exemptions", "add", "203.0.113.0/16", "--reason", "x"], 2, "host bits"),
        (["exemptions", "add", "0.0.0.0/0", "--reason", "x"], 1, "too wide"),
        (["exemptions", "add", "192.0.2.1", "--reason", "x"], 1, "review.allow_networks"),
        (["exemptions", "add", "203.0.113.1"], 2, "--reason"),
        (["exemptions", "revoke", "203.0.113.1"], 1, "203.0.113.1/32 is not exempt"),
        (["exemptions", "revoke", "12345"], 1, "there is no exemption 12345"),
        (["blocked", "add", "no domain"], 1, "neither an address nor a domain"),
        (["blocked", "add", "com"], 1, "com is a whole top-level domain"),
        (["blocked", "remove", "x.example"], 1, "is not blocked"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(shell, arguments, code, why):
    result = shell.run(*arguments)
    assert (result.exit_code, why in result.stderr) == (code, True), result.output
    assert code == 2 or len(result.stderr.splitlines()) == 1


def test_whoever_decides_has_no_more_rights_than_their_role(shell):
    with shell.office.engine.execution_options(write=True).begin() as connection:
        add_person(connection, staff_id=1, login="ann", role="reviewer", at=datetime.now(UTC))
        add_person(connection, staff_id=2, login="ray", role="reader", at=datetime.now(UTC))
        add_person(connection, staff_id=3, login="eve", role="admin", at=datetime.now(UTC))
        change_person(connection, 3, disabled_at=datetime.now(UTC))
    add = ("exemptions", "add", "203.0.113.0/24", "--reason", "x")
    assert "too wide for the role reviewer" in shell.run(*add, "--by", "ann").stderr
    assert "ray has the role reader" in shell.run(*add, "--by", "ray").stderr
    assert "eve is disabled" in shell.run(*add, "--by", "eve").stderr
    assert shell.objects(*add, "--by", "grace")[0]["network"] == "203.0.113.0/24"
    assert shell.objects("exemptions")[0]["created_by"] == "grace"


def test_exemptions_are_listed_added_and_revoked(shell):
    reference = shell.office.plead()
    shell.done("queue", "approve", reference)
    shell.done("exemptions", "add", "198.51.100.8/29", "--reason", "branch office")
    office, plea = shell.objects("exemptions", "list")
    assert (office["network"], office["request"], office["reason"]) == ("198.51.100.8/29", None, "branch office")
    assert (plea["network"], plea["request"], plea["created_by"]) == ("203.0.113.9/32", reference, "operator")
    assert [row["id"] for row in shell.objects("exemptions", "--limit", "1")] == [office["id"]]
    assert [row["id"] for row in shell.objects("exemptions", "--after", office["id"])] == [plea["id"]]
    assert [row["id"] for row in shell.objects("exemptions", "--address", "198.51.100.9")] == [office["id"]]
    assert "renewed until" in shell.done("exemptions", "add", "198.51.100.8/29", "--reason", "again")
    assert "the sender is told" in shell.done("exemptions", "revoke", "203.0.113.9", "--reason", "unwanted mail")
    assert "nobody is told" in shell.done("exemptions", "revoke", office["id"])
    assert shell.objects("exemptions") == []
    states = [row["state"] for row in shell.objects("exemptions", "--state", "all")]
    assert states == ["revoked", "revoked"]
    again = shell.run("exemptions", "revoke", office["id"])
    assert "was revoked by operator already" in again.stderr


def test_blocked_senders_are_kept_as_they_are_compared(shell):
    shell.done("blocked", "add", "Robot+News@Shop.Example", "--reason", "a robot")
    shell.done("blocked", "add", "@BÜCHER.example.")
    rows = shell.objects("blocked")
    assert [row["pattern"] for row in rows] == ["robot@shop.example", "xn--bcher-kva.example"]
    assert (rows[0]["reason"], rows[0]["created_by"]) == ("a robot", "operator")
    assert "blocked already" in shell.run("blocked", "add", "robot@shop.example").stderr
    shell.done("blocked", "remove", "robot@shop.example")
    assert [row["pattern"] for row in shell.objects("blocked")] == ["xn--bcher-kva.example"]


def test_hostile_text_stays_harmless(shell):
    reference = shell.office.plead(subject="a\x1b[2J\x9b31m\u202eb")
    shell.done("queue", "note", reference, "--text", "\x1b]0;title\x07 and \u202e more")
    output = shell.done("queue", "show", reference) + shell.done("queue", "list")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(output)


def complete(shell, *words):
    """Give what a shell is offered for the last of the words."""
    environment = {
        "_RESPONDER_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("responder", "--config", str(shell.config), *words)),
        "COMP_CWORD": str(len(words) + 2),
        "PATH": "",
    }
    command = [sys.executable, "-m", "responder"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_a_shell_completes_references_and_states(shell):
    reference = shell.office.plead()
    assert complete(shell, "queue", "approve", reference[:3].lower()) == [reference]
    assert complete(shell, "queue", "list", "--state", "wai") == ["waiting"]
    assert "recheck" in complete(shell, "queue", "re")


def test_two_processes_that_decide_at_once_send_one_notice(shell):
    reference = shell.office.plead()
    command = [sys.executable, "-m", "responder", "--config", str(shell.config), "queue"]
    deciding = [
        subprocess.Popen([*command, decision, reference, "--seen", "1"], stdout=-1, stderr=-1, text=True)
        for decision in ("approve", "deny", "approve")
    ]
    ended = [process.communicate(timeout=60) for process in deciding]
    assert sorted(process.returncode for process in deciding) == [0, 1, 1]
    refusals = [error for _, error in ended if error]
    assert all(f"{reference}: operator " in error and "look again" in error for error in refusals)
    assert len(shell.office.sent(reference)) == 1
    assert shell.office.request(reference)["version"] == 2
