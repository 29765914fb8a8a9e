"""The peers of the policy service: postfwd with the exemptions in a file, and a cidr map as Postfix reads it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.tools import find_program

TEXT = "550 5.7.1 Your IP address appears to be dynamically assigned."
_LIMIT_SECONDS = 120


def missing() -> list[str]:
    """Give the programs that this machine does not have."""
    found = []
    for program in ("postfwd2", "postmap"):
        try:
            find_program(program, program.rstrip("2").replace("postmap", "postfix"))
        except AssertionError:
            found.append(program)
    return found


@contextmanager
def postfwd(folder: Path, networks: Sequence[str]) -> Iterator[tuple[int, list[int], float]]:
    """Run postfwd until the block ends; gives its port, its processes, and how long its start took in seconds."""
    (folder / "exempt").write_text("\n".join(networks) + "\n")
    (folder / "rules.cf").write_text(
        f"id=EXEMPT ; client_address=file:{folder}/exempt ; action=DUNNO\nid=OTHERS ; action={TEXT}\n"
    )
    program, environment = find_program("postfwd2", "postfwd")
    tree = Path(program).parents[2]
    modules = [f"-I{path}" for path in (tree / "usr/share/perl5", *tree.glob("usr/lib/*/perl5/5.*")) if path.exists()]
    port, cache = free_port(), free_port()
    options = ["--daemon", "--nodns", "--cache", "0", "--interface", "127.0.0.1", "--port", str(port), "--user",
               "nobody", "--group", "nogroup", "--pidfile", str(folder / "pid"), "--cache_proto", "tcp",
               "--cache_interface", "127.0.0.1", "--cache_port", str(cache),
               "--file", str(folder / "rules.cf")]  # fmt: skip
    started_at = time.monotonic()
    subprocess.run(
        ["perl", "-T", *modules, program, *options],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        timeout=_LIMIT_SECONDS, check=True,
    )  # fmt: skip
    try:
        _wait_for_port(port)
        yield port, _group(folder), time.monotonic() - started_at
    finally:
        os.killpg(int((folder / "pid").read_text()), signal.SIGTERM)


def _wait_for_port(port: int) -> None:
    ends = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("postfwd did not start")


def _group(folder: Path) -> list[int]:
    """Give the processes of the daemon whose leader is in the file `pid`."""
    leader = int((folder / "pid").read_text())
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(process.name)) == leader:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def memory(processes: Sequence[int]) -> float:
    """Give the memory that processes take together, shared pages divided among them, in MiB."""
    kib = 0
    for process in processes:
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            kib += int(line.split()[1]) if line.startswith("Pss:") else 0
    return kib / 1024


def cidr_map(folder: Path, networks: Sequence[str], addresses: Sequence[str]) -> dict[str, float]:
    """Look `addresses` up in a cidr map, by postmap, in one process; gives the rate, loading left out, and its load."""
    table = folder / "exempt.cidr"
    table.write_text("".join(f"{network} DUNNO\n" for network in networks) + f"0.0.0.0/0 {TEXT}\n::/0 {TEXT}\n")
    program, environment = find_program("postmap", "postfix")

    def run(asked: Sequence[str]) -> float:
        started_at = time.monotonic()
        subprocess.run(
            [program, "-q", "-", f"cidr:{table}"], input="".join(f"{one}\n" for one in asked), text=True,
            env=environment, stdout=subprocess.DEVNULL, check=False, timeout=_LIMIT_SECONDS,
        )  # fmt: skip
        return time.monotonic() - started_at

    load = min(run(addresses[:1]) for _ in range(3))
    return {"rate": len(addresses) / max(run(addresses) - load, 0.001), "load": load}
