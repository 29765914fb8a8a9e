"""What holds for every request before any page sees it, and for every response after.

No page may be framed, cached, or given a script that is not ours; no other site can make a browser change anything;
no body is larger than what our own forms send; and no fault tells a stranger more than its number.
"""

from urllib.parse import urlsplit

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from responder import maillog
from responder.faces.web.access import API
from responder.faces.web.api import problems

MOST_BODY_BYTES = 1024 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OWN_SITES = frozenset({"same-origin", "none"})  # none: typed, or opened from outside any page

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, base_url: str) -> None:
        """Take the application, and its public address if one is set."""
        self._app = app
        self._own_origin = _origin(base_url) if base_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        answer = _Answer(send)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, answer.send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        try:
            await self._app(scope, _limited(receive), answer.send)
        except Exception as error:  # noqa: BLE001 - whatever it is, strangers get its number and nothing else
            number = maillog.incident(where=f"web {scope['method']} {scope['path'][:100]}", error=error)
            await _tell(500, f"Something went wrong here. The log has it as incident {number}.", scope, receive, answer)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > MOST_BODY_BYTES:
            return _refuse(scope, 413, "This is too large.")
        if scope["method"] not in _SAFE_METHODS and not self._is_own(scope, headers):
            return _refuse(scope, 403, "This came from another site and was not done.")
        return None

    def _is_own(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether a request that changes something comes from our own pages, or from a program.

        The API takes tokens alone, which no browser adds by itself.
        """
        if scope["path"].startswith(API):
            return True
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            return site in _OWN_SITES
        if origin is not None:
            return origin == self._own_origin or _host(origin) == headers.get("host", "")
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _host(origin: str) -> str | None:
    """Give the host and port in what a browser names as the origin, None where it names none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _limited(receive: Receive) -> Receive:
    """Give `receive` with an end to what it takes."""
    left = MOST_BODY_BYTES

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, "This is too large.")
        return message

    return limited


class _Answer:
    """Sends a response with our headers, and knows whether one has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _refuse(scope: Scope, status: int, text: str) -> Response:
    return problems.tell(status, text) if scope["path"].startswith(API) else PlainTextResponse(text, status)


async def _tell(status: int, text: str, scope: Scope, receive: Receive, answer: _Answer) -> None:
    if not answer.has_begun:
        await _refuse(scope, status, text)(scope, receive, answer.send)
