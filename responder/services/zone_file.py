"""A blocklist that is a file of ours, read again when it has changed."""

import threading
import time
from pathlib import Path

from responder import maillog
from responder.domain.address import IPAddress
from responder.domain.zone_file import Entry, ZoneTable, parse_zone

_LOOK_EVERY_SECONDS = 10.0


class ZoneFile:
    """The entries of one file, for any thread; while it cannot be read, the last ones are used.

    A large file is read in a thread of its own, so that nobody waits for it.
    """

    def __init__(self, path: Path) -> None:
        """Read the file at `path`.

        Raises:
            OSError: it cannot be read.
        """
        self._path = path
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()
        self._table, self._stamp = self._read()

    def entry_of(self, ip: IPAddress) -> Entry | None:
        """Give code and text of the entry of `ip`, None without one."""
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            threading.Thread(target=self.refresh, name="zone-file", daemon=True).start()
        return self._table.find(ip)

    def refresh(self) -> None:
        """Read the file again if it was replaced or changed."""
        if not self._lock.acquire(blocking=False):
            return  # another thread is at it
        try:
            if self._look() != self._stamp:
                self._table, self._stamp = self._read()
        except OSError as error:
            maillog.list_file_trouble(file=str(self._path), why=error.strerror or type(error).__name__)
        finally:
            self._lock.release()

    def _read(self) -> tuple[ZoneTable, tuple[int, int, int]]:
        stamp = self._look()
        with self._path.open(encoding="utf-8", errors="replace") as lines:
            table = parse_zone(lines)
        maillog.list_file_read(file=str(self._path), entries=len(table.entries), skipped=table.skipped or None)
        return table, stamp

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
