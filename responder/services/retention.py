"""Forgetting, in small pieces, so that no message waits while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from responder.services.clock import ClockWatch
from responder.storage import retention
from responder.storage.writer import Writer

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many messages and requests are gone, or would be."""

    messages: int
    requests: int


class Octets:
    """Deletes the octets of messages some time after they came; what they said of themselves stays."""

    def __init__(self, writer: Writer, watch: ClockWatch, kept_for: timedelta) -> None:
        """Take how long octets are kept, and what knows of clocks that were set: by a wrong one nothing is deleted."""
        self._writer = writer
        self._watch = watch
        self._kept_for = kept_for

    def run_due(self, now: datetime) -> bool:
        """Delete some of what is past its time at `now`; tell whether there may be more.

        Raises:
            StorageUnavailable: the database cannot be used.
        """
        if not self._watch.is_steady():
            return False
        before = now - self._kept_for
        return self._writer.run(lambda connection: retention.forget_octets(connection, before, _AT_ONCE)).result() > 0


def forget(
    writer: Writer, before: datetime, now: datetime, *, progress: Callable[[int], None] = lambda _: None
) -> Forgotten:
    """Delete everything about people whose request was over at the aware time `before`, and is at `now`.

    What is open, or holds an active exemption, stays whole. `progress` is told after each piece how many messages and
    requests went in it.

    Raises:
        StorageUnavailable: the database cannot be used; what went before stays gone.
    """
    came = asked = after = 0
    while True:
        count, after = writer.run(
            lambda connection, after=after: retention.forget_messages(  # type: ignore[misc]
                connection, before, now, after=after, limit=_AT_ONCE
            )
        ).result()
        if not count:
            break
        came += count
        progress(count)
    while count := writer.run(lambda each: retention.forget_requests(each, before, now, _AT_ONCE)).result():
        asked += count
        progress(count)
    return Forgotten(came, asked)
