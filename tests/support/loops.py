"""An event loop in a thread of its own, for the small servers that tests start."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

SECONDS = 10


class Closable(Protocol):
    """What a server listens with."""

    def close(self) -> None: ...


@contextmanager
def serving_in_thread(start: Callable[[], Awaitable[tuple[Closable, ...]]]) -> Iterator[None]:
    """Run what `start` gives, awaited in the loop of a thread, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def begin() -> tuple[Closable, ...]:
        return await start()

    async def end(listening: tuple[Closable, ...]) -> None:
        for each in listening:
            each.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    listening = asyncio.run_coroutine_threadsafe(begin(), loop).result(SECONDS)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(end(listening), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS)
        loop.close()
