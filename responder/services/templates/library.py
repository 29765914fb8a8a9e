"""The templates in use: the files of one folder, and above them what staff published.

What is wrong with a file is a value (`Problem`), not an exception: one bad file never takes the others away.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from responder.services.templates.file import (
    ANSWER,
    DENY_REASONS,
    GUIDES,
    Edition,
    Problem,
    Template,
    TemplateError,
    parse_template,
    read_edition,
)
from responder.services.templates.reading import read_source

SHIPPED = Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True, slots=True)
class Files:
    """What was read of a folder: its templates by name and locale, and what was wrong with files."""

    templates: Mapping[tuple[str, str], Template]
    problems: Sequence[Problem]


def read_files(folder: Path) -> Files:
    """Read every template of `folder`."""
    templates: dict[tuple[str, str], Template] = {}
    problems: list[Problem] = []
    for path, name, locale in find_files(folder):
        try:
            # Whoever packages this program may have put links to the files in their place.
            templates[name, locale] = parse_template(name, locale, read_source(path, may_be_link=True))
        except TemplateError as error:
            problems.append(Problem(name, locale, error.line, error.message, error.column))
    if not templates:
        problems.append(Problem("*", "*", None, f"there are no templates in {folder}"))
    return Files(templates, problems)


def find_files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Give path, name and locale of every template file, in a stable order."""
    for path in sorted(folder.glob("*/*.md")):
        yield path, path.stem, path.parent.name
    for part in (GUIDES, DENY_REASONS):
        for path in sorted(folder.glob(f"*/{part}*.md")):
            yield path, part + path.stem, path.parent.parent.name


class Library:
    """The templates of one folder, read once, and above them the editions that staff published.

    Attributes:
        default_locale: the language in which people are answered who do not tell theirs.
        locales: the languages that there is an answer in, the default one first.
    """

    def __init__(
        self,
        folder: Path | Files = SHIPPED,
        *,
        default_locale: str = "en",
        editions: Iterable[Edition] = (),
        drafts: Iterable[Template] = (),
    ) -> None:
        """Read `folder`; the package's own by default, found beside the code in a checkout and in a wheel alike.

        `editions` are what staff published; `drafts` stand above them, for a look at what would be.
        """
        self._files = read_files(folder) if isinstance(folder, Path) else folder
        self.default_locale = default_locale
        self._editions = tuple(editions)
        self._edited: dict[tuple[str, str], Template] = {}
        self._problems = list(self._files.problems)
        for edition in self._editions:
            self._take(edition)
        self._drafts = tuple(drafts)
        self._edited |= {(draft.name, draft.locale): draft for draft in self._drafts}
        self._templates = {**self._files.templates, **self._edited}
        found = sorted(locale for name, locale in self._templates if name == ANSWER)
        self.locales = tuple(sorted(found, key=lambda locale: locale != default_locale))

    def _take(self, edition: Edition) -> None:
        try:
            self._edited[edition.name, edition.locale] = read_edition(edition)
        except TemplateError as error:
            message = f"the published version {edition.version} cannot be used: {error.message}"
            self._problems.append(Problem(edition.name, edition.locale, error.line, message, error.column))

    def with_editions(self, editions: Iterable[Edition]) -> "Library":
        """Give a library of the same files and other editions."""
        return Library(self._files, default_locale=self.default_locale, editions=editions)

    def with_drafts(self, drafts: Iterable[Template]) -> "Library":
        """Give a library in which `drafts` are what they would be if they were published."""
        return Library(
            self._files,
            default_locale=self.default_locale,
            editions=self._editions,
            drafts=[*self._drafts, *drafts],
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with files and editions while reading them."""
        return tuple(self._problems)

    @property
    def templates(self) -> tuple[Template, ...]:
        """Every template in use, by name and locale."""
        return tuple(self._templates[key] for key in sorted(self._templates))

    def published(self, name: str, locale: str) -> Edition | None:
        """Give what staff published of this name and locale, fit for use or not; None where they did not."""
        return next((each for each in self._editions if (each.name, each.locale) == (name, locale)), None)

    def exact(self, name: str, locale: str) -> Template | None:
        """Give what is in use of this name and this very locale."""
        return self._templates.get((name, locale))

    def shipped(self, name: str, locale: str) -> Template | None:
        """Give what the folder has of this name and locale."""
        return self._files.templates.get((name, locale))

    def candidates(self, name: str, locale: str) -> tuple[Template, ...]:
        """Give the templates to try for `name`, best first: in `locale`, in the default locale, in English.

        In each locale the edition of staff comes before the shipped text, which is still there should it fail.
        """
        wanted = dict.fromkeys((locale, self.default_locale, "en"))
        places = [
            place
            for each in wanted
            for place in (self._edited.get((name, each)), self._files.templates.get((name, each)))
        ]
        return tuple(filter(None, places))

    def find(self, name: str, locale: str) -> Template | None:
        """Give the best template for `name` in `locale`, None when there is none in any locale we may use."""
        return next(iter(self.candidates(name, locale)), None)

    def parts(self, folder: str, locale: str) -> dict[str, Template]:
        """Give the guides (`GUIDES`) or deny reasons (`DENY_REASONS`) that `find` has for `locale`, by key."""
        names = dict.fromkeys(name for name, _ in sorted(self._templates) if name.startswith(folder))
        found = filter(None, (self.find(name, locale) for name in names))
        return {template.key: template for template in found}

    def guides(self, locale: str) -> dict[str, tuple[str, ...]]:
        """Give for each guide in `locale`, by key, the software that it is for."""
        return {key: guide.software for key, guide in self.parts(GUIDES, locale).items()}
