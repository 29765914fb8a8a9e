"""One template: Markdown with TOML front matter, `LOCALE/NAME.md`, or a part that messages hold.

Parts are `LOCALE/guides/KEY.md` and `LOCALE/deny-reasons/KEY.md`; `LOCALE/refusal.md` is the line that a refused server
is told.

```
+++
title = "Exchange Server 2007"
+++
Steps in Markdown ...
```
"""

import re
import tomllib
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

GUIDES = "guides/"
DENY_REASONS = "deny-reasons/"
ANSWER = "answer"
REFUSAL = "refusal"
SHIPPED_SOURCE, EDITED_SOURCE = "shipped", "edited"
MAX_SOURCE_CHARACTERS = 32 * 1024
MAX_LISTED = 100

_NAME = re.compile(r"(?:guides/|deny-reasons/)?[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}", re.ASCII)
_FENCE = "+++"
_KEYS = {"title": str, "subject": str, "literals": list, "software": list, "translates": str}
_MAX_FRONT_CHARACTERS = 8 * 1024
_MAX_FIELD_CHARACTERS = 200
_MAX_LINE_CHARACTERS = 1_000
_KINDS = {str: "text in quotes", list: "list in square brackets"}
# Line ends other than \n, control characters, lone surrogates; and the private characters that rendering uses.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\uf8ff]")


class TemplateError(Exception):
    """A template cannot be used.

    Attributes:
        message: why, for the person who wrote it.
        line: where in its file, counted from 1; None when no line is to blame.
        column: where in that line, counted from 1; None when it cannot be told.
    """

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one template, and in which line and column of its file (None when none is to blame)."""

    name: str
    locale: str
    line: int | None
    message: str
    column: int | None = None

    def __str__(self) -> str:
        where = f"{self.locale}/{self.name}" + (f", line {self.line}" if self.line else "")
        where += f", column {self.column}" if self.line and self.column else ""
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Template:
    """One template in one locale.

    Attributes:
        name: `answer`, or with its folder `guides/KEY`, `deny-reasons/KEY` for a part.
        locale: language tag, lower-cased.
        title: what it is called; a guide's heading in the answer, a deny reason's name on the staff's pages.
        subject: of the message, a template of one line; empty where the template is no message.
        body: Markdown with Jinja2 expressions.
        body_line: the line of the file on which `body` begins.
        literals: texts that must come through unchanged in both parts.
        software: which software a guide is for, as `responder.domain.guides.software_names` names it.
        source: `shipped` or `edited`.
        version: counts the edited versions; None for a shipped one.
        version_id: the id of that version.
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
    translates: str = ""
    text: str = ""
    source: str = SHIPPED_SOURCE
    version: int | None = None
    version_id: int | None = None
    published_at: datetime | None = None
    published_by: str | None = None

    @property
    def is_part(self) -> bool:
        """It is a guide or deny reason, which stands in messages, and no message itself."""
        return "/" in self.name

    @property
    def is_message(self) -> bool:
        """It is a whole message, with a subject."""
        return not self.is_part and self.name != REFUSAL

    @property
    def key(self) -> str:
        """Its name without the folder."""
        return self.name.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """The digest of its text, in hexadecimal."""
        return sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    def problem(self, error: TemplateError) -> Problem:
        """Give `error` as a problem of this template."""
        return Problem(self.name, self.locale, error.line, error.message, error.column)


@dataclass(frozen=True, slots=True)
class Edition:
    """A version that staff published: which template in which locale, its text, number and id, when and by whom."""

    name: str
    locale: str
    text: str
    version: int
    version_id: int
    published_at: datetime
    published_by: str


