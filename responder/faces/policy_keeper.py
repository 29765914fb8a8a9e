"""The thread beside the policy face: it keeps the exemptions fresh and writes down what was refused and used."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from responder import maillog
from responder.services.allowlist import Allowlist
from responder.services.policy.node import PolicyNode
from responder.services.refusals import Refusals
from responder.services.tally import Tally
from responder.storage.errors import is_passing

POLL_SECONDS = 0.5
_GATHER_SECONDS = 0.05
_TALLIES_EVERY_SECONDS = 5.0
_FORGET_EVERY_SECONDS = 600.0


class PolicyKeeper:
    """Does the database's part of the policy face, so that no answer waits for it; no trouble with it ends the thread.

    Args:
        allowlist: read twice a second, and at once after `wake`.
        refusals: written as they come, many together.
        tallies: written now and then.
        node: is told which exemptions this process answers from.
    """

    def __init__(
        self, allowlist: Allowlist, refusals: Refusals, tallies: Sequence[Tally[Any]], node: PolicyNode
    ) -> None:
        self._allowlist = allowlist
        self._refusals = refusals
        self._tallies = tuple(tallies)
        self._node = node
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="policy-keeper", daemon=True)
        self._in_trouble = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Let it look now: something changed, or waits to be written; safe in any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Write down what waits, as far as the database lets us, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _keep_on(self) -> None:
        tallies_at = time.monotonic() + _TALLIES_EVERY_SECONDS
        forget_at = time.monotonic()
        while not self._stopping.is_set():
            self._refresh()
            self._attempt(self._refusals.flush)
            now = time.monotonic()
            if now >= tallies_at:
                self._flush_tallies()
                tallies_at = now + _TALLIES_EVERY_SECONDS
            if now >= forget_at:
                more = self._attempt(self._refusals.forget)
                forget_at = now if more else now + _FORGET_EVERY_SECONDS
            self._attempt(self._node.keep, self._allowlist.serial)
            if self._wake.wait(POLL_SECONDS):
                self._stopping.wait(_GATHER_SECONDS)
            self._wake.clear()
        self._attempt(self._refusals.flush)
        self._flush_tallies()
        self._attempt(self._node.leave)

    def _refresh(self) -> None:
        """Read the exemptions; trouble with that is told when it begins and when it ends."""
        try:
            self._allowlist.refresh()
        except Exception as error:  # noqa: BLE001 - this thread must outlive whatever the database does
            if not self._in_trouble:
                self._tell(error)
            self._in_trouble = True
            return
        if self._in_trouble:
            maillog.storage_recovered(what="exemptions")
        self._in_trouble = False

    def _flush_tallies(self) -> None:
        for tally in self._tallies:
            self._attempt(tally.flush)

    def _attempt(self, work: Callable[..., object], *arguments: object) -> object:
        """Do `work` and give what it gives, None when it failed; of trouble with writing the writer tells."""
        try:
            given = work(*arguments)
        except Exception as error:  # noqa: BLE001 - as above
            if not is_passing(error):
                maillog.incident(where="policy", error=error)
            return None
        return given

    @staticmethod
    def _tell(error: Exception) -> None:
        if is_passing(error):
            maillog.storage_trouble(what="exemptions", error=error)
        else:
            maillog.incident(where="policy", error=error)
