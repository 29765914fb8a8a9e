"""The sockets that faces listen on; all are taken before anything else starts, so that a busy port ends it at once."""

import contextlib
import errno
import os
import resource
import socket
from collections.abc import Iterable

from responder.app.errors import StartError
from responder.settings import Endpoint

_BACKLOG = 1024
_OTHER_FILES = 64  # database, log, relay connections, the interpreter's own


def bind(setting: str, endpoints: Iterable[Endpoint]) -> list[socket.socket]:
    """Listen on every address that `endpoints` name; `setting` is the key that named them.

    Raises:
        StartError: one of them cannot be had; none is kept.
    """
    with contextlib.ExitStack() as undo:
        sockets = [undo.enter_context(made) for endpoint in endpoints for made in _bind(setting, endpoint)]
        undo.pop_all()
        return sockets


def _bind(setting: str, endpoint: Endpoint) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise StartError(f"{setting}: the host of {endpoint} cannot be found: {error.strerror}") from None
    made: list[socket.socket] = []
    for family, _, _, _, address in found:
        try:
            listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
            # What is accepted inherits it: else the second of two small writes waits for the client's delayed
            # acknowledgement, 40 ms.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.append(listener)
        except OSError as error:
            for one in made:
                one.close()
            reason = os.strerror(error.errno or 0)
            raise StartError(f"{setting}: cannot listen on {endpoint}: {reason}{_advice(error)}") from None
    return made


def _advice(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "; another program listens there, stop it or choose another port"
    if error.errno == errno.EACCES:
        return "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
    return ""


def raise_file_limit(connections: int) -> None:
    """Let this process open as many files as the system allows, and make sure that `connections` fit (0: no limit).

    Raises:
        StartError: they do not.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS names a maximum that it then refuses
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < connections + _OTHER_FILES:
        raise StartError(
            f"smtp.max_connections: {connections} need {connections + _OTHER_FILES} open files and {allowed} are "
            "allowed; raise the limit (ulimit -n, LimitNOFILE=) or lower the setting"
        )
