"""Who may do what: every route against every role, from the route table itself."""

import re

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from responder.domain.roles import PERMISSIONS, Permission, Role
from responder.faces.web.access import permission_of
from responder.faces.web.app import make_app
from tests.support.web import House, Unfurnished, open_house

# What may be done without anybody being signed in; a new entry here is a decision.
PUBLIC = {
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/{token}",
    "POST /sign-in/{token}",
    "GET /static/{name}",
    "GET /guides/{locale}/{name}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /api/v1/openapi.json",
}
DUMMIES = {"token": "x" * 43, "name": "csv", "locale": "en", "login": "nobody", "reference": "7K3QW-0M9XT"}


def routes(app):
    for context in iter_route_contexts(app.routes):
        for method in sorted(context.methods or ()):
            yield f"{method} {context.path}", context


def table():
    app = make_app(Unfurnished())
    return [(name, permission_of(context.endpoint)) for name, context in routes(app)]


TABLE = table()


def test_there_are_routes():
    assert len(TABLE) > 70


@pytest.mark.parametrize(("name", "permission"), TABLE)
def test_every_route_declares_its_permission(name, permission):
    assert permission is not None
    assert (permission is Permission.PUBLIC) == (name in PUBLIC)
    if not name.startswith("GET ") and permission is not Permission.PUBLIC:
        assert permission is not Permission.READ, "reading changes nothing"


def test_an_undeclared_route_is_closed_even_to_an_admin(house: House):
    house.face.app.get("/forgotten")(lambda: "secret")
    answer = house.signed_in("ada", Role.ADMIN).get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


def path_of(name: str) -> str:
    return re.sub(r"{(\w+)}", lambda match: DUMMIES.get(match[1], "1"), name.partition(" ")[2])


def is_closed(answer) -> bool:
    to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")
    return to_sign_in or answer.status_code in {401, 403}


@pytest.mark.parametrize("role", [None, *Role])
def test_every_route_is_open_to_the_right_roles_alone(lite, role):
    with open_house(lite) as house:
        visitor, program = house.visitor(), house.visitor(headers={})
        if role:
            visitor = house.signed_in("ann", role)
            program = house.visitor(headers={"Authorization": f"Bearer {house.token('ann')}"})
        for name, permission in sorted(TABLE, key=lambda each: each[0] == "POST /sign-out"):
            client = program if "/api/" in name else visitor
            answer = client.request(name.partition(" ")[0], path_of(name))
            allowed = permission is Permission.PUBLIC or (role and permission in PERMISSIONS[role])
            if role and permission is Permission.SELF and client is program:
                allowed = False
            closed = is_closed(answer) and name != "POST /sign-in"  # which says 401 of a wrong password
            assert closed != bool(allowed), f"{name} as {role}: {answer.status_code}"
            assert answer.status_code < 500, f"{name} as {role}"


def test_a_token_does_only_what_its_scopes_say(house: House):
    program = house.program("ann", Role.ADMIN, Permission.READ)
    assert program.get("/api/v1/requests").status_code == 200
    assert program.post("/api/v1/requests/7K3QW-0M9XT/recheck", json={}).status_code == 403
    assert program.get("/exports/csv").status_code == 403
    assert program.get("/account").status_code == 403, "a token says nothing about its owner"
    exporter = house.visitor(headers={"Authorization": f"Bearer {house.token('ann', Permission.EXPORT)}"})
    assert exporter.get("/exports/csv").status_code == 200
    assert exporter.get("/api/v1/requests").status_code == 403


def test_a_token_does_no_more_than_its_owner(house: House):
    program = house.program("ray", Role.READER)
    assert program.post("/api/v1/blocked", json={"pattern": "x.example"}).status_code == 403


def test_the_api_takes_no_cookie(house: House):
    browser = house.signed_in("ann")
    assert browser.get("/queue").status_code == 200
    assert browser.get("/api/v1/requests").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "BASE.evil.example"},
        {},
        {"Sec-Fetch-Site": "cross-site", "Origin": "BASE"},
        {"Authorization": "Bearer x"},
    ],
)
def test_no_other_origin_changes_anything(house: House, headers):
    browser = house.signed_in("ada", Role.ADMIN)
    reference = house.desk.plead()
    browser.headers.pop("Sec-Fetch-Site")
    headers = {name: value.replace("BASE", house.base) for name, value in headers.items()}
    writing = [name for name, permission in TABLE if name.startswith("POST ") and "/api/" not in name]
    for name in writing:
        answer = browser.post(path_of(name).replace(DUMMIES["reference"], reference), headers=headers)
        assert answer.status_code == 403, name
    assert house.desk.request(reference)["state"] == "waiting"
    assert browser.get("/queue").status_code == 200, "the session has not ended"


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "BASE"}, {"Sec-Fetch-Site": "none"}])
def test_our_own_pages_change_something(house: House, headers):
    browser = house.signed_in("ann")
    reference = house.desk.plead()
    browser.headers.pop("Sec-Fetch-Site")
    headers = {name: value.replace("BASE", house.base) for name, value in headers.items()}
    answer = browser.post(f"/requests/{reference}/note", data={"text": "hm"}, headers=headers)
    assert answer.status_code == 303


def test_a_body_without_end_is_cut_off(house: House):
    browser = house.signed_in("ann")
    sent = 0

    def endless():
        nonlocal sent
        while sent < 64:
            sent += 1
            yield b"x" * 65536

    answer = browser.post("/blocked", content=endless(), headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413
    assert browser.post("/blocked", data={"pattern": "x" * 2_000_000}).status_code == 413


def test_every_response_forbids_frames_scripts_and_caches(house: House):
    browser = house.signed_in("ann")
    for path in ("/queue", "/sign-in", "/nothing", "/healthz", "/static/keys.js", "/guides/en/generic", "/exports/csv"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert policy == "sandbox" or ("default-src 'none'" in policy and "unsafe" not in policy), path
        assert policy == "sandbox" or "frame-ancestors 'none'" in policy, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "no-store" in headers["cache-control"] or path.startswith(("/static", "/exports")), path


def test_head_is_answered_as_get_is(house: House):
    answer = house.visitor().head("/healthz")
    assert answer.status_code == 200


def test_a_fault_tells_a_stranger_its_number_alone(house: House, monkeypatch, caplog):
    def fail():
        raise RuntimeError("secret words")

    monkeypatch.setattr(type(house.office.database), "read", lambda *_: fail())
    answer = house.visitor().get(f"/sign-in/{'x' * 43}")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert re.search("incident [0-9a-f]{8}", answer.text)


def test_routes_are_those_of_our_own_class():
    app = make_app(Unfurnished())
    assert all(isinstance(context.original_route, APIRoute) for _, context in routes(app))