def parse_template(name: str, locale: str, text: str) -> Template:
    """Read the text of one template file.

    Raises:
        TemplateError: a name, the front matter or a character in the text is not allowed.
    """
    check_name(name, locale)
    if len(text) > MAX_SOURCE_CHARACTERS:
        raise TemplateError(f"more than {MAX_SOURCE_CHARACTERS:,} characters")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if bad := _FORBIDDEN.search(text):
        column = bad.start() - text.rfind("\n", 0, bad.start())
        line = text.count("\n", 0, bad.start()) + 1
        raise TemplateError(f"the character U+{ord(bad[0]):04X} is not allowed; take it out", line, column)
    front, body, body_line = _split(text)
    try:
        return replace(_build(name, locale, _read_front_matter(front), body, body_line), text=text)
    except _FieldError as error:
        raise TemplateError(f"front matter: {error.message}", _line_of(front, error.key)) from error


class _FieldError(Exception):
    """Something is wrong with the field `key` of the front matter."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key
        self.message = message


def _line_of(front: str, key: str) -> int:
    """Give the line of the file in which a field stands, the first one where it is missing."""
    lines = enumerate(front.split("\n"), 2)
    return next((number for number, line in lines if line.partition("=")[0].strip(" \"'") == key), 1)


def check_name(name: str, locale: str) -> None:
    """Make sure that these can name a template.

    Raises:
        TemplateError: they cannot.
    """
    if not _NAME.fullmatch(name):
        raise TemplateError(f"{name!r} is no name for a template")
    if not _LOCALE.fullmatch(locale):
        raise TemplateError(f"{locale!r} is no name for a locale")


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
    if len(front) > _MAX_FRONT_CHARACTERS:
        raise TemplateError(f"front matter: more than {_MAX_FRONT_CHARACTERS:,} characters", 1)
    try:
        fields: dict[str, object] = tomllib.loads(f"{front}\n")
    except (ValueError, RecursionError) as error:
        raise _toml_error(error) from error
    for key, value in fields.items():
        if key not in _KEYS:
            raise _FieldError(key, f"{key!r} is not known; there are {', '.join(_KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise _FieldError(key, f"{key!r} must be a {_KINDS[_KEYS[key]]}")
    return fields


def _toml_error(error: Exception) -> TemplateError:
    """Give what the TOML parser says; it counts lines from the one below the fence."""
    if not isinstance(error, tomllib.TOMLDecodeError):  # numbers of thousands of digits, lists in lists in lists
        return TemplateError("front matter: cannot be read as TOML", 1)
    where = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
    if where is None:
        return TemplateError(f"front matter: {error}")
    return TemplateError(f"front matter: {str(error)[: where.start()]}", int(where[1]) + 1, int(where[2]))


def _build(name: str, locale: str, fields: dict[str, object], body: str, body_line: int) -> Template:
    title, subject = str(fields.get("title", "")).strip(), str(fields.get("subject", "")).strip()
    if not title:
        raise _FieldError("title", 'the title is missing: write title = "..."')
    if not subject and "/" not in name and name != REFUSAL:
        raise _FieldError("subject", 'the subject is missing: write subject = "..."')
    for key, value in (("title", title), ("subject", subject)):
        if "\n" in value or len(value) > _MAX_LINE_CHARACTERS:
            raise _FieldError(key, f"the {key} is one line of at most {_MAX_LINE_CHARACTERS} characters")
    literals = _strings(fields, "literals")
    software = tuple(name.lower() for name in _strings(fields, "software"))
    translates = str(fields.get("translates", ""))
    return Template(name, locale, title, subject, body, body_line, literals, software, translates)


def _strings(fields: dict[str, object], key: str) -> tuple[str, ...]:
    values = fields.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) and value.strip() for value in values):
        raise _FieldError(key, f"{key!r} must be a list of texts")
    if len(values) > MAX_LISTED or any(len(value) > _MAX_FIELD_CHARACTERS for value in values):
        raise _FieldError(key, f"{key!r} lists at most {MAX_LISTED} texts of {_MAX_FIELD_CHARACTERS} characters")
    return tuple(values)


def read_edition(edition: Edition) -> Template:
    """Read the text of a published version.

    Raises:
        TemplateError: as `parse_template`.
    """
    return replace(
        parse_template(edition.name, edition.locale, edition.text),
        source=EDITED_SOURCE,
        version=edition.version,
        version_id=edition.version_id,
        published_at=edition.published_at,
        published_by=edition.published_by,
    )
