"""A PostgreSQL server of the test session's own, and databases in it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import make_url


class Cluster:
    """A server on a Unix socket in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._programs = _programs()

    def start(self) -> None:
        """Make the cluster if there is none, and start it."""
        if not self.data.exists():
            self._run("initdb", "--pgdata", self.data, "--encoding", "UTF8", "--locale", "C", "--auth", "trust",
                      "--username", "responder", "--no-sync")  # fmt: skip
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c shared_buffers=32MB"
        log = self.folder / "log"
        self._run("pg_ctl", "--pgdata", self.data, "--wait", "--log", log, "--options", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `immediate` is as good as a crash."""
        self._run("pg_ctl", "--pgdata", self.data, "--wait", "--mode", mode, "stop")

    def url(self, database: str) -> str:
        """Give the URL of `database`."""
        return f"postgresql+psycopg://responder@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run one statement outside a transaction and give its rows."""
        with psycopg.connect(host=str(self.folder), user="responder", dbname=database, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Give the URL of a database that is dropped afterwards: empty, or a copy of that with the URL `template`."""
        name = f"test_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {make_url(template).database if template else 'template1'}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def dump_schema(self, url: str, *options: str) -> str:
        """Give the definition of what the database of `url` holds."""
        where = ("--host", self.folder, "--username", "responder", make_url(url).database)
        return self._run("pg_dump", "--schema-only", "--no-owner", *options, *where)

    def _run(self, program: str, *arguments: object) -> str:
        command = [str(self._programs / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["runuser", "-u", _unprivileged(), "--", *command]
        done = subprocess.run(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout


def _programs() -> Path:
    """Give the folder with the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which("initdb")
    assert path, "PostgreSQL's initdb is not installed (Debian: postgresql)"
    return Path(path).parent


def _unprivileged() -> str:
    """Give a user that the server may run as: it refuses root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a server until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.getuid() == 0:
            shutil.chown(folder, _unprivileged())
        cluster = Cluster(folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop("immediate")
