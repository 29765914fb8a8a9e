"""Handing messages over into a Maildir."""

import os
from collections.abc import Sequence
from pathlib import Path

from responder.services.transports.outcome import Reply, Unreachable, check_address, native_form


class Maildir:
    """Writes each message as one file of a Maildir (folders `tmp`, `new` and `cur`, made when missing).

    The file is named by the outbound id, so a message that is handed over again replaces itself. In front stand the
    two fields that a delivery agent writes: Return-Path (RFC 5321 section 4.4) and Delivered-To.
    """

    def __init__(self, folder: Path, hostname: str) -> None:
        """Take the `folder` of the Maildir, and the `hostname` that its file names end with."""
        self._folder = folder
        self._suffix = hostname.replace("/", "").replace(":", "")

    def deliver(
        self, outbound_id: int, envelope_sender: str, recipient: str, pieces: Sequence[bytes], *, reports: bool = False
    ) -> Reply:
        """Write a message; it is on disk when this returns. Nothing ever reports from a Maildir.

        Raises:
            Refused: an address or the message cannot be written without harm.
            Unreachable: the file system does not take it.
        """
        del reports
        check_address(envelope_sender)
        check_address(recipient)
        front = f"Return-Path: <{envelope_sender}>\nDelivered-To: {recipient}\n".encode("utf-8", "surrogateescape")
        name = f"{outbound_id}.{self._suffix}"
        octets = front + native_form(pieces)
        try:
            self._write(name, octets)
        except OSError as error:
            raise Unreachable(f"{self._folder}: {error.strerror or error}") from error
        return Reply(250, f"2.0.0 written as {name}")

    def check(self, _recipient: str, /) -> Reply:
        """Make the folders where they are missing and see that they can be written.

        Raises:
            Unreachable: they cannot.
        """
        try:
            self._make_folders()
        except OSError as error:
            raise Unreachable(f"{self._folder}: {error.strerror or error}") from error
        if not os.access(self._folder / "tmp", os.W_OK | os.X_OK) or not os.access(self._folder / "new", os.W_OK):
            raise Unreachable(f"{self._folder}: not writable")
        return Reply(250, f"2.0.0 {self._folder} can be written")

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _write(self, name: str, octets: bytes) -> None:
        temporary = self._folder / "tmp" / name
        try:
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except FileNotFoundError:
            self._make_folders()
            file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "wb") as stream:
            stream.write(octets)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._folder / "new" / name)
        _sync_folder(self._folder / "new")

    def _make_folders(self) -> None:
        for name in ("tmp", "new", "cur"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(self._folder)


def _sync_folder(folder: Path) -> None:
    """Put the names in `folder` on disk: a renamed file may else be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
