"""How many automatic answers are left for the senders, networks and domains of one batch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from responder.domain.address import IPAddress
from responder.domain.limits import ReplyLimits, ReplySlot, Scope, hour_of, is_within, take_slot
from responder.services.arrival import Arrival
from responder.storage.limits import add_counts, lock_slots, read_counts, store_slots


class Ration:
    """Reply slots and hourly counts, locked or read once for the batch."""

    def __init__(
        self,
        connection: Connection,
        arrivals: Sequence[Arrival],
        limits: ReplyLimits,
        per_hour: Mapping[Scope, int],
        now: datetime,
    ) -> None:
        self._limits = limits
        self._per_hour = per_hour
        self._now = now
        self._known = lock_slots(connection, {one.sender_key for one in arrivals}) if arrivals else {}
        wanted = {count for one in arrivals for count in one.counts if per_hour.get(count[0])}
        self._counts = Counter(read_counts(connection, hour_of(now), wanted) if wanted else {})
        self._taken: dict[str, ReplySlot] = {}
        self._added: Counter[tuple[Scope, str]] = Counter()

    def take(self, arrival: Arrival, address: IPAddress | None) -> bool:
        """Tell whether the sender may be answered about the refused `address`, and count that answer."""
        counts = {count[0]: self._counts[count] for count in arrival.counts}
        slot = self._taken.get(arrival.sender_key) or self._known.get(arrival.sender_key)
        allowed, slot = take_slot(slot, address, self._now, self._limits)
        if not allowed or not is_within(counts, self._per_hour):
            return False
        self._taken[arrival.sender_key] = slot
        for count in arrival.counts:
            self._counts[count] += 1
            self._added[count] += 1
        return True

    def store(self, connection: Connection) -> None:
        """Write what was taken."""
        if self._taken:
            store_slots(connection, self._taken, self._known)
        if self._added:
            add_counts(connection, hour_of(self._now), self._added)
