"""Where commands decide: the services that the pages use, over a writer of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import click

from responder.app.database import require_file
from responder.app.identity import make_identity
from responder.app.review import make_blocked, make_exemptions, make_review
from responder.cli.actor import read_actor
from responder.cli.database import open_engine
from responder.cli.failures import Failure
from responder.domain.actor import Actor
from responder.services.blocked import Blocked
from responder.services.clock import SystemClock
from responder.services.exemptions import Exemptions
from responder.services.queue import Queue
from responder.services.review import Review
from responder.services.review_actions import ReviewError
from responder.settings import Settings
from responder.storage import migrate
from responder.storage.secrets import IDENTITY, KEY_BYTES, get_or_make
from responder.storage.writer import Writer

by_option = click.option("--by", metavar="LOGIN", help="Who decides; the role of a known person bounds what they may.")


@dataclass(frozen=True, slots=True)
class Desk:
    """What decides, and who does so.

    Attributes:
        actor: who.
        queue: what is there.
        review: decisions about requests.
        exemptions: exemptions apart from requests.
        blocked: senders that are never answered.
    """

    actor: Actor
    queue: Queue
    review: Review
    exemptions: Exemptions
    blocked: Blocked


@contextmanager
def open_desk(settings: Settings, by: str | None) -> Iterator[Desk]:
    """Give what decides for `by`; a worker that runs sends what it queues.

    Raises:
        Failure, StartError: the database cannot be used, or what was asked for cannot be done, in one line.
    """
    require_file(settings)
    with open_engine(settings) as engine:
        migrate.check(engine)
        writer, clock = Writer(engine), SystemClock()
        writer.start()
        try:
            key = writer.run(partial(get_or_make, name=IDENTITY, nbytes=KEY_BYTES)).result()
            identity = make_identity(settings, key)
            with engine.connect() as connection:
                actor = read_actor(connection, by)
            yield Desk(
                actor,
                Queue(engine, clock=clock),
                make_review(settings, writer, identity, clock=clock),
                make_exemptions(settings, writer, identity, clock=clock),
                make_blocked(writer, clock=clock),
            )
        except ReviewError as error:
            raise Failure(str(error)) from None
        finally:
            writer.stop()
