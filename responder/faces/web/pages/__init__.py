"""The pages, one module per noun."""

from responder.faces.web.pages import (
    account,
    audit,
    blocked,
    bulk,
    dashboard,
    decisions,
    exemptions,
    health,
    messages,
    outbox,
    people,
    public,
    queue,
    request,
    sign_in,
    static,
    templates,
)

_MODULES = (
    sign_in,
    account,
    queue,
    request,
    decisions,
    bulk,
    exemptions,
    blocked,
    messages,
    outbox,
    people,
    templates,
    audit,
    dashboard,
    public,
    health,
    static,
)
ROUTERS = tuple(module.router for module in _MODULES)
