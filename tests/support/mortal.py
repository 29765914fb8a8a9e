"""The service that dies at a named point.

`python -m tests.support.mortal POINT COUNT ARGUMENT...` runs `responder ARGUMENT...` and kills itself with SIGKILL when
POINT is reached for the COUNTth time.

The points stand between the final dot of a plea and the relay's 250 for its answer, in that order. Those that lie in
the relay's part of the conversation are the relay's to kill at (`tests.support.relay`).
"""

import functools
import itertools
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from responder.cli import main
from responder.faces import smtp_handover
from responder.faces.smtp_session import SmtpConnection
from responder.services import intake
from responder.services.delivery import Delivery
from responder.services.intake import Intake
from responder.services.transports.smtp import Smtp
from responder.storage.writer import Writer

BEFORE, AFTER = "before", "after"

# Name of the point: whose function, its name, before or after it runs.
POINTS: dict[str, tuple[Any, str, str]] = {
    "final dot seen": (SmtpConnection, "_store", BEFORE),
    "submitted": (Intake, "submit", AFTER),
    "read": (Intake, "_read_safely", AFTER),
    "transaction begun": (intake, "accept", BEFORE),
    "rows written": (intake, "accept", AFTER),
    "committed": (Intake, "_tell", BEFORE),
    "outcome known": (smtp_handover, "_outcome", AFTER),
    "about to say 250": (SmtpConnection, "_store", AFTER),
    "reply said": (SmtpConnection, "_exchange", AFTER),
    "claim begun": (Delivery, "claim", BEFORE),
    "claim committed": (Delivery, "claim", AFTER),
    "worded": (Delivery, "_word", AFTER),
    "contents stored": (Delivery, "prepare", AFTER),
    "handing over": (Smtp, "deliver", BEFORE),
    "handed over": (Smtp, "deliver", AFTER),
    "settling": (Delivery, "settle", BEFORE),
    "settled": (Delivery, "settle", AFTER),
    "any commit begun": (Writer, "_commit_once", BEFORE),
    "any commit done": (Writer, "_commit_once", AFTER),
}


def arm(point: str, count: int) -> None:
    """Have this process killed when `point` is reached for the `count`th time."""
    owner, name, when = POINTS[point]
    function = getattr(owner, name)
    reached = itertools.count(1)

    def strike() -> None:
        if next(reached) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, _wrapped(function, when, strike))


def _wrapped(function: Callable[..., Any], when: str, strike: Callable[[], None]) -> Callable[..., Any]:
    if function.__code__.co_flags & 0x80:  # a coroutine function

        @functools.wraps(function)
        async def mortal_coroutine(*args: Any, **options: Any) -> Any:
            if when == BEFORE:
                strike()
            result = await function(*args, **options)
            if when == AFTER:
                strike()
            return result

        return mortal_coroutine

    @functools.wraps(function)
    def mortal(*args: Any, **options: Any) -> Any:
        if when == BEFORE:
            strike()
        result = function(*args, **options)
        if when == AFTER:
            strike()
        return result

    return mortal


if __name__ == "__main__":
    if sys.argv[1] != "-":
        arm(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["responder", *sys.argv[3:]]
    main()
