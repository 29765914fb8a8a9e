"""What words our messages, made of the settings: templates, letters, the renderer, the line of a refusal."""

import threading
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from responder import maillog
from responder.app.database import open_database
from responder.app.errors import StartError
from responder.app.identity import make_identity
from responder.domain.identity import Identity
from responder.domain.refusal_text import contact_for
from responder.services.checking import MakeRenderer
from responder.services.clock import Clock
from responder.services.letter import Blocklist, Organization
from responder.services.letters import Letters
from responder.services.refusal_words import RefusalWords
from responder.services.rendering import Renderer
from responder.services.templates.desk import read_editions
from responder.services.templates.library import Library
from responder.services.templates.watch import TemplateWatch, Troubles, WatchedRenderer
from responder.settings import Settings
from responder.storage.errors import StorageError
from responder.storage.writer import Writer

_NO_KEY = bytes(32)  # for what is looked at and never sent
_POLL_SECONDS = 0.5


def make_library(settings: Settings) -> Library:
    """Read the shipped templates."""
    return Library(default_locale=settings.reply.default_locale)


def read_library(settings: Settings) -> Library:
    """Give the templates as a running service uses them: what staff published too.

    Raises:
        StartError: the database cannot be read.
    """
    engine = open_database(settings, migrates=False)
    try:
        with engine.connect() as connection:
            return make_library(settings).with_editions(read_editions(connection))
    except (SQLAlchemyError, StorageError) as error:
        raise StartError(f"the published templates cannot be read: {type(error).__name__}") from None
    finally:
        engine.dispose()


def make_letters(settings: Settings, library: Library) -> Letters:
    """Give what turns rows into letters."""
    reply = settings.reply
    return Letters(
        library, guides=reply.guides, quote_subject=reply.quote_subject, blocklists=make_blocklists(settings)
    )


def make_blocklists(settings: Settings) -> list[Blocklist]:
    """Give the lists as letters name them."""
    return [Blocklist(each.name, each.provider, each.removal, each.contact) for each in settings.blocklists]


def make_renderer(settings: Settings, library: Library, identity: Identity) -> Renderer:
    """Give what words letters."""
    who = settings.organization
    return Renderer(
        library,
        sender=settings.reply.from_,
        organization=Organization(who.name, who.domain, who.postmaster, who.website),
        blocklists=make_blocklists(settings),
        html=settings.reply.html,
        identity=identity,
    )


def renderer_for_looking(settings: Settings) -> MakeRenderer:
    """Give what makes the renderer of a library, for previews and checks: what it makes bears no mark of ours."""
    return lambda library: make_renderer(settings, library, make_identity(settings, _NO_KEY))


class Wording:
    """The words of one process, kept as staff publish them.

    Attributes:
        letters: turns rows into letters.
        words: words letters.
        refusal: words the line that a refused server is told.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        *,
        engine: Engine,
        writer: Writer,
        clock: Clock,
        on_change: Callable[["Wording"], None],
    ) -> None:
        """Take the parts; `on_change` is called, in a thread of its own, whenever the words have changed."""
        self._settings = settings
        self._identity = identity
        self._on_change = on_change
        self._troubles = Troubles(writer, clock)
        self._watch = TemplateWatch(engine, make_library(settings))
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._in_trouble = False
        self._thread = threading.Thread(target=self._follow, name="templates", daemon=True)
        self._refresh()
        self._build()

    @property
    def library(self) -> Library:
        """The templates in use."""
        return self._watch.library

    def start(self) -> None:
        """Follow what staff publish."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def wake(self) -> None:
        """Say that something was published by this very process; cheap, for any thread."""
        self._wake.set()

    def apply(self, settings: Settings) -> None:
        """Go on with other settings, and read the shipped templates again."""
        with self._lock:
            self._settings = settings
            self._watch.take(make_library(settings))
            self._refresh()
            self._build()
        self._on_change(self)

    def _build(self) -> None:
        library = self._watch.library
        self.letters = make_letters(self._settings, library)
        renderer = make_renderer(self._settings, library, self._identity)
        self.words = WatchedRenderer(renderer, self._troubles.note)
        self.refusal = RefusalWords(library, contact_for(self._identity.bypass_addresses) or "")
        for problem in self.refusal.problems:
            maillog.template_failed(template=problem.name, locale=problem.locale, problem=problem.message)
            self._troubles.note(problem.name, problem.locale, problem.message)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()
            with self._lock:
                is_new = self._refresh()
                if is_new:
                    self._build()
            if is_new:
                maillog.templates_changed(edited=sum(each.version is not None for each in self.library.templates))
                self._on_change(self)

    def _refresh(self) -> bool:
        """Take what is published, and tell whether it changed; without the database what is known stays."""
        try:
            is_new = self._watch.refresh()
        except (SQLAlchemyError, StorageError) as error:
            if not self._in_trouble:
                maillog.storage_trouble(what="templates", error=error)
            self._in_trouble = True
            return False
        self._in_trouble = False
        return is_new
