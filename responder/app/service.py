"""The service: every part built once, started and stopped in order."""

import asyncio
import signal
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any

from responder import __version__, maillog
from responder.app.database import make_data_dir, open_database
from responder.app.errors import StartError
from responder.app.evidence import make_inquirer, make_inquiry_terms
from responder.app.exports import PublishingLoop, make_publishing_loop
from responder.app.identity import make_identity
from responder.app.parts import kept_in, make_delivery_terms, make_relay, make_smtp_limits, make_terms, make_tls_context
from responder.app.policy import PolicyPart, remember_for
from responder.app.reloading import reread
from responder.app.review import Chores
from responder.app.sockets import bind, raise_file_limit
from responder.app.web import WebPart
from responder.app.wording import Wording
from responder.domain.envelope import Content, Envelope
from responder.domain.reading import Reading, read
from responder.faces.inquirer import InquirerFace
from responder.faces.smtpd import SmtpFace
from responder.faces.worker import WorkerFace
from responder.services.clock import ClockWatch, SystemClock
from responder.services.delivery import Delivery
from responder.services.inquiry import InquiryTerms
from responder.services.instance import make_instance
from responder.services.intake import Intake
from responder.services.recall import Recall
from responder.services.upkeep import Upkeep
from responder.settings import Loaded, Settings, hide_password
from responder.storage import secrets
from responder.storage.errors import StorageError
from responder.storage.writer import Writer

_SMTP_DRAIN_SECONDS = 20
_INQUIRER_DRAIN_SECONDS = 5
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
        web_sockets = bind("web.listen", settings.web.listen) if "web" in faces else []
        policy_sockets = bind("policy.listen", settings.policy.listen) if "policy" in faces else []
        make_data_dir(settings)
        self._engine = open_database(settings, migrates=migrates)
        self._writer = Writer(self._engine)
        self._writer.start()
        self.identity = make_identity(settings, self._read_key())
        self.wording = Wording(
            settings,
            self.identity,
            engine=self._engine,
            writer=self._writer,
            clock=SystemClock(),
            on_change=self._use_words,
        )
        self._instance = make_instance(self.identity.hostname)
        self.delivery: Delivery | None = None
        self.worker: WorkerFace | None = None
        self.chores: Chores | None = None
        self.inquirer: InquirerFace | None = None
        self._publishing: PublishingLoop | None = None
        if "worker" in faces:
            self.worker = self._make_worker(settings)
            self.inquirer = make_inquirer(
                settings,
                self._engine,
                self._writer,
                identity=self.identity,
                instance=self._instance,
                on_ready=self._wake_worker,
            )
            self._publishing = make_publishing_loop(settings, self._engine, SystemClock())
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

        self.policy: PolicyPart | None = None
        if "policy" in faces:
            self.policy = PolicyPart(
                settings,
                self.identity,
                policy_sockets,
                engine=self._engine,
                writer=self._writer,
                instance=self._instance,
                faces=faces,
            )

        self.web: WebPart | None = None
        if "web" in faces:
            self.web = WebPart(
                settings,
                web_sockets,
                writer=self._writer,
                identity=self.identity,
                clock=SystemClock(),
                wording=self.wording,
                on_notice=self._note_decision,
                policy_counts=self.policy.counts if self.policy else dict,
            )

    def _note_decision(self) -> None:
        """Let a decision made in this process act at once."""
        self._wake_worker()
        if self.policy:
            self.policy.wake()

    def make_inquiry_terms(self, settings: Settings) -> InquiryTerms:
        """Give what this process decides from evidence by `settings`."""
        return make_inquiry_terms(settings, self._writer, self.identity, self._wake_worker)

    def _wake_worker(self) -> None:
        if self.worker:
            self.worker.wake()

    def _read(self, envelope: Envelope, content: Content, **facts: Any) -> Reading:
        """Read a message, in the languages that there are answers in now."""
        return read(envelope, content, self.identity, locales=self.wording.library.locales, **facts)

    def _use_words(self, wording: Wording) -> None:
        """Let what runs go on with words that have changed."""
        if self.delivery:
            self.delivery.letters = wording.letters
            self.delivery.words = wording.words
        if self.policy:
            self.policy.policy.words = wording.refusal.text

    def _read_key(self) -> bytes:
        """Give the key that all nodes share, made at the very first start."""
        try:
            make = partial(secrets.get_or_make, name=secrets.IDENTITY, nbytes=secrets.KEY_BYTES)
            return self._writer.run(make).result()
        except StorageError as error:
            raise StartError(str(error)) from None

    def _make_worker(self, settings: Settings) -> WorkerFace:
        clock = SystemClock()
        watch = ClockWatch(clock)
        self.delivery = Delivery(
            self._engine,
            self._writer,
            letters=self.wording.letters,
            words=self.wording.words,
            transport=make_relay(settings, self.identity.hostname),
            terms=make_delivery_terms(settings),
            instance=self._instance,
            clock=clock,
            watch=watch,
        )
        self.chores = Chores(settings, self._engine, self._writer, self.identity, watch)
        upkeep = Upkeep(
            self._writer,
            clock,
            instance=self._instance,
            faces=",".join(self._faces),
            version=__version__,
            retry_seconds=settings.relay.retry_seconds,
            chores=self.chores.list,
        )
        return WorkerFace(self.delivery, upkeep, connections=settings.relay.connections)

    def _make_intake(self, settings: Settings) -> Intake:
        self.recall = Recall(
            self._engine,
            self._read,
            remember_for=remember_for(settings),
            clock=lambda: datetime.now(UTC),
        )
        return Intake(
            self._writer,
            self.identity,
            make_terms(settings),
            read=self.recall.read,
            node=self.identity.hostname,
            clock=lambda: datetime.now(UTC),
            on_answer=self.inquirer.wake if self.inquirer else self._wake_worker,
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
        folder = kept_in(self.loaded.settings)
        if self.worker and folder is not None:
            maillog.answers_kept(folder=folder)
        await stopping.wait()
        maillog.stopping()
        await self._drain()
        maillog.stopped()

    async def _start(self) -> None:
        self._use_words(self.wording)
        self.wording.start()
        if self.worker:
            self.worker.start()
        if self.inquirer:
            self.inquirer.start()
        if self._publishing:
            self._publishing.start()
        if self.intake and self.smtp:
            self.intake.start()
            await self.smtp.start()
        if self.policy:
            await self.policy.start()
        if self.web:
            await self.web.start()

    async def _drain(self) -> None:
        """Stop in the order of a message's path, so that each part empties itself into the next."""
        if self.web:
            await self.web.drain()
        if self.policy:
            await self.policy.drain()
            await asyncio.to_thread(self.policy.stop)
        if self.intake and self.smtp:
            await self.smtp.drain(_SMTP_DRAIN_SECONDS)
            await asyncio.to_thread(self.intake.stop)
        if self.inquirer:
            await asyncio.to_thread(self.inquirer.drain, _INQUIRER_DRAIN_SECONDS)
        if self.worker:
            await asyncio.to_thread(self.worker.drain, _WORKER_DRAIN_SECONDS)
        if self._publishing:
            await asyncio.to_thread(self._publishing.stop)
        await asyncio.to_thread(self.wording.stop)
        await asyncio.to_thread(self._writer.stop)
        self._engine.dispose()
