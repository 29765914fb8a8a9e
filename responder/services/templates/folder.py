"""Templates in a folder, as people keep them in git: brought in step with the database in both directions.

A small file in the folder holds the digest of each text as it was when folder and database last agreed. A text that has
changed on one side only goes to the other; one that has changed on both is a conflict, and only a person can solve it.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from responder.services.templates.desk import Change, DeskError
from responder.services.templates.file import Template, TemplateError, check_name
from responder.services.templates.library import Library, find_files
from responder.services.templates.reading import read_file, read_source

MANIFEST = ".responder-templates.json"
_FORMAT = 1
_MAX_MANIFEST_CHARACTERS = 1024 * 1024


class Step(StrEnum):
    """What is to be done about one text."""

    SAME = "same"
    PULL = "pull"
    PUSH = "push"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Pair:
    """One template on both sides.

    Attributes:
        place: `LOCALE/NAME`, its file without the ending.
        here: the text of the file, None without one.
        there: what is in use, None without one.
        step: what is to be done.
    """

    place: str
    name: str
    locale: str
    here: str | None
    there: Template | None
    step: Step


class TemplateFolder:
    """A folder of templates with its manifest."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest of `folder`, where there is one.

        Raises:
            DeskError: it cannot be read.
        """
        self.folder = folder
        self._base = self._read_manifest()

    def _read_manifest(self) -> dict[str, str]:
        path = self.folder / MANIFEST
        if not path.exists():
            return {}
        try:
            data = json.loads(_read_whole(path))
        except (TemplateError, ValueError, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else error
            raise DeskError(f"{path} is broken: {why}; restore it from git, or delete it to compare anew") from error
        base = data.get("base") if isinstance(data, dict) and data.get("format") == _FORMAT else None
        if not isinstance(base, dict) or not all(isinstance(value, str) for value in base.values()):
            raise DeskError(f"{path} is of no known form; restore it from git, or delete it to compare anew")
        return dict(base)

    def compare(self, library: Library, *, mine: Collection[str] = (), theirs: Collection[str] = ()) -> list[Pair]:
        """Compare the folder with what is in use; a conflict in `mine` is pushed, one in `theirs` pulled.

        Raises:
            DeskError: a file is none of ours, a link, cannot be read, or `mine` or `theirs` names no conflict.
        """
        files = dict(self._read_files())
        in_use = {place_of(each.name, each.locale): each for each in library.templates}
        pairs: list[Pair] = []
        for place in sorted(files.keys() | in_use.keys()):
            locale, _, name = place.partition("/")
            here, there = files.get(place), in_use.get(place)
            step = self._step(place, here, there)
            if step is Step.CONFLICT:
                step = Step.PUSH if place in mine else Step.PULL if place in theirs else step
            elif place in mine or place in theirs:
                raise DeskError(f"{place} is in no conflict")
            pairs.append(Pair(place, name, locale, here, there, step))
        if unknown := (set(mine) | set(theirs)) - {pair.place for pair in pairs}:
            raise DeskError(f"there is no template {min(unknown)}; name it as LOCALE/NAME")
        return pairs

    def _step(self, place: str, here: str | None, there: Template | None) -> Step:
        if here is None:
            return Step.PULL
        if there is None:
            return Step.PUSH
        mine, theirs, base = digest(here), there.sha256, self._base.get(place)
        if mine == theirs:
            return Step.SAME
        if mine == base:
            return Step.PULL
        return Step.PUSH if theirs == base else Step.CONFLICT

    def _read_files(self) -> Iterator[tuple[str, str]]:
        for path, name, locale in find_files(self.folder):
            self._refuse_links(path)
            try:
                check_name(name, locale)
                text = read_source(path, may_be_link=False)
            except TemplateError as error:
                raise DeskError(f"{path}: {error.message}") from error
            yield place_of(name, locale), text

    def _refuse_links(self, path: Path) -> None:
        """Make sure that no folder between ours and the file `path` is a link: it would lead out of ours.

        Raises:
            DeskError: one is.
        """
        for parent in path.parents:
            if parent == self.folder:
                return
            if parent.is_symlink():
                raise DeskError(f"{parent} is a link; put a folder there")

    def write(self, pairs: Collection[Pair]) -> None:
        """Write the files that are to be pulled, each whole or not at all, and note what both sides agree on.

        Raises:
            DeskError: one would be written through a link; then none is.
        """
        texts = {
            self.folder / f"{pair.place}.md": pair.there.text
            for pair in pairs
            if pair.step is Step.PULL and pair.there is not None
        }
        for path in texts:
            self._refuse_links(path)
        for path, text in texts.items():
            _write(path, text)
        self.agree(
            {pair.place: pair.there.sha256 for pair in pairs if pair.there and pair.step in {Step.SAME, Step.PULL}}
        )

    def agree(self, digests: Mapping[str, str]) -> None:
        """Note the digests of texts that are the same on both sides now."""
        self._base |= digests
        data = {"format": _FORMAT, "base": dict(sorted(self._base.items()))}
        _write(self.folder / MANIFEST, json.dumps(data, indent=1) + "\n")


def changes_of(pairs: Collection[Pair], library: Library) -> tuple[list[Change], list[Pair]]:
    """Give what is to be published of `pairs`, and those that go back to the shipped text."""
    changes: list[Change] = []
    shipped: list[Pair] = []
    for pair in pairs:
        if pair.step is Step.PUSH and pair.here is not None:
            original = library.shipped(pair.name, pair.locale)
            if original and original.text == pair.here:
                shipped.append(pair)
            else:
                base = pair.there.sha256 if pair.there else None
                changes.append(Change(pair.name, pair.locale, pair.here, base))
    return changes, shipped


def place_of(name: str, locale: str) -> str:
    """Give where the file of a template stands in a folder, without its ending."""
    return f"{locale}/{name}"


def digest(text: str) -> str:
    """Give the SHA-256 of a text, in hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read_whole(path: Path) -> str:
    text = read_file(path, _MAX_MANIFEST_CHARACTERS + 1, may_be_link=False)
    if len(text) > _MAX_MANIFEST_CHARACTERS:
        raise TemplateError(f"more than {_MAX_MANIFEST_CHARACTERS:,} characters")
    return text


def _write(path: Path, text: str) -> None:
    """Put a file in the place of `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, prefix=".", delete=False) as file:
        file.write(text)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
