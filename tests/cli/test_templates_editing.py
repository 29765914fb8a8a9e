"""`responder templates` on a database: edit, publish, revert, history, diff, a test mail, folders in step."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from responder.cli.root import root
from responder.services.templates.library import SHIPPED
from responder.storage.engine import make_engine
from responder.storage.outbox import read_contents
from responder.storage.schema import outbound

GENERIC = SHIPPED / "en" / "guides" / "generic.md"


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(root, ["db", "upgrade"]).exit_code == 0


def run(*arguments: str, keys: str = "") -> Result:
    return CliRunner().invoke(root, ["templates", *arguments], input=keys)


def objects(*arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def standing(name: str = "guides/generic", locale: str = "en") -> dict[str, Any]:
    return next(row for row in objects("list", "--limit", "0") if (row["name"], row["locale"]) == (name, locale))


def use_editor(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    """Let $EDITOR add the first of `texts` at its first call, the second at its next one, and so on."""
    for number, text in enumerate(texts):
        Path(f"add-{number}").write_text(text, encoding="utf-8")
    script = Path("editor.sh").resolve()
    script.write_text(
        f"#!/bin/sh\nn=$(cat {script}.count 2>/dev/null || echo 0)\necho $((n + 1)) > {script}.count\n"
        f'cat {script.parent}/add-$n >> "$1"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(script))
    monkeypatch.delenv("VISUAL", raising=False)


def test_an_edit_is_checked_saved_and_published(monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, "More words.\n")
    done = run("edit", "generic", "--publish", "--why", "more", "--by", "anna")
    assert done.exit_code == 0, done.output
    row = standing()
    assert (row["source"], row["version"], row["published_by"], row["draft"]) == ("edited", 1, "anna", None)
    assert "More words.\n" in run("preview", "generic").stdout
    assert run("show", "generic").stdout.endswith("More words.\n")
    assert run("show", "generic", "--shipped").stdout.rstrip() == GENERIC.read_text(encoding="utf-8").rstrip()
    told = [(each["event"], each["version"], each["by"], each["why"]) for each in objects("history", "generic")]
    assert told == [("published", 1, "anna", "more"), ("written", 1, "anna", "more")]
    assert "+More words." in run("diff", "generic").stdout.splitlines()


def test_a_broken_edit_is_told_and_can_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, "{{ nowhere }}\n", "{# mended by hand #}\n")
    done = run("edit", "generic", keys="y\nn\n")
    assert done.exit_code == 1
    line = GENERIC.read_text(encoding="utf-8").count("\n") + 1
    assert f"responder: en/guides/generic, line {line}, column 4: 'nowhere' is not a variable" in done.stderr
    kept = Path(done.stderr.strip().splitlines()[-1].rpartition(" is in ")[2])
    assert kept.read_text(encoding="utf-8").endswith("{{ nowhere }}\n{# mended by hand #}\n")
    kept.unlink()
    assert standing()["draft"] is None


def test_a_draft_waits_until_it_is_published_and_can_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, "One.\n", "Two.\n", "")
    assert run("edit", "generic", "--draft").exit_code == 0
    assert (standing()["source"], standing()["draft"]) == ("shipped", 1)
    assert "One." not in run("preview", "generic").stdout
    assert "One." in run("preview", "generic", "--version", "1").stdout
    assert "+One." in run("diff", "generic").stdout

    assert run("edit", "generic", "--version", "1", keys="y\n").exit_code == 0
    assert standing()["version"] == 2
    assert run("edit", "generic").output.strip() == "Nothing was changed."
    assert run("publish", "generic", "--version", "1").exit_code == 0
    assert run("revert", "generic").stdout == "en/guides/generic: version 2 is in use again.\n"
    assert run("revert", "generic", "--to", "shipped").exit_code == 0
    assert standing()["source"] == "shipped"
    done = run("revert", "generic")
    assert (done.exit_code, "it is the shipped text already" in done.stderr) == (1, True)
    assert len(objects("history", "generic")) == 6


def test_what_was_taken_back_is_no_draft_and_is_published_again_by_its_number_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_editor(monkeypatch, "One.\n", "Two.\n", "Three.\n", "Four.\n")
    for _ in range(2):
        assert run("edit", "generic", "--publish").exit_code == 0
    for version, arguments in ((1, ["revert", "generic"]), (None, ["revert", "generic", "--to", "shipped"])):
        assert run(*arguments).exit_code == 0
        row = standing()
        assert (row["version"], row["draft"]) == (version, None)
        assert "draft" not in run("list", "--limit", "0").stdout
        assert "Two." not in run("diff", "generic").stdout
        done = run("publish", "generic")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "no draft of en/guides/generic waits; name a version with --version N" in done.stderr
    assert "draft" not in run("edit", "generic", "--draft").stderr
    assert standing()["draft"] == 3
    assert "version 3 waits as a draft; to go on with it: --version 3" in run("edit", "generic", "--draft").stderr
    assert run("publish", "generic").stdout == "en/guides/generic: version 4 is published.\n"
    assert run("publish", "generic", "--version", "2").exit_code == 0


def test_a_draft_still_waits_after_what_was_in_use_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, "One.\n", "Two.\n")
    assert run("edit", "generic", "--publish").exit_code == 0
    assert run("edit", "generic", "--draft").exit_code == 0
    assert run("revert", "generic").exit_code == 0
    assert standing()["draft"] == 2
    assert run("publish", "generic").stdout == "en/guides/generic: version 2 is published.\n"


def test_a_guide_of_staff_that_was_taken_back_is_found_by_its_key_and_is_no_draft(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_editor(monkeypatch, "Steps.\n")
    assert run("edit", "guides/new-server", "--publish").exit_code == 0
    assert run("revert", "new-server").exit_code == 0
    row = standing("guides/new-server")
    assert (row["source"], row["version"], row["draft"]) == (None, None, None)
    (line,) = [line for line in run("list", "--limit", "0").stdout.splitlines() if line.startswith("guides/new-server")]
    assert line.split()[:4] == ["guides/new-server", "en", "withdrawn", "-"]
    assert [each["event"] for each in objects("history", "new-server")] == ["withdrawn", "published", "written"]
    assert run("revert", "new-server", "--to", "1").exit_code == 0
    assert standing("guides/new-server")["version"] == 1


def test_a_diff_shows_long_lines_whole_and_no_character_that_moves_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = "word " * 170 + "\N{RIGHT-TO-LEFT OVERRIDE}end"
    use_editor(monkeypatch, f"{line}\n")
    assert run("edit", "generic", "--draft").exit_code == 0
    told = run("diff", "generic").stdout.splitlines()
    assert "+" + "word " * 170 + "\\u202eend" in told


def test_a_new_guide_is_one_file_and_a_translation_begins_with_the_english(monkeypatch: pytest.MonkeyPatch) -> None:
    use_editor(monkeypatch, "Steps.\n", "\nSchritte.\n")
    assert run("edit", "guides/new-server", "--publish").exit_code == 0
    assert standing("guides/new-server")["title"] == "new-server"
    assert run("edit", "new-server", "--locale", "de", "--publish").exit_code == 0
    text = run("show", "new-server", "--locale", "de").stdout
    assert "Steps.\n\nSchritte." in text
    assert 'translates = "' in text
    assert not standing("guides/new-server", "de")["is_behind"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["publish", "generic"], 1, "staff wrote no version of en/guides/generic"),
        (["publish", "generic", "--version", "9"], 1, "there is no version 9"),
        (["history", "Bad Name"], 1, "is no name for a template"),
        (
            ["history", "posfix"],
            1,
            "there is no template posfix in en; did you mean postfix? `responder templates list`",
        ),
        (["history", "postfix", "--locale", "xx"], 1, "there is no template postfix in xx; `responder templates list`"),
        (["diff", "posfix"], 1, "there is no template posfix in en; did you mean postfix?"),
        (["revert", "posfix"], 1, "there is no template posfix in en; did you mean postfix?"),
        (["show", "guides/posfix"], 1, "did you mean guides/postfix?"),
        (["show", "generic", "--version", "9" * 20], 2, "'--version'"),
        (["revert", "generic", "--to", "9" * 5000], 2, "--to takes the number of a version"),
        (["diff", "generic", "--from", "9" * 20], 2, "take the number of a version"),
        (["show", "nowhere"], 1, "there is no template nowhere in en"),
        (["revert", "generic", "--to", "x"], 2, "--to takes the number of a version"),
        (["diff", "generic", "--from", "x"], 2, "take the number of a version"),
        (["preview", "answer", "--request", "0"], 1, "'0'"),
        (["preview", "answer", "--request", "9K3QF-2M7XA"], 1, "there is no request"),
        (["send-test", "answer", "--to", "nobody"], 2, "'nobody': the address has no domain"),
        (["send-test", "refusal", "--to", "a@example.org"], 1, "not a message"),
        (["push", "nowhere"], 1, "there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(arguments: list[str], status: int, told: str) -> None:
    done = run(*arguments)
    assert done.exit_code == status
    assert told in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(("name", "words"), [("answer", "SMARTHOST"), ("exchange-5.5", "Internet Mail Service")])
def test_a_test_mail_is_what_strangers_would_get(name: str, words: str) -> None:
    done = run("send-test", name, "--to", "anna@example.org")
    assert done.exit_code == 0, done.output
    engine = make_engine("sqlite:///var/responder.db")
    with engine.connect() as connection:
        (row,) = connection.execute(select(outbound)).mappings().all()
        content = read_contents(connection, [row["id"]])[row["id"]]
    engine.dispose()
    assert (row["kind"], row["state"], row["recipient"]) == ("test", "queued", "anna@example.org")
    head, _, body = content.partition(b"\r\n\r\n")
    assert b"\r\nSubject: [Test] " in head
    assert b"\r\nAuto-Submitted: auto-generated\r\n" in head
    assert words.encode() in body


def test_refusals_are_previewed_as_lines() -> None:
    lines = run("preview", "refusal").stdout.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("550 5.7.1 Your IP address ") and len(line) <= 240 for line in lines)


def append(folder: str, text: str) -> None:
    path = Path(folder) / "en" / "guides" / "generic.md"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_two_folders_never_overwrite_one_another_unseen() -> None:
    for folder in ("one", "two"):
        assert run("pull", folder).exit_code == 0
    append("one", "From one.\n")
    append("two", "From two.\n")
    assert run("push", "one", "--why", "merge", "--by", "git").exit_code == 0
    assert standing()["published_by"] == "git"

    done = run("push", "two")
    assert done.exit_code == 1
    assert "en/guides/generic: conflict" in done.stdout
    done = run("pull", "two")
    assert done.exit_code == 1
    assert Path("two/en/guides/generic.md").read_text(encoding="utf-8").endswith("From two.\n")
    assert run("show", "generic").stdout.endswith("From one.\n")

    assert run("push", "two", "--mine", "en/guides/generic").exit_code == 0
    assert run("show", "generic").stdout.endswith("From two.\n")
    assert run("pull", "one").exit_code == 0
    assert Path("one/en/guides/generic.md").read_text(encoding="utf-8").endswith("From two.\n")


def test_a_push_publishes_all_or_nothing_and_goes_back_to_the_shipped_text() -> None:
    run("pull", "one")
    append("one", "Fine.\n")
    Path("one/en/guides/new.md").write_text('+++\ntitle = "New"\n+++\n{{ nowhere }}\n')
    done = run("push", "one")
    assert (done.exit_code, "en/guides/new, line 4, column 4" in done.stderr) == (1, True)
    assert standing()["source"] == "shipped"
    Path("one/en/guides/new.md").write_text('+++\ntitle = "New"\n+++\nSteps.\n')
    assert objects("push", "one", "--dry-run") == [
        {"name": "guides/generic", "locale": "en", "result": "would be published"},
        {"name": "guides/new", "locale": "en", "result": "would be published"},
    ]
    assert standing()["source"] == "shipped"
    assert [each["result"] for each in objects("push", "one")] == ["published", "published"]
    Path("one/en/guides/generic.md").write_text(GENERIC.read_text(encoding="utf-8"))
    assert run("push", "one").exit_code == 0
    assert standing()["source"] == "shipped"
    assert run("push", "one").stdout == "Nothing has changed.\n"


def test_a_folder_without_templates_is_no_folder_to_push() -> None:
    Path("empty").mkdir()
    Path("empty/postfix.md").write_text(GENERIC.read_text(encoding="utf-8"), encoding="utf-8")
    for arguments in (["push", "empty"], ["push", "empty", "--dry-run"]):
        done = run(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == (
            "responder: there are no templates in empty; `responder templates pull empty` writes them there\n"
        )


@pytest.mark.parametrize("place", ["de", "de/guides", "xx"])
def test_links_that_lead_out_of_the_folder_are_followed_neither_by_pull_nor_by_push(place: str) -> None:
    assert run("pull", "one").exit_code == 0
    inside, outside = Path("one", place), Path("outside").absolute()
    if inside.exists():
        inside.rename(outside)
    else:  # a folder of somebody else that looks like a language
        outside.mkdir()
        (outside / "answer.md").write_text("x")
    inside.symlink_to(outside)
    append("one", "More.\n")
    for arguments in (["push", "one"], ["pull", "one"]):
        done = run(*arguments)
        assert (done.exit_code, done.stderr) == (1, f"responder: one/{place} is a link; put a folder there\n")
    assert standing()["source"] == "shipped"


def test_a_pull_writes_through_no_link_and_then_nothing_at_all() -> None:
    for folder in ("one", "outside"):
        Path(folder).mkdir()
    Path("one/fr").symlink_to(Path("outside").absolute())
    done = run("pull", "one")
    assert (done.exit_code, done.stderr) == (1, "responder: one/fr is a link; put a folder there\n")
    assert list(Path("outside").iterdir()) == []
    assert [path.name for path in Path("one").iterdir()] == ["fr"]


def test_the_folder_itself_may_be_a_link() -> None:
    Path("real").mkdir()
    Path("one").symlink_to("real")
    assert run("pull", "one").exit_code == 0
    assert run("push", "one").stdout == "Nothing has changed.\n"
    assert Path("real/en/answer.md").is_file()


def test_a_folder_is_checked_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("pull", "one")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "are in order" in run("check", "../one").stdout
    with Path("../one/en/guides/generic.md").open("a", encoding="utf-8") as file:
        file.write("{{ reference }}\n")
    done = run("check", "../one")
    assert (done.exit_code, "'reference' is not a variable" in done.stdout) == (1, True)
    assert not Path("var").exists()


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("rita", "rita has the role reviewer, which changes no templates"),
        ("gone", "gone is disabled and decides nothing"),
    ],
)
def test_by_gives_nobody_more_rights_than_their_role(monkeypatch: pytest.MonkeyPatch, login: str, why: str) -> None:
    for arguments in (["add", "rita", "--role", "reviewer"], ["add", "gone", "--role", "editor"], ["disable", "gone"]):
        done = CliRunner().invoke(root, ["staff", *arguments])
        assert done.exit_code == 0, done.output
    use_editor(monkeypatch, "More words.\n", "More words.\n")
    done = run("edit", "generic", "--publish", "--by", login)
    assert (done.exit_code, done.stderr) == (1, f"responder: {why}\n")
    assert not Path("editor.sh.count").exists(), "nobody writes what cannot be saved"
    assert run("edit", "generic", "--draft").exit_code == 0
    for arguments in (["publish", "generic"], ["revert", "generic", "--to", "1"]):
        assert run(*arguments, "--by", login).exit_code == 1
    assert standing()["source"] == "shipped"
