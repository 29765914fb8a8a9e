"""Runs the service in this process until it is told to end."""

import asyncio
import gc
import sys
from collections.abc import Collection

from responder import maillog
from responder.app.service import Service
from responder.settings import Loaded

# Threads that read or word mail would otherwise keep the loop waiting for a multiple of the default 5 ms, and the
# writer too, while it locks all other processes out of the database.
_SWITCH_SECONDS = 0.0005
_YOUNG_OBJECTS = 10_000  # few of which are ever garbage that only a search finds


def run(loaded: Loaded, faces: Collection[str], *, migrates: bool) -> None:
    """Run `faces` until SIGTERM or SIGINT.

    Raises:
        StartError: the service cannot start.
    """
    maillog.configure(loaded.settings.log.format)
    sys.setswitchinterval(_SWITCH_SECONDS)
    service = Service(loaded, faces, migrates=migrates)
    gc.freeze()  # what is there by now lives as long as we do, and is not to be searched again and again
    gc.set_threshold(_YOUNG_OBJECTS)
    asyncio.run(service.serve())
