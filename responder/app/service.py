"""The service: every part built once, started and stopped in order."""

import asyncio
import signal
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial

from responder import __version__, maillog
from responder.app.database import make_data_dir, open_database
from responder.app.errors import StartError
from responder.app.identity import make_identity
from responder.app.parts import make_delivery_terms, make_relay, make_smtp_limits, make_terms, make_tls_context
from responder.app.reloading import reread
from responder.app.sockets import bind, raise_file_limit
from responder.app.wording import make_letters, make_library, make_renderer
from responder.domain.reading import read
from responder.faces.smtpd import SmtpFace
from responder.faces.worker import WorkerFace
from responder.services.clock import ClockWatch, SystemClock
from responder.services.delivery import Delivery
from responder.services.instance import make_instance
from responder.services.intake import Intake
from responder.services.upkeep import Upkeep
from responder.settings import Loaded, Settings, hide_password
from responder.storage import secrets
from responder.storage.errors import StorageError
from responder.storage.writer import Writer

_KEY_NAME = "identity"
_KEY_BYTES = 32
_SMTP_DRAIN_SECONDS = 20
_WORKER_DRAIN_SECONDS = 30


class Service:
    """One process of the service, with some or all of its faces."""

    def __init__(self, loaded: Loaded, faces: Collection[str], *, migrates: bool) -> None:
        """Take the sockets, open the database and build everything; nothing runs yet but the writer.

        Raises:
            StartError: something is missing; the process should end.
        """
        settings = loaded.settings
        self.loaded = loaded
        self._faces = faces
        sockets = bind("smtp.listen", settings.smtp.listen) if "smtp" in faces else []
        make_data_dir(settings)
        self._engine = open_database(settings, migrates=migrates)
        self._writer = Writer(self._engine)
        self._writer.start()
        self.identity = make_identity(settings, self._read_key())
        self.library = make_library(settings)
        self.delivery: Delivery | None = None
        self.worker: WorkerFace | None = None
        if "worker" in faces:
            self.worker = self._make_worker(settings)
        self.intake: Intake | None = None
        self.smtp: SmtpFace | None = None
        if "smtp" in faces:
            raise_file_limit(settings.smtp.max_connections)
            self.intake = self._make_intake(settings)
            self.smtp = SmtpFace(
                sockets,
                identity=self.identity,
                limits=make_smtp_limits(settings),
                submit=self.intake.submit,
                trusted_relays=settings.smtp.trusted_relays,
                tls_context=make_tls_context(settings),
            )

    def _read_key(self) -> bytes:
        """Give the key that all nodes share, made at the very first start."""
        try:
            return self._writer.run(partial(secrets.get_or_make, name=_KEY_NAME, nbytes=_KEY_BYTES)).result()
        except StorageError as error:
            raise StartError(str(error)) from None

    def _make_worker(self, settings: Settings) -> WorkerFace:
        clock = SystemClock()
        instance = make_instance(self.identity.hostname)
        self.delivery = Delivery(
            self._engine,
            self._writer,
            letters=make_letters(settings, self.library),
            words=make_renderer(settings, self.library, self.identity),
            transport=make_relay(settings, self.identity.hostname),
            terms=make_delivery_terms(settings),
            instance=instance,
            clock=clock,
            watch=ClockWatch(clock),
        )
        upkeep = Upkeep(
            self._writer,
            clock,
            instance=instance,
            faces=",".join(self._faces),
            version=__version__,
            retry_seconds=settings.relay.retry_seconds,
        )
        return WorkerFace(self.delivery, upkeep, connections=settings.relay.connections)

    def _make_intake(self, settings: Settings) -> Intake:
        return Intake(
            self._writer,
            self.identity,
            make_terms(settings),
            read=partial(read, identity=self.identity, locales=self.library.locales),
            node=self.identity.hostname,
            clock=lambda: datetime.now(UTC),
            on_answer=self.worker.wake if self.worker else lambda: None,
        )

    async def serve(self) -> None:
        """Run until SIGTERM or SIGINT, then drain."""
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, reread, self)
        await self._start()
        maillog.started(
            version=__version__, faces=",".join(self._faces), database=hide_password(self.loaded.settings.database_url)
        )
        await stopping.wait()
        maillog.stopping()
        await self._drain()
        maillog.stopped()

    async def _start(self) -> None:
        if self.worker:
            self.worker.start()
        if self.intake and self.smtp:
            self.intake.start()
            await self.smtp.start()

    async def _drain(self) -> None:
        """Stop in the order of a message's path, so that each part empties itself into the next."""
        if self.intake and self.smtp:
            await self.smtp.drain(_SMTP_DRAIN_SECONDS)
            await asyncio.to_thread(self.intake.stop)
        if self.worker:
            await asyncio.to_thread(self.worker.drain, _WORKER_DRAIN_SECONDS)
        await asyncio.to_thread(self._writer.stop)
        self._engine.dispose()
