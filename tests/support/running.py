"""The service as a real process: started on free ports, watched through its log, ended by a signal."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 30

# Any free port, and nothing that another test's settings could share.
_QUIET = {
    "smtp.listen": ["127.0.0.1:0"],
    "smtp.hostname": "mx.example.com",
    "policy.listen": ["127.0.0.1:0"],
    "web.listen": ["127.0.0.1:0"],
    "evidence.enabled": False,
}


def write_settings(file: Path, settings: Mapping[str, Any]) -> Path:
    """Write `settings`, keys such as `smtp.listen` with values of JSON's types, as a settings file."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items() if not _is_tables(value)]
    for key, value in settings.items():
        for table in value if _is_tables(value) else ():
            lines += ["", f"[[{key}]]", *(f"{name} = {json.dumps(item)}" for name, item in table.items())]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def clean_environment() -> dict[str, str]:
    """Give this process's environment without settings of the service."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RESPONDER_")}
    return inherited | {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "COLUMNS": "80"}


@dataclass
class Running:
    """One running service.

    Attributes:
        folder: where its settings file and its data lie.
        config: its settings file.
        process: the process itself.
        log: the lines of its log so far.
    """

    folder: Path
    config: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False

    def follow(self) -> None:
        """Collect the log until the process closes it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, *, seconds: float = SECONDS) -> re.Match[str]:
        """Wait until a line of the log matches `pattern`, and give the match."""
        return self.wait_until(lambda: self._find(pattern), what=pattern, seconds=seconds)

    def wait_until(self, look: Callable[[], Any], *, what: str, seconds: float = SECONDS) -> Any:
        """Look again with every new line of the log until `look` gives something true."""
        with self._changed:
            self._changed.wait_for(lambda: look() or self._ended, timeout=seconds)
            found = look()
        assert found, f"waited for {what!r} in vain; the log:\n" + "\n".join(self.log)
        return found

    def _find(self, pattern: str) -> re.Match[str] | None:
        return next((match for line in self.log if (match := re.search(pattern, line))), None)

    @property
    def port(self) -> int:
        """The port on which the service takes mail."""
        return int(self.wait_for(r" listening face=smtp address=\S+:(\d+)")[1])

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `responder` with the service's own settings."""
        return run_responder("--config", str(self.config), *arguments, cwd=self.folder, **options)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """Run a list command with --json and give its objects."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = SECONDS) -> int:
        """Send a signal and give the exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def run_responder(*arguments: str, cwd: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command `responder` in a process of its own and give what it printed."""
    command = [sys.executable, "-m", "responder", *arguments]
    given = {"env": clean_environment(), "capture_output": True, "text": True, "timeout": SECONDS, "check": False}
    return subprocess.run(command, cwd=cwd, **(given | options))  # noqa: PLW1510 - among the options


@contextmanager
def running(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    arguments: Sequence[str] = (),
    ready: bool = True,
    program: Sequence[str] = ("responder",),
    prefix: Sequence[str] = (),
) -> Iterator[Running]:
    """Run `responder serve` with `settings` over the defaults, its data in `folder`, until the block ends.

    Args:
        folder: for the settings file and the data; what is in it already stays.
        settings: keys such as `relay.url`.
        arguments: of `serve`.
        ready: wait until it has started.
        program: the module to run, with what stands before the service's own arguments.
        prefix: what stands before the whole command and keeps its process id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = write_settings(
        folder / "responder.toml", {"data_dir": str(folder / "data")} | _QUIET | dict(settings or {})
    )
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", *program, "--config", str(config), "serve", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    service = Running(folder, config, process)
    follower = threading.Thread(target=service.follow, daemon=True)
    follower.start()
    try:
        if ready:
            service.wait_for(r" started ")
        yield service
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        follower.join()
        assert process.stderr is not None
        process.stderr.close()
