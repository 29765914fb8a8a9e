"""People, links, sessions, tokens and passwords, on each kind of database."""

from datetime import timedelta
from ipaddress import ip_address
from itertools import pairwise

import pytest

from responder.domain.actor import Actor, ActorKind
from responder.domain.roles import PERMISSIONS, LoginError, Permission, Role, parse_login
from responder.services import staff
from responder.services.database import Database
from responder.services.sign_in import SignIn, SignInError, TooManyAttempts
from responder.storage.audit import list_events
from responder.storage.writer import Writer
from tests.support.clock import FakeClock
from tests.support.web import CHEAP, PASSWORD

ADA = Actor(ActorKind.STAFF, "ada", Role.ADMIN)
CLIENT = ip_address("198.51.100.7")


class Door:
    """Sign-in over one database."""

    def __init__(self, engine):
        self.clock = FakeClock()
        self.writer = Writer(engine)
        self.writer.start()
        self.database = Database(engine, self.writer, self.clock)
        self.sign_in = SignIn(self.database, b"k" * 32, passwords=CHEAP)

    def do(self, function, *arguments, **more):
        at = self.clock.now()
        return self.database.write(lambda each: function(each, *arguments, by=ADA, at=at, **more))

    def password(self, login="ann", password=PASSWORD, **more):
        return self.sign_in.by_password(login, password, **({"client": CLIENT, "mark": None} | more))


@pytest.fixture
def door(engine):
    door = Door(engine)
    door.do(staff.add, "ann", Role.REVIEWER)
    yield door
    door.writer.stop()


def test_a_session_knows_its_person_until_they_sign_out(door):
    admission = door.sign_in.by_link(door.do(staff.make_link, "ann"))
    person = door.sign_in.by_session(admission.session)
    assert (person.login, person.role, person.permissions) == ("ann", Role.REVIEWER, PERMISSIONS[Role.REVIEWER])
    assert person.actor == Actor(ActorKind.STAFF, "ann", Role.REVIEWER)
    door.sign_in.sign_out(person.session)
    assert door.sign_in.by_session(admission.session) is None


def test_a_link_is_used_up_by_one_of_two(door):
    link = door.do(staff.make_link, "ann")
    door.sign_in.by_link(link)
    with pytest.raises(SignInError):
        door.sign_in.by_link(link)
    assert door.sign_in.whose_link(link) is None


def test_a_token_has_its_scopes_and_its_end(door):
    making = {"name": "x", "scopes": [Permission.READ, Permission.MANAGE], "lives_for": timedelta(days=1)}
    token = door.do(staff.make_token, "ann", **making)
    person = door.sign_in.by_token(token)
    assert person.permissions == {Permission.READ, Permission.PUBLIC}, "no more than the role"
    assert person.actor.kind is ActorKind.TOKEN
    door.clock.advance(days=2)
    assert door.sign_in.by_token(token) is None
    assert door.sign_in.by_token("bypass_nonsense\ud800") is None


@pytest.mark.parametrize("making", [{"name": " ", "scopes": [Permission.READ]}, {"name": "x", "scopes": []}])
def test_a_token_needs_a_name_and_a_scope(door, making):
    with pytest.raises(staff.StaffError):
        door.do(staff.make_token, "ann", lives_for=None, **making)


def test_disabling_ends_everything_at_once(door):
    door.do(staff.add, "ada", Role.ADMIN)
    session = door.sign_in.by_link(door.do(staff.make_link, "ann")).session
    link = door.do(staff.make_link, "ann")
    token = door.do(staff.make_token, "ann", name="x", scopes=[Permission.READ], lives_for=None)
    door.do(staff.set_password, "ann", CHEAP.hash(PASSWORD), keep=b"")
    door.do(staff.disable, "ann")
    assert door.sign_in.by_session(session) is None
    assert door.sign_in.by_token(token) is None
    assert door.sign_in.by_proxy("ann") is None
    assert door.sign_in.whose_link(link) is None
    with pytest.raises(SignInError):
        door.password()
    door.do(staff.enable, "ann")
    assert door.password().session
    assert door.sign_in.by_token(token) is None, "what has ended stays so"


def test_guesses_are_counted_and_forgotten_with_the_hour(door):
    door.do(staff.set_password, "ann", CHEAP.hash(PASSWORD), keep=b"")
    for number in range(20):
        with pytest.raises(SignInError, match="wrong"):
            door.password(f"x{number}", "wrong")
    with pytest.raises(TooManyAttempts):
        door.password()
    assert door.password(client=ip_address("2001:db8::1")).mark
    door.clock.advance(hours=1)
    assert door.password().session


def test_an_ipv6_network_counts_as_one(door):
    for number in range(20):
        with pytest.raises(SignInError, match="wrong"):
            door.password(f"x{number}", "wrong", client=ip_address(f"2001:db8:0:1::{number:x}"))
    with pytest.raises(TooManyAttempts):
        door.password("y", "wrong", client=ip_address("2001:db8:0:1:ffff::1"))


def test_everything_stands_in_the_audit(door):
    door.do(staff.set_role, "ann", Role.EDITOR)
    door.sign_in.by_link(door.do(staff.make_link, "ann"))
    door.do(staff.end_sessions, "ann")
    events = door.database.read(lambda each: list_events(each, limit=0))
    assert [row["event"] for row in events][::-1] == [
        "added", "role-changed", "link-made", "signed-in", "sessions-ended",
    ]  # fmt: skip
    assert {row["actor_id"] for row in events} == {"ada", "ann"}


def test_what_ended_long_ago_is_forgotten(door, engine):
    old = door.sign_in.by_link(door.do(staff.make_link, "ann")).session
    door.clock.advance(days=60)
    door.sign_in.by_link(door.do(staff.make_link, "ann"))
    with engine.connect() as connection:
        assert len(connection.exec_driver_sql("SELECT 1 FROM staff_sessions").fetchall()) == 1
    assert door.sign_in.by_session(old) is None


@pytest.mark.parametrize("login", ["", " ", "a b", "-a", "ann\n", "Ä", "a" * 65, "a/b", "a\u202eb"])
def test_a_login_is_plain(login):
    if login.strip() == "ann":
        assert parse_login(login) == "ann"
    else:
        with pytest.raises(LoginError):
            parse_login(login)


def test_each_role_may_do_all_that_the_one_before_may():
    assert all(PERMISSIONS[low] < PERMISSIONS[high] for low, high in pairwise(Role))
