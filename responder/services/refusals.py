"""What was refused lately: written down many at a time, and found again when the sender asks for help."""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import randbits
from typing import Any

from responder.domain.address import IPAddress, ip_key, sender_key
from responder.domain.reference import REFERENCE_BITS, make_reference
from responder.services.clock import Clock
from responder.storage.ids import new_id
from responder.storage.refusals import forget_refusals, store_refusals
from responder.storage.text import storable
from responder.storage.writer import Writer

_SENDER_CHARACTERS = 320
_SAME_FOR = timedelta(hours=1)
_MOST_PER_CLIENT = 20
_REMEMBERED_CLIENTS = 5_000
_MOST_WAITING = 50_000
_FORGOTTEN_AT_ONCE = 5_000


@dataclass(slots=True)
class _Client:
    """What one client was refused within the hour: the references by sender, and when the first was given."""

    since: datetime
    references: dict[str, str]


class Refusals:
    """Gives each refusal its reference and remembers it.

    A client that tries again within the hour for the same sender hears the same reference, and one that tries many
    senders, as a machine that sends spam does, is written down so often and no more; then it hears the last one again.

    Args:
        writer: writes them down.
        clock: tells the time.
        remember_for: how long they can be found.
        on_first: called, in the caller's thread, when the first one begins to wait for `flush`.
    """

    def __init__(
        self,
        writer: Writer,
        clock: Clock,
        *,
        remember_for: timedelta,
        on_first: Callable[[], None] = lambda: None,
    ) -> None:
        self.remember_for = remember_for
        self.dropped = 0
        self._writer = writer
        self._clock = clock
        self._on_first = on_first
        self._clients: OrderedDict[IPAddress, _Client] = OrderedDict()
        self._waiting: deque[dict[str, Any]] = deque()

    def __len__(self) -> int:
        """How many wait to be written."""
        return len(self._waiting)

    def note(self, client: IPAddress, sender: str) -> str:
        """Remember that `client` was refused a message of `sender`, and give the reference; never waits."""
        key, now = storable(sender_key(sender), _SENDER_CHARACTERS), self._clock.now()
        known = self._client(client, now)
        reference = known.references.get(key)
        if reference is None and len(known.references) >= _MOST_PER_CLIENT:
            reference = next(reversed(known.references.values()))
        if reference is None:
            reference = known.references[key] = make_reference(randbits(REFERENCE_BITS))
            self._wait({"client_key": ip_key(client), "sender_key": key, "reference": reference, "at": now})
        return reference

    def _client(self, client: IPAddress, now: datetime) -> _Client:
        known = self._clients.pop(client, None)
        if known is None or not timedelta() <= now - known.since < _SAME_FOR:
            known = _Client(now, {})
        self._clients[client] = known
        if len(self._clients) > _REMEMBERED_CLIENTS:
            self._clients.popitem(last=False)
        return known

    def _wait(self, row: dict[str, Any]) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append({"id": new_id()} | row)
        if len(self._waiting) == 1:
            self._on_first()

    def flush(self) -> None:
        """Write down what waits; to be called in one thread.

        Raises:
            StorageUnavailable: the database cannot be written; they wait on.
        """
        rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not rows:
            return
        try:
            self._writer.run(lambda connection: store_refusals(connection, rows)).result()
        except BaseException:
            self._waiting.extendleft(reversed(rows))
            raise

    def forget(self) -> bool:
        """Remove some of those that are too old, and tell whether there may be more.

        Raises:
            StorageUnavailable: the database cannot be written.
        """
        before = self._clock.now() - self.remember_for
        forgotten = self._writer.run(lambda connection: forget_refusals(connection, before, _FORGOTTEN_AT_ONCE))
        return forgotten.result() == _FORGOTTEN_AT_ONCE
