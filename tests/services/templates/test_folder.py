"""A folder in step with the database: each change goes one way, and two changes of one text are a conflict."""

import json
import os

import pytest

from responder.services.templates.desk import DeskError
from responder.services.templates.file import parse_template
from responder.services.templates.folder import MANIFEST, Step, TemplateFolder, changes_of
from responder.services.templates.library import Library

FILES = Library()
GENERIC = "en/guides/generic"


def published(*texts):
    """Give a library in which the generic guide has these words at its end."""
    original = FILES.exact("guides/generic", "en").text
    return FILES.with_drafts([parse_template("guides/generic", "en", f"{original}{text}\n") for text in texts])


def steps(folder, library, **options):
    return {pair.place: pair.step for pair in TemplateFolder(folder).compare(library, **options)}


def pull(folder, library, **options):
    files = TemplateFolder(folder)
    pairs = files.compare(library, **options)
    files.write(pairs)
    return {pair.place: pair.step for pair in pairs if pair.step is not Step.SAME}


def append(folder, text, place=GENERIC):
    path = folder / f"{place}.md"
    path.write_text(path.read_text() + text + "\n")


def text_of(folder, place=GENERIC):
    return (folder / f"{place}.md").read_text()


def test_the_first_pull_writes_everything_as_it_is(tmp_path):
    assert set(pull(tmp_path, FILES).values()) == {Step.PULL}
    assert Library(tmp_path).templates == FILES.templates
    assert pull(tmp_path, FILES) == {}
    assert len(json.loads((tmp_path / MANIFEST).read_text())["base"]) == len(FILES.templates)


def test_what_others_published_is_pulled_into_files_that_nobody_touched(tmp_path):
    pull(tmp_path, FILES)
    assert pull(tmp_path, published("Theirs.")) == {GENERIC: Step.PULL}
    assert text_of(tmp_path).endswith("\nTheirs.\n")


def test_what_was_changed_here_is_pushed_and_never_overwritten(tmp_path):
    pull(tmp_path, FILES)
    append(tmp_path, "Mine.")
    assert pull(tmp_path, FILES) == {GENERIC: Step.PUSH}
    assert text_of(tmp_path).endswith("\nMine.\n")

    (change,), shipped = changes_of(TemplateFolder(tmp_path).compare(FILES), FILES)
    assert (change.place, change.base) == (GENERIC, FILES.exact("guides/generic", "en").sha256)
    assert shipped == []


def test_two_changes_are_a_conflict_and_nothing_is_written(tmp_path):
    pull(tmp_path, FILES)
    append(tmp_path, "Mine.")
    assert pull(tmp_path, published("Theirs.")) == {GENERIC: Step.CONFLICT}
    assert text_of(tmp_path).endswith("\nMine.\n")
    assert steps(tmp_path, published("Theirs."))[GENERIC] is Step.CONFLICT
    assert steps(tmp_path, published("Theirs."), mine=[GENERIC])[GENERIC] is Step.PUSH

    assert pull(tmp_path, published("Theirs."), theirs=[GENERIC]) == {GENERIC: Step.PULL}
    assert text_of(tmp_path).endswith("\nTheirs.\n")


def test_the_same_change_on_both_sides_is_none(tmp_path):
    pull(tmp_path, FILES)
    append(tmp_path, "Same.")
    assert pull(tmp_path, published("Same.")) == {}
    assert steps(tmp_path, published("Same."))[GENERIC] is Step.SAME


def test_without_a_manifest_every_difference_is_a_conflict(tmp_path):
    pull(tmp_path, FILES)
    (tmp_path / MANIFEST).unlink()
    append(tmp_path, "Mine.")
    assert pull(tmp_path, FILES) == {GENERIC: Step.CONFLICT}


def test_a_text_that_is_the_shipped_one_again_goes_back_to_it(tmp_path):
    library = published("Theirs.")
    pull(tmp_path, library)
    (tmp_path / f"{GENERIC}.md").write_text(FILES.exact("guides/generic", "en").text)

    changes, (pair,) = changes_of(TemplateFolder(tmp_path).compare(library), library)

    assert changes == []
    assert pair.place == GENERIC


def test_a_new_file_is_a_new_template_and_a_missing_one_comes_back(tmp_path):
    pull(tmp_path, FILES)
    (tmp_path / "en" / "guides" / "new.md").write_text(text_of(tmp_path))
    (tmp_path / f"{GENERIC}.md").unlink()
    assert pull(tmp_path, FILES) == {"en/guides/new": Step.PUSH, GENERIC: Step.PULL}


def test_line_ends_and_marks_of_an_editor_are_no_change(tmp_path):
    pull(tmp_path, FILES)
    path = tmp_path / f"{GENERIC}.md"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert pull(tmp_path, FILES) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "base": {}}',
        '{"format": 1, "base": {"a": 1}}',
        "[" * 100_000,
        '{"format": 1, "base": {}}' + " " * 1024 * 1024,
    ],
    ids=lambda text: text[:30].strip(),
)
def test_a_broken_manifest_is_told(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DeskError, match="restore it from git"):
        TemplateFolder(tmp_path)


def test_a_manifest_is_a_file_and_neither_a_link_nor_a_pipe(tmp_path):
    (tmp_path / "elsewhere").write_text('{"format": 1, "base": {}}')
    (tmp_path / MANIFEST).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DeskError, match="is a link"):
        TemplateFolder(tmp_path)
    (tmp_path / MANIFEST).unlink()
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(DeskError, match="is no regular file"):
        TemplateFolder(tmp_path)


def test_what_is_no_template_file_is_told(tmp_path):
    pull(tmp_path, FILES)
    with pytest.raises(DeskError, match="is in no conflict"):
        steps(tmp_path, FILES, mine=[GENERIC])
    with pytest.raises(DeskError, match="there is no template en/nowhere"):
        steps(tmp_path, FILES, theirs=["en/nowhere"])
    (tmp_path / "en" / "a.md").symlink_to("/etc/hostname")
    with pytest.raises(DeskError, match="is a link"):
        steps(tmp_path, FILES)
    (tmp_path / "en" / "a.md").unlink()
    os.mkfifo(tmp_path / "en" / "a.md")
    with pytest.raises(DeskError, match="is no regular file"):
        steps(tmp_path, FILES)
    (tmp_path / "en" / "a.md").unlink()
    (tmp_path / "en" / "a.md").write_bytes(b"\xff")
    with pytest.raises(DeskError, match="is not UTF-8"):
        steps(tmp_path, FILES)
    (tmp_path / "en" / "a.md").rename(tmp_path / "en" / "Bad Name.md")
    with pytest.raises(DeskError, match="no name for a template"):
        steps(tmp_path, FILES)
