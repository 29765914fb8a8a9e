"""The template desk: staff write versions, look at them, publish those that are in order, and go back.

Nothing is published that does not pass the check; what was published stays in the database for good.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff

from sqlalchemy import Connection, RowMapping

from responder.domain.actor import Actor
from responder.services.checking import MakeRenderer, check_draft, check_text
from responder.services.database import Database
from responder.services.letter import Letter
from responder.services.rendering import Page, Renderer
from responder.services.templates.file import Edition, Problem, Template, TemplateError, parse_template
from responder.services.templates.library import Library
from responder.storage import templates as storage
from responder.storage.audit import note_event
from responder.storage.serials import TEMPLATES, read_serial

WITHDRAWN = "withdrawn"
MAX_WHY_CHARACTERS = 500
_ATTEMPTS = 5


class DeskError(Exception):
    """What was asked for cannot be done; says why and what to do, in one line."""


class Unfit(DeskError):
    """The text does not pass the check.

    Attributes:
        problems: all that is wrong with it.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Conflict(DeskError):
    """Somebody else was faster: the text is no longer what the author saw."""


@dataclass(frozen=True, slots=True)
class Change:
    """A text to be stored: of which template, what its author started from, and who they are.

    Attributes:
        base: SHA-256 of the text in use when they began, None where there was none or it does not matter.
    """

    name: str
    locale: str
    text: str
    base: str | None = None

    @property
    def place(self) -> str:
        """Where its file stands, as people name it."""
        return f"{self.locale}/{self.name}"


def read_editions(connection: Connection) -> list[Edition]:
    """Give what staff published."""
    return [
        Edition(
            row["name"],
            row["locale"],
            row["source"],
            version=row["version"],
            version_id=row["id"],
            published_at=row["published_at"],
            published_by=row["published_by"],
        )
        for row in storage.read_published(connection)
    ]


