"""The pages and the API, served over a queue with pleas in it, for as many people as a test wants."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from argon2 import PasswordHasher
from httpx import Client
from sqlalchemy import Engine

from responder.app.sockets import bind
from responder.domain.actor import Actor, ActorKind
from responder.domain.roles import SCOPES, Permission, Role
from responder.faces.web import Office, Site, WebFace
from responder.services import staff
from responder.services.database import Database
from responder.services.exports.on_demand import ExportServer
from responder.services.guide_page import read_guide
from responder.services.letters import Letters
from responder.services.sign_in import SignIn
from responder.services.templates.desk import TemplateDesk
from responder.services.templates.file import DENY_REASONS
from responder.services.templates.library import Library
from responder.services.templates.room import TemplateRoom
from responder.settings import Endpoint
from tests.support.answers import make_renderer
from tests.support.pleas import IDENTITY
from tests.support.review import TERMS
from tests.support.review import Office as Desk

OPERATOR = Actor(ActorKind.OPERATOR, None, Role.ADMIN)
SECONDS = 20
OWN = {"Sec-Fetch-Site": "same-origin"}
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "several words that nobody guesses"


class Unfurnished:
    """Stands for an office where only the routes of the application are looked at."""

    site = Site("Example Organisation")


class House:
    """All that a test of the pages needs.

    Attributes:
        desk: stores pleas, and the services that decide about them.
        office: what the pages are built from.
        face: serves them.
        base: its address.
    """

    def __init__(self, engine: Engine, **site: Any) -> None:
        self.desk = Desk(engine)
        database = Database(engine, self.desk.writer, self.desk.clock)
        library, words = Library(), make_renderer()
        self.ready = {"database": True, "disk": True, "worker": True}
        self.office = Office(
            database=database,
            sign_in=SignIn(database, IDENTITY.key, passwords=CHEAP),
            queue=self.desk.queue,
            review=self.desk.review,
            exemptions=self.desk.exemptions,
            blocked=self.desk.blocked,
            deny_reasons=lambda: {key: each.title for key, each in library.parts(DENY_REASONS, "en").items()},
            guide=lambda locale, key: read_guide(words, locale, key),
            exports=ExportServer(engine, self.desk.clock),
            readiness=lambda: self.ready,
            give_up_after=TERMS.give_up_after,
            templates=TemplateRoom(
                desk=TemplateDesk(database, files=lambda: library, make_renderer=make_renderer),
                letters=lambda each: Letters(each, guides=("generic",), quote_subject=False),
                identity=IDENTITY,
                envelope_sender="",
                addresses=(),
                on_trial=lambda: None,
            ),
            site=replace(Site("Example Organisation"), **site),
        )
        (listener,) = bind("web.listen", [Endpoint("127.0.0.1", 0)])
        self.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.face = WebFace([listener], self.office)
        self._clients = ExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self.face.start())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def close(self) -> None:
        """End the server and the services."""
        self._clients.close()
        self._run(self.face.drain())
        self._run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()
        self.desk.close()

    def visitor(self, **options: Any) -> Client:
        """Give a browser that is not signed in; it follows no redirect."""
        options = {"base_url": self.base, "headers": OWN, "timeout": SECONDS} | options
        return self._clients.enter_context(Client(**options))

    def hire(self, login: str, role: Role = Role.REVIEWER, *, password: str | None = None) -> None:
        """Add a person."""
        at = self.office.database.now()

        def work(connection: Any) -> None:
            person = staff.add(connection, login, role, by=OPERATOR, at=at)
            if password:
                staff.set_password(connection, login, CHEAP.hash(password), keep=b"", by=OPERATOR, at=at)
            assert person["role"] == role

        self.office.database.write(work)

    def link(self, login: str) -> str:
        """Give the path of a one-time link."""
        at = self.office.database.now()
        token = self.office.database.write(lambda each: staff.make_link(each, login, by=OPERATOR, at=at))
        return f"/sign-in/{token}"

    def signed_in(self, login: str, role: Role = Role.REVIEWER) -> Client:
        """Give a browser in which a new person is signed in."""
        self.hire(login, role)
        client = self.visitor()
        assert client.post(self.link(login)).headers["location"] == "/"
        return client

    def token(self, login: str, *scopes: Permission) -> str:
        """Give an API token of a person; without scopes one for everything."""
        making = {"name": "test", "scopes": scopes or SCOPES, "lives_for": None, "by": OPERATOR}
        at = self.office.database.now()
        return self.office.database.write(lambda each: staff.make_token(each, login, at=at, **making))

    def program(self, login: str, role: Role = Role.REVIEWER, *scopes: Permission) -> Client:
        """Give a program with a token of a new person."""
        self.hire(login, role)
        return self.visitor(headers={"Authorization": f"Bearer {self.token(login, *scopes)}"})


@contextmanager
def open_house(engine: Engine, **site: Any) -> Iterator[House]:
    """Give a house until the block ends; `site` changes what `Site` says."""
    house = House(engine, **site)
    try:
        yield house
    finally:
        house.close()
