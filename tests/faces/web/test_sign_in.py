"""Signing in: by link, by password, by a proxy's word; and what keeps strangers out."""

import re

import pytest

from responder.domain.address import parse_network
from responder.domain.roles import Role
from responder.services import staff
from tests.support.web import OPERATOR, PASSWORD, House, open_house


def test_a_link_asks_first_and_works_once(house: House):
    house.hire("ann")
    link = house.link("ann")
    visitor = house.visitor()
    for _ in range(2):  # a program that looks at links does not use it up
        assert "Sign in as ann" in visitor.get(link).text
    assert visitor.post(link).headers["location"] == "/"
    assert visitor.get("/queue").status_code == 200
    other = house.visitor()
    assert other.get(link).status_code == 410
    assert other.post(link).status_code == 410
    assert other.get("/queue").status_code == 303


def test_a_link_is_of_no_use_after_an_hour_or_to_the_disabled(house: House):
    house.hire("ann")
    old, fresh = house.link("ann"), None
    house.desk.clock.advance(minutes=61)
    assert house.visitor().post(old).status_code == 410
    fresh = house.link("ann")
    at = house.office.database.now()
    house.hire("ada", Role.ADMIN)
    house.office.database.write(lambda each: staff.disable(each, "ann", by=OPERATOR, at=at))
    assert house.visitor().post(fresh).status_code == 410


def test_nobody_can_fix_a_session_beforehand(house: House):
    house.hire("ann")
    visitor = house.visitor()
    visitor.cookies.set("session", "planted")
    answer = visitor.post(house.link("ann"))
    token = re.search(r"session=([^;]+)", answer.headers["set-cookie"])[1]
    assert token != "planted"
    assert all(word in answer.headers["set-cookie"] for word in ("HttpOnly", "SameSite=strict", "Path=/"))


def test_signing_in_again_makes_another_session_and_signing_out_ends_this_one(house: House):
    one = house.signed_in("ann")
    stolen = one.cookies["session"]
    two = house.visitor()
    two.post(house.link("ann"))
    assert two.cookies["session"] != stolen
    assert one.post("/sign-out").headers["location"] == "/sign-in"
    thief = house.visitor()
    thief.cookies.set("session", stolen)
    assert thief.get("/queue").status_code == 303
    assert two.get("/queue").status_code == 200


@pytest.mark.parametrize("passed", [{"hours": 13}, {"days": 8}])
def test_a_session_ends_by_itself(house: House, passed):
    browser = house.signed_in("ann")
    house.desk.clock.advance(**passed)
    assert browser.get("/queue").status_code == 303


def test_a_session_in_use_lives_on(house: House):
    browser = house.signed_in("ann")
    for _ in range(3):
        house.desk.clock.advance(hours=11)
        assert browser.get("/queue").status_code == 200


