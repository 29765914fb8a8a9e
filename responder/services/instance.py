"""What a process of the service is called among the nodes, and whether one of that name still runs."""

import os
import secrets
from pathlib import Path


def make_instance(hostname: str) -> str:
    """Give a name that is unique to this start of this process: host, process namespace, process id, and chance."""
    return f"{hostname}/{_namespace()}/{os.getpid()}/{secrets.token_hex(4)}"


def is_dead(instance: str, own: str) -> bool:
    """Tell whether the process `instance` has surely ended; only a process that sees the same ids, `own`, can say so.

    An id that some other process has by now proves nothing; our own id does, for it was free when we got it.
    """
    host, namespace, number, _ = _parts(instance)
    own_host, own_namespace, own_number, _ = _parts(own)
    if not namespace or (host, namespace) != (own_host, own_namespace) or instance == own:
        return False
    return number == own_number or not _runs(int(number))


def _parts(instance: str) -> tuple[str, str, str, str]:
    match instance.rsplit("/", 3):
        case [host, namespace, number, chance] if number.isdecimal():
            return host, namespace, number, chance
    return instance, "", "", ""


def _namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name.removeprefix("pid:[").removesuffix("]")
    except OSError:
        return ""


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
