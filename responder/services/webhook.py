"""Telling another program by HTTP; it gets one chance, since the same went by mail."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from responder import maillog

_TIMEOUT_SECONDS = 3.0
_FINE = range(200, 300)


def post_json(url: str, data: dict[str, Any]) -> bool:
    """Send `data` to a URL and tell whether it was taken; no redirect is followed, and nothing is ever raised."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, json.dumps(data).encode(), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except (OSError, HTTPException, ValueError) as error:
        maillog.webhook_failed(why=type(error).__name__)
        return False
    finally:
        connection.close()
    if status not in _FINE:
        maillog.webhook_failed(why=f"status {status}")
    return status in _FINE