class TemplateDesk:
    """What people do to templates, on the command line and on pages; every change is on disk when its method ends."""

    def __init__(
        self,
        database: Database,
        *,
        files: Callable[[], Library],
        make_renderer: MakeRenderer,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what gives the shipped templates, what makes a renderer of a library, and who hears of changes."""
        self.database = database
        self.make_renderer = make_renderer
        self._files = files
        self._on_change = on_change

    def library(self) -> Library:
        """Give the templates as they are in use now."""
        return self.database.read(lambda connection: self._files().with_editions(read_editions(connection)))

    def _look(self) -> tuple[int, Library]:
        """Give the templates in use, and the serial by which a later change is noticed."""
        with self.database.engine.connect() as connection:
            return read_serial(connection, TEMPLATES), self._files().with_editions(read_editions(connection))

    def check(self, name: str, locale: str, text: str) -> list[Problem]:
        """Give all that keeps `text` from being published; nothing is stored."""
        return check_text(self.library(), self.make_renderer, name, locale, text)[1]

    def renderer_with(self, draft: Template) -> Renderer:
        """Give a renderer for which `draft` is published."""
        return self.make_renderer(self.library().with_drafts([draft]))

    def preview(self, name: str, locale: str, text: str, letter: Letter) -> Page:
        """Give what `text` would say in `letter`.

        Raises:
            TemplateError: it cannot be read or rendered; line and column are those of `text`.
        """
        draft = parse_template(name, locale, text)
        return self.renderer_with(draft).page(draft, replace(letter, template=name, locale=locale))

    def versions(self, name: str, locale: str) -> Sequence[RowMapping]:
        """Give the versions that staff wrote of one template, newest first."""
        return self.database.read(lambda connection: storage.list_versions(connection, name, locale))

    def draft(self, name: str, locale: str) -> int | None:
        """Give the number of the version that waits to be published, None where none does.

        Only the newest waits, and only if it never was published: what was taken back is history.
        """
        rows = self.database.read(lambda connection: storage.list_versions(connection, name, locale, limit=1))
        return next((int(row["version"]) for row in rows if not row["was_published"]), None)

    def newest_versions(self) -> Sequence[RowMapping]:
        """Give the newest version of every template that staff wrote, whether it is in use or not."""
        return self.database.read(storage.newest_versions)

    def events(self, name: str, locale: str) -> Sequence[RowMapping]:
        """Give when and by whom versions of one template were published and withdrawn, oldest first."""
        return self.database.read(lambda connection: storage.events(connection, name, locale))

    def text(self, name: str, locale: str, version: int | None = None) -> str:
        """Give the text of `version`; of the one in use without it.

        Raises:
            DeskError: there is none.
        """
        if version is not None:
            return str(self._version(name, locale, version)["source"])
        found = self.library().exact(name, locale)
        if found is None:
            raise DeskError(f"there is no template {locale}/{name}; `responder templates list` shows all")
        return found.text

    def _version(self, name: str, locale: str, version: int) -> RowMapping:
        row = self.database.read(lambda connection: storage.find_version(connection, name, locale, version))
        if row is None:
            raise DeskError(
                f"there is no version {version} of {locale}/{name}; `responder templates history` shows all"
            )
        return row

    def save(self, change: Change, *, actor: Actor, why: str) -> int:
        """Store a text as a new version, which nobody gets until it is published, and give its number.

        A draft need not be fit yet; but it must be readable as a template, so that it can be looked at.

        Raises:
            Unfit: it is no template at all.
            Conflict: `change.base` is no longer the text in use.
        """
        try:
            parse_template(change.name, change.locale, change.text)
        except TemplateError as error:
            raise Unfit([Problem(change.name, change.locale, error.line, error.message, error.column)]) from error
        return int(self.database.write(lambda connection: self._add(connection, change, actor, why))["version"])

    def _add(self, connection: Connection, change: Change, actor: Actor, why: str) -> RowMapping:
        library = self._files().with_editions(read_editions(connection))
        shipped, current = (find(change.name, change.locale) for find in (library.shipped, library.exact))
        if change.base is not None and (current is None or current.sha256 != change.base):
            raise Conflict(f"{change.place} was changed by somebody else since you began; look at the difference")
        return storage.add_version(
            connection,
            name=change.name,
            locale=change.locale,
            source=change.text,
            shipped_sha256=shipped.sha256 if shipped else None,
            created_by=actor.name,
            why=why[:MAX_WHY_CHARACTERS],
            at=self.database.now(),
        )

    def publish(self, name: str, locale: str, version: int, *, actor: Actor, why: str) -> None:
        """Let a version be used from now on.

        Raises:
            DeskError: there is no such version.
            Unfit: it does not pass the check.
            Conflict: others kept changing templates meanwhile.
        """
        row = self._version(name, locale, version)
        for _ in range(_ATTEMPTS):
            serial, library = self._look()
            _, problems = check_text(library, self.make_renderer, name, locale, row["source"])
            if problems:
                raise Unfit(problems)

            def work(connection: Connection, serial: int = serial) -> bool:
                return self._publish(connection, [row], serial, actor, why)

            if self.database.write(work):
                self._on_change()
                return
        raise Conflict("templates are being changed by others; try again")

    def _publish(self, connection: Connection, rows: Iterable[RowMapping], serial: int, actor: Actor, why: str) -> bool:
        """Publish versions that were checked when the serial was `serial`; tell whether that was still so."""
        if storage.lock(connection) != serial:
            return False
        for row in rows:
            before = storage.find_published(connection, row["name"], row["locale"])
            storage.publish(connection, row, by=actor.name, at=self.database.now())
            self._note(connection, (storage.PUBLISHED, before, row), actor, why)
        return True

    def publish_all(self, changes: Sequence[Change], *, actor: Actor, why: str) -> list[int]:
        """Store texts that may need one another and publish them together, or none; gives their versions.

        Raises:
            Unfit: some do not pass the check.
            Conflict: some were changed by somebody else, or others kept changing templates meanwhile.
        """
        for _ in range(_ATTEMPTS):
            serial, library = self._look()
            self._check_all(library, changes)

            def work(connection: Connection, serial: int = serial) -> list[int] | None:
                if storage.lock(connection) != serial:
                    return None
                rows = [self._add(connection, change, actor, why) for change in changes]
                self._publish(connection, rows, storage.lock(connection), actor, why)
                return [int(row["version"]) for row in rows]

            if (versions := self.database.write(work)) is not None:
                self._on_change()
                return versions
        raise Conflict("templates are being changed by others; try again")

    def check_all(self, changes: Sequence[Change]) -> None:
        """Check texts as if they were published together.

        Raises:
            Unfit: some do not pass.
        """
        self._check_all(self.library(), changes)

    def _check_all(self, library: Library, changes: Iterable[Change]) -> None:
        problems: list[Problem] = []
        drafts: list[Template] = []
        for change in changes:
            try:
                drafts.append(parse_template(change.name, change.locale, change.text))
            except TemplateError as error:
                problems.append(Problem(change.name, change.locale, error.line, error.message, error.column))
        together = library.with_drafts(drafts)
        problems += [each for draft in drafts for each in check_draft(together, self.make_renderer, draft)]
        if problems:
            raise Unfit(problems)

    def withdraw(self, name: str, locale: str, *, actor: Actor, why: str) -> None:
        """Let the shipped text be used again; the versions stay.

        Raises:
            DeskError: it is in use already, or nothing of that name is shipped and messages need it.
        """
        if "/" not in name and self._files().with_editions(()).find(name, locale) is None:
            raise DeskError(f"nothing is shipped that could take the place of {locale}/{name}")

        def work(connection: Connection) -> bool:
            storage.lock(connection)
            before = storage.find_published(connection, name, locale)
            if before is None:
                return False
            storage.withdraw(connection, name, locale)
            self._note(connection, (WITHDRAWN, before, None), actor, why)
            return True

        if not self.database.write(work):
            raise DeskError(f"no version of {locale}/{name} is in use: it is the shipped text already")
        self._on_change()

    def _note(
        self, connection: Connection, what: tuple[str, RowMapping | None, RowMapping | None], actor: Actor, why: str
    ) -> None:
        """Write down an event: its name, and the versions in use before and after it."""
        event, before, after = what
        subject = after or before
        if subject is not None:
            data = {"name": subject["name"], "locale": subject["locale"], "why": why[:MAX_WHY_CHARACTERS]}
            states = (_state(before), _state(after))
            about = (storage.SUBJECT, subject["id"])
            note_event(connection, about, event, actor, self.database.now(), states=states, data=data)

    def before(self, name: str, locale: str) -> int | None:
        """Give the version that was in use before the present one; None is the shipped text.

        Raises:
            DeskError: no version is in use.
        """
        with self.database.engine.connect() as connection:
            current = storage.find_published(connection, name, locale)
            events = storage.events(connection, name, locale)
        if current is None:
            raise DeskError(f"no version of {locale}/{name} is in use: it is the shipped text already")
        states = (each["from_state"] for each in reversed(events) if each["to_state"] == _state(current))
        state = next(states, None)
        return int(state) if state and state.isdecimal() else None


def _state(version: RowMapping | None) -> str:
    return "shipped" if version is None else str(version["version"])


def difference(old: str, new: str, old_label: str, new_label: str) -> list[str]:
    """Give the lines of a unified difference, none where the texts are the same."""
    lines = unified_diff(old.splitlines(), new.splitlines(), old_label, new_label, lineterm="")
    return list(lines)
