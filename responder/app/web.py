"""The face for staff, made of the settings."""

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial

from sqlalchemy import Engine

from responder import __version__
from responder.app.parts import give_up_after, overdue_after
from responder.app.review import make_blocked, make_exemptions, make_review
from responder.app.wording import Wording, make_letters, make_renderer, renderer_for_looking
from responder.domain.identity import Identity
from responder.faces.web import Office, Site, WebFace
from responder.faces.web.server import THREADS
from responder.services.clock import Clock
from responder.services.database import Database
from responder.services.exports.on_demand import ExportServer
from responder.services.guide_page import read_guide
from responder.services.queue import Queue
from responder.services.readiness import Readiness
from responder.services.sign_in import SignIn
from responder.services.templates.desk import TemplateDesk
from responder.services.templates.file import DENY_REASONS
from responder.services.templates.library import Library
from responder.services.templates.room import TemplateRoom
from responder.settings import Settings
from responder.storage.engine import make_engine
from responder.storage.writer import Writer


class WebPart:
    """The face, and connections of its own: nobody else waits for one while pages are made, nor they for others."""

    def __init__(
        self,
        settings: Settings,
        sockets: Iterable[socket.socket],
        *,
        writer: Writer,
        identity: Identity,
        clock: Clock,
        wording: Wording,
        on_notice: Callable[[], None],
        policy_counts: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """Build it.

        Args:
            settings: of the service.
            sockets: to listen on.
            writer: of the process.
            identity: who we are.
            clock: gives the time.
            wording: the words in use.
            on_notice: called once a message to a sender is queued.
            policy_counts: gives what a policy service of this process has in memory.
        """
        self._engine = make_engine(settings.database_url, pool_size=THREADS)
        self._make_office = partial(
            make_office,
            engine=self._engine,
            writer=writer,
            identity=identity,
            clock=clock,
            wording=wording,
            on_notice=on_notice,
        )
        self.face = WebFace(sockets, replace(self._make_office(settings), policy_counts=policy_counts))

    def apply(self, settings: Settings) -> None:
        """Go on with other settings; what has a memory of its own stays."""
        old: Office = self.face.app.state.office
        self.face.app.state.office = replace(
            self._make_office(settings), sign_in=old.sign_in, exports=old.exports, policy_counts=old.policy_counts
        )

    async def start(self) -> None:
        """Begin to take connections."""
        await self.face.start()

    async def drain(self) -> None:
        """Finish what is under way and end."""
        await self.face.drain()
        self._engine.dispose()


def make_office(
    settings: Settings,
    *,
    engine: Engine,
    writer: Writer,
    identity: Identity,
    clock: Clock,
    wording: Wording,
    on_notice: Callable[[], None],
) -> Office:
    """Give what pages and API work with."""
    database = Database(engine, writer, clock)
    words = lru_cache(maxsize=1)(partial(make_renderer, settings, identity=identity))
    return Office(
        database=database,
        sign_in=SignIn(database, identity.key),
        queue=Queue(engine, clock=clock),
        review=make_review(settings, writer, identity, clock=clock, on_notice=on_notice),
        exemptions=make_exemptions(settings, writer, identity, clock=clock, on_notice=on_notice),
        blocked=make_blocked(writer, clock=clock),
        deny_reasons=lambda: _titles(wording.library, settings.reply.default_locale),
        guide=lambda locale, key: read_guide(words(wording.library), locale, key),
        exports=ExportServer(engine, clock),
        readiness=Readiness(engine, clock, settings.under_data_dir("")).parts,
        give_up_after=give_up_after(settings),
        templates=make_template_room(settings, database, identity, wording=wording, on_trial=on_notice),
        site=make_site(settings),
    )


def make_template_room(
    settings: Settings, database: Database, identity: Identity, *, wording: Wording, on_trial: Callable[[], None]
) -> TemplateRoom:
    """Give what the pages about templates work with."""
    desk = TemplateDesk(
        database,
        files=lambda: wording.library,
        make_renderer=renderer_for_looking(settings),
        on_change=wording.wake,
    )
    return TemplateRoom(
        desk=desk,
        letters=partial(make_letters, settings),
        identity=identity,
        envelope_sender=settings.relay.envelope_sender,
        addresses=tuple(settings.staff.notify),
        on_trial=on_trial,
    )


def make_site(settings: Settings) -> Site:
    """Give where and for whom the pages are."""
    return Site(
        organization=settings.organization.name,
        base_url=settings.web.base_url.rstrip("/"),
        trusted_proxies=settings.web.trusted_proxies,
        user_header=settings.web.user_header,
        overdue_after=overdue_after(settings),
        version=__version__,
    )


def _titles(library: Library, locale: str) -> dict[str, str]:
    return {key: template.title for key, template in library.parts(DENY_REASONS, locale).items()}
