"""Handing messages over to the `sendmail` program of the system's mail server."""

import os
import subprocess
from collections.abc import Sequence

from responder.services.transports.outcome import Reply, Unreachable, check_address, judge, native_form

# sysexits.h: what says something about this message. Anything else is trouble of the system and may pass.
_CODES = {os.EX_OK: 250, os.EX_DATAERR: 554, os.EX_NOUSER: 550, os.EX_NOHOST: 550}
_TRY_LATER = 451
_TIMEOUT_TEXT = "4.4.2 the program did not end in time"


class Sendmail:
    """Runs `sendmail -i -f SENDER -- RECIPIENT` for each message, the message on its standard input.

    The options are those that Postfix, Exim, Sendmail and OpenSMTPD read alike; `-N` is not one of them.
    """

    def __init__(self, program: str, timeout_seconds: float) -> None:
        """Take the path of the `program`, and how long one run may last."""
        self._program = program
        self._timeout_seconds = timeout_seconds

    def deliver(
        self, outbound_id: int, envelope_sender: str, recipient: str, pieces: Sequence[bytes], *, reports: bool = False
    ) -> Reply:
        """Hand a message to the program; whether `reports` may come back is for it to say.

        Raises:
            Refused: the program says that it will never take it, or it cannot be sent without harm.
            Deferred: it says so for now, or does not end in time.
            Unreachable: it cannot be run.
        """
        del outbound_id, reports
        check_address(envelope_sender)
        check_address(recipient)
        command = [self._program, "-i", "-f", envelope_sender or "<>", "--", recipient]
        return judge(self._run(command, native_form(pieces)))

    def check(self, _recipient: str, /) -> Reply:
        """See that the program is there.

        Raises:
            Unreachable: it is not, or may not be run.
        """
        if not os.access(self._program, os.X_OK):
            raise Unreachable(f"{self._program} cannot be run")
        return Reply(250, f"2.0.0 {self._program} can be run")

    def close(self) -> None:
        """Do nothing: no program is kept running."""

    def _run(self, command: list[str], octets: bytes) -> Reply:
        try:
            done = subprocess.run(  # noqa: S603 - the program is the operator's choice, nothing goes through a shell
                command, input=octets, capture_output=True, timeout=self._timeout_seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return Reply(_TRY_LATER, _TIMEOUT_TEXT)
        except (OSError, ValueError) as error:
            raise Unreachable(f"{self._program}: {error}") from error
        said = (done.stderr or done.stdout)[:1000].decode("utf-8", "replace").strip()
        return Reply(_CODES.get(done.returncode, _TRY_LATER), said or f"exit status {done.returncode}")
