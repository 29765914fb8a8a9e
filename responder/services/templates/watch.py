"""The templates in use, in the memory of a running process: taken anew from the database when staff change them."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine

from responder.domain.actor import SERVICE
from responder.services.clock import Clock
from responder.services.letter import Letter
from responder.services.rendering import Rendered, Renderer
from responder.services.templates.desk import read_editions
from responder.services.templates.library import Library
from responder.storage import templates as storage
from responder.storage.audit import note_event
from responder.storage.serials import TEMPLATES, read_serial
from responder.storage.writer import Writer

FAILED = "failed"
_MOST_TROUBLES = 100


class TemplateWatch:
    """Knows which templates are in use; `refresh` in one thread, `library` in any.

    Attributes:
        library: the templates in use, the shipped ones until the first refresh.
    """

    def __init__(self, engine: Engine, files: Library) -> None:
        """Take the database and the shipped templates."""
        self._engine = engine
        self._serial: int | None = None
        self.library = files

    def take(self, files: Library) -> None:
        """Go on with other shipped templates, from the next refresh on."""
        self.library = files
        self._serial = None

    def refresh(self) -> bool:
        """Take what is published if it has changed, and tell whether it has.

        Raises:
            SQLAlchemyError, StorageError: the database cannot be read; what was known stays.
        """
        with self._engine.connect() as connection:
            serial = read_serial(connection, TEMPLATES)
            if serial == self._serial:
                return False
            self.library = self.library.with_editions(read_editions(connection))
        self._serial = serial
        return True


class Troubles:
    """Notes for staff which templates failed in use; the same trouble once for each process."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._noted: set[tuple[str, str, str]] = set()

    def note(self, name: str, locale: str, problem: str) -> None:
        """Note that a template could not be used; does not wait, and never fails."""
        trouble = (name, locale, problem)
        if trouble in self._noted or len(self._noted) >= _MOST_TROUBLES:
            return
        self._noted.add(trouble)
        data = {"name": name, "locale": locale, "problem": problem}
        at = self._clock.now()
        self._writer.run(
            lambda connection: note_event(connection, (storage.SUBJECT, 0), FAILED, SERVICE, at, data=data)
        )


def find_troubles(connection: Connection, since: datetime) -> list[str]:
    """Give which templates failed in use since then, newest first, each in one line: for the alarm to staff."""
    rows = storage.events_since(connection, FAILED, since, limit=_MOST_TROUBLES)
    lines = (f"{row['data']['locale']}/{row['data']['name']} failed in use: {row['data']['problem']}" for row in rows)
    return list(dict.fromkeys(lines))


class WatchedRenderer:
    """A renderer whose failures staff hear of."""

    def __init__(self, renderer: Renderer, note: Callable[[str, str, str], None]) -> None:
        """Take what words letters, and what takes name, locale and trouble of a template that failed."""
        self._renderer = renderer
        self._note = note

    def render(self, letter: Letter) -> Rendered:
        """Give the message for `letter`, as the renderer does."""
        rendered = self._renderer.render(letter)
        if rendered.problem:
            self._note(letter.template, letter.locale, rendered.problem)
        return rendered
