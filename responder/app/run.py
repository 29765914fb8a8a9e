"""Runs the service in this process until it is told to end."""

import asyncio
import sys
from collections.abc import Collection

from responder import maillog
from responder.app.service import Service
from responder.settings import Loaded

# Threads that read mail would otherwise keep the loop waiting for a multiple of the default 5 ms.
_SWITCH_SECONDS = 0.0005


def run(loaded: Loaded, faces: Collection[str], *, migrates: bool) -> None:
    """Run `faces` until SIGTERM or SIGINT.

    Raises:
        StartError: the service cannot start.
    """
    maillog.configure(loaded.settings.log.format)
    sys.setswitchinterval(_SWITCH_SECONDS)
    asyncio.run(Service(loaded, faces, migrates=migrates).serve())
