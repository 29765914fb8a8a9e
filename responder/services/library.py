"""Template files: Markdown with TOML front matter, `LOCALE/NAME.md` and `LOCALE/guides/KEY.md`.

```
+++
title = "Exchange Server 2007"
+++
Steps in Markdown ...
```

What is wrong with a file is a value (`Problem`), not an exception: one bad file never takes the others away.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SHIPPED = Path(__file__).resolve().parent.parent / "templates"
GUIDES = "guides/"
MAX_SOURCE_CHARACTERS = 64 * 1024

_NAME = re.compile(r"(?:guides/)?[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}", re.ASCII)
_FENCE = "+++"
_KEYS = {"title": str, "subject": str, "literals": list, "software": list}
# Line ends other than \n, control characters, lone surrogates; and the private characters that rendering uses.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\uf8ff]")


class TemplateError(Exception):
    """A template cannot be used.

    Attributes:
        message: why, for the person who wrote it.
        line: where in its file, counted from 1; None when no line is to blame.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one template, and in which line of its file (None when no line is to blame)."""

    name: str
    locale: str
    line: int | None
    message: str

    def __str__(self) -> str:
        where = f"{self.locale}/{self.name}" + (f", line {self.line}" if self.line else "")
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one locale.

    Attributes:
        name: `answer`, or `guides/KEY` for a guide.
        locale: language tag, lower-cased.
        title: what it is called; a guide's heading in the answer.
        subject: of the message, a template of one line; empty where the template is no message.
        body: Markdown with Jinja2 expressions.
        body_line: the line of the file on which `body` begins.
        literals: texts that must come through unchanged in both parts.
        software: which software a guide is for, `PRODUCT` or `PRODUCT VERSION`.
        source: `shipped` or `edited`.
        version: counts the edited versions; None for a shipped one.
        published_at: when the edited version was published.
        published_by: by whom.
    """

    name: str
    locale: str
    title: str
    subject: str
    body: str
    body_line: int
    literals: tuple[str, ...] = ()
    software: tuple[str, ...] = ()
    source: str = "shipped"
    version: int | None = None
    published_at: datetime | None = None
    published_by: str | None = None

    @property
    def is_guide(self) -> bool:
        """It is a part of an answer, not a message."""
        return self.name.startswith(GUIDES)

    def problem(self, error: TemplateError) -> Problem:
        """Give `error` as a problem of this template."""
        return Problem(self.name, self.locale, error.line, error.message)


def parse_template(name: str, locale: str, text: str) -> Template:
    """Read the text of one template file.

    Raises:
        TemplateError: a name, the front matter or a character in the text is not allowed.
    """
    if not _NAME.fullmatch(name):
        raise TemplateError(f"{name!r} is no name for a template")
    if not _LOCALE.fullmatch(locale):
        raise TemplateError(f"{locale!r} is no name for a locale")
    if len(text) > MAX_SOURCE_CHARACTERS:
        raise TemplateError(f"more than {MAX_SOURCE_CHARACTERS:,} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if bad := _FORBIDDEN.search(text):
        raise TemplateError(f"the character U+{ord(bad[0]):04X} is not allowed", text.count("\n", 0, bad.start()) + 1)
    front, body, body_line = _split(text)
    return _build(name, locale, _read_front_matter(front), body, body_line)


def _split(text: str) -> tuple[str, str, int]:
    """Give front matter, body, and the line on which the body begins."""
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        raise TemplateError(f"the first line must be {_FENCE}", 1)
    for number, line in enumerate(lines[1:], 1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 2
    raise TemplateError(f"no second line {_FENCE} ends the front matter", 1)


def _read_front_matter(front: str) -> dict[str, object]:
    try:
        fields: dict[str, object] = tomllib.loads(f"{front}\n")
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise TemplateError(f"front matter: {error}", int(line[1]) + 1 if line else None) from error
    for key, value in fields.items():
        if key not in _KEYS:
            raise TemplateError(f"front matter: {key!r} is not known; there are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise TemplateError(f"front matter: {key!r} must be a {_KEYS[key].__name__}")
    return fields


def _build(name: str, locale: str, fields: dict[str, object], body: str, body_line: int) -> Template:
    title, subject = str(fields.get("title", "")).strip(), str(fields.get("subject", "")).strip()
    if not title:
        raise TemplateError("front matter: the title is missing")
    if not subject and not name.startswith(GUIDES):
        raise TemplateError("front matter: the subject is missing")
    if "\n" in title or "\n" in subject:
        raise TemplateError("front matter: title and subject are one line each")
    literals, software = _strings(fields, "literals"), _strings(fields, "software")
    return Template(name, locale, title, subject, body, body_line, literals, software)


def _strings(fields: dict[str, object], key: str) -> tuple[str, ...]:
    values = fields.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise TemplateError(f"front matter: {key!r} must be a list of texts")
    return tuple(values)


class Library:
    """The templates of one folder, read once."""

    def __init__(self, folder: Path = SHIPPED, *, default_locale: str = "en") -> None:
        """Read `folder`; the package's own by default, found beside the code in a checkout and in a wheel alike."""
        self._default_locale = default_locale
        self._templates: dict[tuple[str, str], Template] = {}
        self._problems: list[Problem] = []
        for path, name, locale in _files(folder):
            self._load(path, name, locale)
        if not self._templates:
            self._problems.append(Problem("*", "*", None, f"there are no templates in {folder}"))

    def _load(self, path: Path, name: str, locale: str) -> None:
        try:
            template = parse_template(name, locale, path.read_text(encoding="utf-8"))
        except TemplateError as error:
            self._problems.append(Problem(name, locale, error.line, error.message))
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(Problem(name, locale, None, f"cannot be read: {type(error).__name__}"))
        else:
            self._templates[name, locale] = template

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with files while reading them."""
        return tuple(self._problems)

    @property
    def templates(self) -> tuple[Template, ...]:
        """Every template, by name and locale."""
        return tuple(self._templates[key] for key in sorted(self._templates))

    @property
    def locales(self) -> tuple[str, ...]:
        """The locales that an answer exists for, the default one first."""
        found = sorted(locale for name, locale in self._templates if name == "answer")
        return tuple(sorted(found, key=lambda locale: locale != self._default_locale))

    def candidates(self, name: str, locale: str) -> tuple[Template, ...]:
        """Give the templates to try for `name`, best first: in `locale`, in the default locale, in English."""
        wanted = dict.fromkeys((locale, self._default_locale, "en"))
        return tuple(self._templates[name, each] for each in wanted if (name, each) in self._templates)

    def find(self, name: str, locale: str) -> Template | None:
        """Give the best template for `name` in `locale`, None when there is none in any locale we may use."""
        return next(iter(self.candidates(name, locale)), None)

    def guides(self, locale: str) -> frozenset[str]:
        """Give the keys of the guides that `find` has for `locale`."""
        names = {template.name for template in self.templates if template.is_guide}
        return frozenset(name.removeprefix(GUIDES) for name in names if self.find(name, locale))


def _files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Give path, name and locale of every template file, in a stable order."""
    for path in sorted(folder.glob("*/*.md")):
        yield path, path.stem, path.parent.name
    for path in sorted(folder.glob("*/guides/*.md")):
        yield path, GUIDES + path.stem, path.parent.parent.name
