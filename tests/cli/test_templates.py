"""`responder templates`: what there is, what it says, and whether it is in order."""

import json
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


def test_list_has_every_template() -> None:
    rows: list[dict[str, Any]] = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert {"name", "locale", "source", "version", "published_at", "published_by"} <= set(rows[0])
    names = {row["name"] for row in rows}
    assert {"answer", "guides/exchange-2007", "guides/exchange-2003-2000", "guides/exchange-5.5"} <= names
    assert {row["source"] for row in rows} == {"shipped"}


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
