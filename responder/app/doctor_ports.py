"""Which ports the service has: they are free, it answers there itself, or somebody else has them."""

import socket
from collections.abc import Iterator

from responder.app.errors import StartError
from responder.app.sockets import bind
from responder.app.verdict import Finding, Verdict
from responder.settings import Endpoint, Settings

_SECONDS = 2

# What each face is asked, and how its answer begins. A policy request without recipient is counted nowhere.
_QUESTIONS = {
    "smtp.listen": (b"", "220 "),
    "policy.listen": (b"request=smtpd_access_policy\nprotocol_state=DATA\n\n", "action="),
    "web.listen": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "),
}


def check_ports(settings: Settings, *, was_started: bool) -> Iterator[Finding]:
    """See whether the service listens where the settings say, or could.

    Where it `was_started` before, a port that is free is a warning, and no more than that: another machine with the
    same database may have that face.
    """
    verdict, advice = (Verdict.WARNING, "; start `responder serve`") if was_started else (Verdict.OK, " yet")
    listeners = (settings.smtp.listen, settings.policy.listen, settings.web.listen)
    for setting, endpoints in zip(_QUESTIONS, listeners, strict=True):
        for endpoint in endpoints:
            try:
                for free in bind(setting, [endpoint]):
                    free.close()
                text = f"{endpoint} ({setting}) is free: the service does not run there{advice}"
                yield Finding("port", verdict, text)
            except StartError as error:
                answer = _ask(setting, endpoint)
                yield Finding("port", Verdict.OK, answer) if answer else Finding("port", Verdict.FAILED, str(error))


def _ask(setting: str, endpoint: Endpoint) -> str | None:
    """Give what answers at a port that is taken, None when that is not the face that belongs there."""
    question, beginning = _QUESTIONS[setting]
    try:
        with socket.create_connection((endpoint.host, endpoint.port), _SECONDS) as connection:
            connection.sendall(question)
            lines = connection.recv(512).decode("ascii", "replace").splitlines()
    except OSError:
        return None
    return f"{endpoint} ({setting}) answers: {lines[0]}" if lines and lines[0].startswith(beginning) else None
