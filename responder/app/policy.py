"""The policy face and what it answers from, made of the settings."""

import asyncio
import resource
import socket
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from responder import __version__
from responder.app.database import first_line
from responder.app.errors import StartError
from responder.app.evidence import make_lists, make_resolver
from responder.app.parts import FOR_EVER, dynamic_names
from responder.domain.identity import Identity
from responder.domain.policy import PolicyRules
from responder.domain.refusal_text import LONGEST_CONTACT, contact_for
from responder.faces.policy_keeper import PolicyKeeper
from responder.faces.policyd import PolicyFace
from responder.services.allowlist import Allowlist
from responder.services.blockcheck import BlockCheck
from responder.services.clock import SystemClock
from responder.services.evidence.lookups import Lookups
from responder.services.policy import Policy, PolicyTerms
from responder.services.policy.node import PolicyNode
from responder.services.refusals import Refusals
from responder.services.tally import Tally
from responder.settings import Settings
from responder.storage.allowlist import add_uses
from responder.storage.errors import StorageError
from responder.storage.policy_counts import add_answers
from responder.storage.writer import Writer

_MOST_CONNECTIONS = 2_000
_DRAIN_SECONDS = 5


def remember_for(settings: Settings) -> timedelta:
    """Give how long a refusal can be matched with a plea."""
    days = settings.policy.remember_refusals_days
    return timedelta(days=days) if days else FOR_EVER


def make_policy_terms(settings: Settings, identity: Identity) -> PolicyTerms:
    """Give how requests are answered.

    Raises:
        StartError: no bypass address can stand in a refusal.
    """
    contact = contact_for(identity.bypass_addresses)
    if contact is None:
        raise StartError(
            "smtp.bypass_addresses: a refusal can name only an address in ASCII of at most "
            f"{LONGEST_CONTACT} characters; add such a one, or run without the policy face (serve --only)"
        )
    policy = settings.policy
    rules = PolicyRules(
        identity=identity,
        own_networks=policy.own_networks,
        dynamic_networks=policy.dynamic_networks,
        dynamic_names=dynamic_names(settings),
    )
    return PolicyTerms(rules=rules, contact=contact, bypass_action=policy.bypass_action)


def make_blockcheck(settings: Settings) -> BlockCheck:
    """Give what asks the lists; to be used in one event loop."""
    lookups = Lookups(make_resolver(settings).ask)
    return BlockCheck(lookups, make_lists(settings), timeout_seconds=settings.dns.timeout_seconds)


class PolicyPart:
    """The policy face with the thread beside it.

    Attributes:
        face: takes the connections.
        policy: decides.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        sockets: Iterable[socket.socket],
        *,
        engine: Engine,
        writer: Writer,
        instance: str,
        faces: Iterable[str],
    ) -> None:
        """Build it; nothing runs yet.

        Raises:
            StartError: the settings do not let it.
        """
        clock, faces = SystemClock(), tuple(faces)
        self._allowlist = Allowlist(engine, clock)
        self._refusals = Refusals(writer, clock, remember_for=remember_for(settings), on_first=self.wake)
        uses, answers = Tally(writer, clock, add_uses), Tally(writer, clock, add_answers)
        self.policy = Policy(
            make_policy_terms(settings, identity),
            allowlist=self._allowlist,
            lists=make_blockcheck(settings),
            answers=answers,
            uses=uses,
            refusals=self._refusals,
        )
        node = PolicyNode(
            writer,
            clock,
            instance=instance,
            faces=",".join(faces),
            version=__version__,
            has_worker="worker" in faces,
        )
        self._keeper = PolicyKeeper(self._allowlist, self._refusals, (uses, answers), node)
        self.face = PolicyFace(sockets, answer=self.policy.answer, max_connections=_connections_allowed())

    async def start(self) -> None:
        """Read the exemptions, then begin to answer.

        Raises:
            StartError: they cannot be read.
        """
        try:
            await asyncio.to_thread(self._allowlist.refresh)
        except (StorageError, SQLAlchemyError) as error:
            raise StartError(f"the exemptions cannot be read: {first_line(error)}") from None
        self._keeper.start()
        await self.face.start()

    async def drain(self) -> None:
        """Answer what was asked and stop."""
        await self.face.drain(_DRAIN_SECONDS)

    def stop(self) -> None:
        """Write down what is left; the writer is to be stopped after this."""
        self._keeper.stop()

    def wake(self) -> None:
        """Look for changed exemptions now rather than within half a second; safe in any thread."""
        self._keeper.wake()

    def apply(self, settings: Settings, identity: Identity) -> None:
        """Go on with other settings.

        Raises:
            StartError: they cannot work; the old ones stay.
        """
        self.policy.terms = make_policy_terms(settings, identity)
        self.policy.lists = make_blockcheck(settings)
        self._refusals.remember_for = remember_for(settings)

    def counts(self) -> dict[str, float]:
        """Give what monitors see of this face besides what all nodes have in the database."""
        return self.policy.counts() | {"connections": self.face.connections, "faults": self.face.faults}


def _connections_allowed() -> int:
    """Give how many connections may be open: half of the files that the process may open, for they are not all ours."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if allowed == resource.RLIM_INFINITY else min(_MOST_CONNECTIONS, allowed // 2)
