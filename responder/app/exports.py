"""What exports are built from, and the thread that keeps their files."""

import threading

from sqlalchemy import Engine

from responder import maillog
from responder.app.errors import StartError
from responder.services.clock import Clock
from responder.services.exports.publishing import Publisher, PublishingTerms
from responder.settings import Settings
from responder.storage.errors import is_passing

_POLL_SECONDS = 1.0
_END_SECONDS = 10.0


def make_publishing_terms(settings: Settings) -> PublishingTerms:
    """Give what is published where.

    Raises:
        StartError: the settings name no folder or no format.
    """
    export = settings.export
    if not export.directory or not export.formats:
        raise StartError("nothing is published: export.directory and export.formats say where and what")
    return PublishingTerms(
        folder=settings.under_data_dir(export.directory),
        formats=tuple(dict.fromkeys(export.formats)),
        every_seconds=export.every_seconds,
        max_shrink_percent=export.max_shrink_percent,
    )


def make_publishing_loop(settings: Settings, engine: Engine, clock: Clock) -> "PublishingLoop | None":
    """Give the thread that keeps the files, None where the settings ask for none."""
    if not settings.export.directory or not settings.export.formats:
        return None
    return PublishingLoop(Publisher(engine, clock, make_publishing_terms(settings)))


class PublishingLoop:
    """Looks every second whether the files have to be written anew."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._is_in_trouble = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it; a file that is being written is finished, unless that takes long."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._publisher.publish_due()
                self._is_in_trouble = False
            except Exception as error:  # noqa: BLE001 - this thread must outlive whatever the database does
                self._note(error)
            self._stopping.wait(_POLL_SECONDS)

    def _note(self, error: Exception) -> None:
        if self._is_in_trouble:
            return
        self._is_in_trouble = True
        if is_passing(error):
            maillog.storage_trouble(what="read", error=error)
        else:
            maillog.incident(where="publisher", error=error)
