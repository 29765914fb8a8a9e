"""Who asks, and may they? Every endpoint declares its permission; one that does not is closed to all."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import Depends, HTTPException, Request
from fastapi.security.utils import get_authorization_scheme_param

from responder.domain.address import AddressError, IPAddress, IPNetwork, parse_ip
from responder.domain.roles import Permission
from responder.faces.web.office import Office, Site
from responder.services.sign_in import Person

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

API = "/api/"
_MARK = "permission"
_MOST_HOPS = 20


def needs(permission: Permission) -> Callable[[Endpoint], Endpoint]:
    """Declare what an endpoint needs."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _MARK, permission)
        return endpoint

    return mark


def permission_of(endpoint: Any) -> Permission | None:
    """Give what an endpoint needs, None where it does not say."""
    return getattr(endpoint, _MARK, None)


class SignInNeeded(Exception):
    """Nobody is signed in; `next_path` is where they wanted to go."""

    def __init__(self, next_path: str) -> None:
        super().__init__(next_path)
        self.next_path = next_path


async def get_office(request: Request) -> Office:
    """Give what the application was built from."""
    office: Office = request.app.state.office
    return office


Desk = Annotated[Office, Depends(get_office)]
"""The office, as an endpoint asks for it."""


def identify(request: Request, office: Desk) -> Person | None:
    """Give who asks: by token alone in the API and wherever one is sent, else by the proxy's word or a session."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() == "bearer":
        return office.sign_in.by_token(token)
    if request.url.path.startswith(API):
        return None
    if office.site.user_header and _is_trusted(_peer(request), office.site.trusted_proxies):
        login = request.headers.get(office.site.user_header)
        if login:
            return office.sign_in.by_proxy(login)
    session = request.cookies.get(cookie_name(request, office.site))
    return office.sign_in.by_session(session) if session else None


def admit(request: Request, person: Annotated[Person | None, Depends(identify)]) -> None:
    """Let a request through, or not; depended on by the whole application.

    Raises:
        SignInNeeded, HTTPException: it may not pass.
    """
    permission = permission_of(request.scope["endpoint"])
    if permission is None:
        raise HTTPException(403, "This page is closed.")
    if permission is Permission.PUBLIC:
        return
    if person is None:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise SignInNeeded(wanted if request.method == "GET" else "/")
    if not person.may(permission):
        raise HTTPException(403, f"This needs the permission {permission}, which you do not have.")


def client_of(request: Request, site: Site) -> IPAddress | None:
    """Give the address of who asks: the last hop that is no trusted proxy of ours; None when it cannot be told."""
    hops = [_parse(text) for text in request.headers.get("x-forwarded-for", "").split(",")[-_MOST_HOPS:]]
    client = _peer(request)
    while client is not None and hops and _is_trusted(client, site.trusted_proxies):
        client = hops.pop()
    return client


def is_secure(request: Request, site: Site) -> bool:
    """Tell whether the browser speaks TLS, to a proxy of ours or to what `base_url` names."""
    if _is_trusted(_peer(request), site.trusted_proxies) and "x-forwarded-proto" in request.headers:
        return request.headers["x-forwarded-proto"].strip().lower() == "https"
    return site.base_url.startswith("https://")


def cookie_name(request: Request, site: Site) -> str:
    """Give the name of the session's cookie; over TLS one that no other host and no plain connection can set."""
    return "__Host-session" if is_secure(request, site) else "session"


def own_path(text: str | None) -> str:
    """Give `text` where it is a path of ours, else the first page."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or not text.isprintable():
        return "/"
    return quote(text, safe="/?&=%:,.+-_~@[]")


def _peer(request: Request) -> IPAddress | None:
    return _parse(request.client.host.partition("%")[0]) if request.client else None


def _parse(text: str) -> IPAddress | None:
    try:
        return parse_ip(text.strip())
    except AddressError:
        return None


def _is_trusted(address: IPAddress | None, networks: Iterable[IPNetwork]) -> bool:
    return address is not None and any(address in network for network in networks)