def test_a_password_signs_in_and_sends_to_where_one_wanted(house: House):
    house.hire("ann", password=PASSWORD)
    visitor = house.visitor()
    assert visitor.get("/queue?tab=all&q=x").headers["location"] == "/sign-in?next=/queue%3Ftab%3Dall%26q%3Dx"
    form = {"login": " Ann ", "password": PASSWORD, "next": "/queue?tab=all&q=x"}
    assert visitor.post("/sign-in", data=form).headers["location"] == "/queue?tab=all&q=x"
    assert visitor.get("/queue").status_code == 200


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "\r\nX: y", ""])
def test_no_sign_in_sends_elsewhere(house: House, target):
    house.hire("ann", password=PASSWORD)
    answer = house.visitor().post("/sign-in", data={"login": "ann", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


def test_a_stranger_does_not_learn_who_exists(house: House):
    house.hire("ann", password=PASSWORD)
    house.hire("bob")  # has no password
    said = set()
    for login in ("ann", "bob", "nobody"):
        answer = house.visitor().post("/sign-in", data={"login": login, "password": "wrong"})
        said.add((answer.status_code, answer.text.replace(login, "")))
    assert len(said) == 1


def fail(client, login="ann", times=1):
    for _ in range(times):
        answer = client.post("/sign-in", data={"login": login, "password": "wrong"})
    return answer.status_code


def test_guessing_is_slowed_down_for_a_network(lite):
    with open_house(lite, trusted_proxies=(parse_network("127.0.0.0/8"),)) as house:
        house.hire("ann", password=PASSWORD)
        bot = house.visitor(headers={"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "198.51.100.7"})
        for number in range(20):
            assert fail(bot, f"guess{number}") == 401
        assert fail(bot) == 429
        right = {"login": "ann", "password": PASSWORD}
        assert bot.post("/sign-in", data=right).status_code == 429, "also the right one"
        assert bot.post(house.link("ann")).status_code == 303, "a link always works"
        other = house.visitor(headers={"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "198.51.100.8"})
        assert other.post("/sign-in", data=right).status_code == 303
        house.desk.clock.advance(hours=1)
        assert fail(bot) == 401


def test_nobody_can_lock_a_person_out(lite):
    with open_house(lite, trusted_proxies=(parse_network("127.0.0.0/8"),)) as house:
        house.hire("ann", password=PASSWORD)
        right = {"login": "ann", "password": PASSWORD}
        own = house.visitor()
        assert own.post("/sign-in", data=right).status_code == 303
        own.post("/sign-out")
        for number in range(25):
            bot = {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": f"203.0.113.{number}"}
            fail(house.visitor(headers=bot))
        # Guessing from everywhere is slowed down too, but not for the browser that is known.
        stranger = house.visitor(headers={"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "198.51.100.9"})
        assert stranger.post("/sign-in", data=right).status_code == 429
        assert own.post("/sign-in", data=right).status_code == 303


def test_a_proxy_is_believed_only_where_it_is_trusted(lite):
    trusted = (parse_network("127.0.0.1"),)
    with open_house(lite, user_header="X-Forwarded-User", trusted_proxies=trusted) as house:
        house.hire("ann")
        assert house.visitor(headers={"X-Forwarded-User": "ann"}).get("/queue").status_code == 200
        assert house.visitor(headers={"X-Forwarded-User": "nobody"}).get("/queue").status_code == 303
        assert house.visitor(headers={"X-Forwarded-User": "ann"}).post("/blocked").status_code == 403, "no origin"


@pytest.mark.parametrize(
    "site", [{"user_header": "X-Forwarded-User"}, {"trusted_proxies": (parse_network("198.51.100.0/24"),)}]
)
def test_a_stranger_is_no_proxy(lite, site):
    with open_house(lite, **site) as house:
        house.hire("ann")
        assert house.visitor(headers={"X-Forwarded-User": "ann"}).get("/queue").status_code == 303


def test_over_tls_the_cookie_is_bound_to_the_host(lite):
    with open_house(lite, base_url="https://desk.example") as house:
        house.hire("ann")
        cookie = house.visitor().post(house.link("ann")).headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        assert "Secure" in cookie


def test_a_new_password_ends_other_sessions_and_asks_for_the_old_one(house: House):
    browser = house.signed_in("ann")
    other = house.visitor()
    other.post(house.link("ann"))
    form = {"password": PASSWORD, "again": PASSWORD}
    assert browser.post("/account/password", data=form).headers["location"] == "/account?did=password"
    assert browser.get("/queue").status_code == 200
    assert other.get("/queue").status_code == 303
    form = {"password": PASSWORD[::-1], "again": PASSWORD[::-1]}
    assert "current password is wrong" in browser.post("/account/password", data=form).text
    assert browser.post("/account/password", data=form | {"current": PASSWORD}).status_code == 303


@pytest.mark.parametrize("password", ["short", "ann ann ann ann", "aaaaaaaaaaaaaaaa", "x" * 2000])
def test_a_password_that_is_easy_to_guess_is_refused(house: House, password):
    answer = house.signed_in("ann").post("/account/password", data={"password": password, "again": password})
    assert answer.status_code == 422
    assert password not in re.sub(r"<h1>.*</h1>|ann", "", answer.text)


def test_the_only_administrator_stays(house: House):
    browser = house.signed_in("ada", Role.ADMIN)
    assert browser.post("/people/ada/disable").status_code == 422
    assert browser.post("/people/ada/role", data={"role": "reader"}).status_code == 422
    house.hire("eve", Role.ADMIN)
    assert browser.post("/people/ada/disable").status_code == 303
    assert browser.get("/queue").status_code == 303, "it counts at once"


def test_a_role_counts_at_once(house: House):
    admin, browser = house.signed_in("ada", Role.ADMIN), house.signed_in("bob", Role.READER)
    assert browser.post("/blocked", data={"pattern": "spam.example"}).status_code == 403
    assert admin.post("/people/bob/role", data={"role": "reviewer"}).status_code == 303
    assert browser.post("/blocked", data={"pattern": "spam.example"}).status_code == 303


def test_only_hashes_of_secrets_are_stored(house: House, lite):
    browser = house.signed_in("ann")
    token = house.token("ann")
    link = house.link("ann").rpartition("/")[2]
    with lite.connect() as connection:
        dump = "".join(connection.connection.driver_connection.iterdump())
    for secret in (browser.cookies["session"], token, link):
        assert secret not in dump
