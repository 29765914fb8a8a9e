"""`responder templates`: what there is, what it says, and whether it is in order."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from responder.app import wording
from responder.cli.root import root
from responder.services.samples import SAMPLES
from responder.services.templates.library import SHIPPED, Library


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["templates", *arguments])


def listed(*arguments: str) -> list[dict[str, Any]]:
    done = run("list", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_list_has_every_template() -> None:
    rows = listed("--limit", "0")
    assert {"name", "locale", "source", "version", "published_at", "published_by"} <= set(rows[0])
    names = {row["name"] for row in rows}
    assert {"answer", "guides/exchange-2007", "guides/exchange-2003-2000", "guides/exchange-5.5"} <= names
    assert {row["source"] for row in rows} == {"shipped"}


def test_list_goes_page_by_page_as_all_lists_do() -> None:
    rows = listed("--limit", "0")
    assert listed() == rows[:50]
    last = rows[6]
    assert listed("--limit", "7") == rows[:7]
    assert listed("--after", f"{last['locale']}/{last['name']}", "--limit", "5") == rows[7:12]
    assert listed("--after", f"{rows[-1]['locale']}/{rows[-1]['name']}") == []


def test_a_list_for_people_tells_how_to_go_on_and_what_is_missing_of_its_page() -> None:
    told = run("list", "--limit", "1").stdout.splitlines()
    row = listed("--limit", "1")[0]
    left = len(listed("--limit", "0")) - 1
    assert told[-1] == f"{left} more follow: --after {row['locale']}/{row['name']}, or --limit 0 for all."
    assert "more follow" not in run("list", "--limit", "0").stdout
    assert "\nMissing in de, es, fr: " in run("list", "--limit", "0").stdout


def test_a_list_after_what_is_not_in_it_says_what_to_give() -> None:
    done = run("list", "--after", "en/postfix")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no template en/postfix; --after takes LOCALE/NAME" in done.stderr
    assert "--after LOCALE/NAME" in run("list", "--help").stdout


def test_show_gives_the_markdown_and_finds_guides_by_their_key() -> None:
    done = run("show", "exchange-5.5")
    assert done.exit_code == 0
    assert done.stdout.strip() in (SHIPPED / "en" / "guides" / "exchange-5.5.md").read_text()
    assert json.loads(run("show", "exchange-5.5", "--json").stdout)["name"] == "guides/exchange-5.5"


def test_check_is_content_with_what_is_shipped() -> None:
    done = run("check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert run("check", "--json").stdout == ""


def test_check_tells_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "en"
    folder.mkdir()
    (folder / "answer.md").write_text('+++\ntitle = "Answer"\nsubject = "x"\n+++\nHello {{ nonsense }}\n')
    monkeypatch.setattr(wording, "Library", lambda **options: Library(tmp_path, **options))
    done = run("check")
    assert done.exit_code == 1
    assert done.stdout.startswith("en/answer, line 5, column 10: ")
    (problem,) = [json.loads(line) for line in run("check", "--json").stdout.splitlines()]
    assert (problem["name"], problem["locale"], problem["line"], problem["column"]) == ("answer", "en", 5, 10)


def test_names_of_files_move_no_terminal_and_forge_no_line(tmp_path: Path) -> None:
    for name in ("en\nde/answer: all is well", "fr\x1b[2J"):
        (tmp_path / "texts" / name.partition("/")[0]).mkdir(parents=True)
        (tmp_path / "texts" / name.partition("/")[0] / "a\x1b]0;x\x07.md").write_text("x")
    done = run("check", "texts")
    assert done.exit_code == 1
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "\\x1b[2J" in done.stdout
    assert [line[:3] for line in done.stdout.splitlines()] == ["en\\", "fr\\", "*/*"]


def test_check_tells_a_long_problem_whole(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*("x" * 200 for _ in range(4)))
    folder.mkdir(parents=True)
    assert str(folder) in run("check", str(folder)).stdout


def test_check_neither_hangs_on_what_is_no_file_nor_fills_the_memory(tmp_path: Path) -> None:
    folder = tmp_path / "texts" / "en"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.md")
    (folder / "zeros.md").symlink_to("/dev/zero")
    (folder / "folder.md").mkdir()
    with (folder / "huge.md").open("wb") as file:
        file.write(b"+++\n")
        file.truncate(300_000_000)
    done = run("check", "texts")
    assert done.exit_code == 1
    problems = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert problems["en/pipe"] == problems["en/zeros"] == "is no regular file"
    assert problems["en/folder"] == "cannot be read: Is a directory"
    assert problems["en/huge"] == "more than 32,768 characters"


def test_check_takes_links_to_files_as_packages_have_them(tmp_path: Path) -> None:
    (tmp_path / "texts" / "en").mkdir(parents=True)
    (tmp_path / "texts" / "en" / "answer.md").symlink_to(SHIPPED / "en" / "answer.md")
    assert run("check", "texts").stdout == "1 templates are in order.\n"


@pytest.mark.parametrize("sample", SAMPLES)
def test_preview_of_every_sample(sample: str) -> None:
    done = run("preview", "--sample", sample)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Subject: ")
    assert SAMPLES[sample].reference in done.stdout


def test_preview_of_html_can_go_to_a_file() -> None:
    done = run("preview", "answer", "--html")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stderr.startswith("Subject: ")


def test_preview_of_the_whole_message() -> None:
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in run("preview", "--raw").stdout_bytes
    assert run("preview", "generic", "--raw").exit_code == 1


def test_preview_as_json() -> None:
    told = json.loads(run("preview", "--json", "--sample", "ipv6").stdout)
    assert told["sample"] == "ipv6"
    assert told["text"]
    assert told["html"].startswith("<!DOCTYPE html>")
