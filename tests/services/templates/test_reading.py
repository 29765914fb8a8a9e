"""Files of templates: what is no file is told, what is too long is read no further than it takes to see that."""

import os
import tracemalloc

import pytest

from responder.services.templates.file import MAX_SOURCE_CHARACTERS, TemplateError, parse_template
from responder.services.templates.reading import read_file, read_source
from tests.support.answers import source


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.md"


def test_a_mark_and_line_ends_of_windows_are_taken_out(path):
    path.write_bytes(b"\xef\xbb\xbfa\r\nb\nc\rd")
    assert read_source(path, may_be_link=False) == "a\nb\nc\rd"
    assert read_file(path, 100, may_be_link=False) == "\ufeffa\r\nb\nc\rd"


def test_the_longest_template_is_read_whole_with_the_line_ends_of_windows(path):
    text = source("")
    text += "\n" * (MAX_SOURCE_CHARACTERS - len(text))
    path.write_bytes(b"\xef\xbb\xbf" + text.encode().replace(b"\n", b"\r\n"))
    assert read_source(path, may_be_link=False) == text

    path.write_bytes(path.read_bytes() + b"\r\n" * 1000)
    with pytest.raises(TemplateError, match="more than 32,768 characters"):
        parse_template("answer", "en", read_source(path, may_be_link=False))


@pytest.mark.parametrize("letter", ["x", "\N{GRINNING FACE}", "\r\n"])
def test_what_is_too_long_is_cut_and_still_too_long_and_takes_little_memory(path, letter):
    with path.open("wb") as file:
        for _ in range(100):
            file.write(letter.encode() * 100_000)
    tracemalloc.start()
    try:
        text = read_source(path, may_be_link=False)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert MAX_SOURCE_CHARACTERS < len(text) <= 2 * MAX_SOURCE_CHARACTERS + 2
    assert most < 4_000_000


def test_a_link_is_followed_only_where_it_may_be(tmp_path, path):
    (tmp_path / "there").write_text("text")
    path.symlink_to("there")
    assert read_source(path, may_be_link=True) == "text"
    with pytest.raises(TemplateError, match="is a link"):
        read_source(path, may_be_link=False)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(TemplateError, match="cannot be read: Too many levels of symbolic links"):
        read_source(tmp_path / "loop", may_be_link=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file"),
    ],
    ids=["a pipe", "a device", "a folder", "no text", "nothing"],
)
def test_what_is_no_file_of_text_is_told(path, make, message):
    make(path)
    with pytest.raises(TemplateError, match=message):
        read_source(path, may_be_link=True)
