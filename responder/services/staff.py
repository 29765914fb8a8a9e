"""People who may sign in: adding them, their roles, passwords, one-time links, sessions and API tokens.

Every function takes a connection that may write and changes the audit with it. Secrets are given once, to be shown;
only their hashes are stored.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Connection, RowMapping

from responder.domain.actor import Actor
from responder.domain.roles import Permission, Role, parse_login
from responder.storage import staff as store
from responder.storage.audit import note_event
from responder.storage.ids import new_id

LINK_LIVES_FOR = timedelta(hours=1)
SHORTEST_PASSWORD = 12
_LONGEST_PASSWORD = 1024
_TOKEN_BYTES = 32
TOKEN_PREFIX = "bypass_"  # noqa: S105 - by it people and scanners tell what a leaked token is

hasher = PasswordHasher()


class StaffError(Exception):
    """What was asked for cannot be done; says why, fit for people."""


def hash_secret(secret: str) -> bytes:
    """Give what is stored of a token that was made at random."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def make_secret() -> str:
    """Give a token that nobody can guess."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def add(connection: Connection, login: str, role: Role, *, by: Actor, at: datetime) -> RowMapping:
    """Add a person, and give them; they sign in by a link at first.

    Raises:
        StaffError, LoginError: there is such a person already, or it is no login.
    """
    login = parse_login(login)
    if store.find_person(connection, login) is not None:
        raise StaffError(f"there is a person {login} already")
    staff_id = new_id()
    store.add_person(connection, staff_id=staff_id, login=login, role=role, at=at)
    _note(connection, staff_id, "added", by, at, role=role)
    return find(connection, login)


def find(connection: Connection, login: str) -> RowMapping:
    """Give the person `login`.

    Raises:
        StaffError: there is none.
    """
    person = store.find_person(connection, login.strip().lower())
    if person is None:
        raise StaffError(f"there is no person {login}")
    return person


def set_role(connection: Connection, login: str, role: Role, *, by: Actor, at: datetime) -> None:
    """Give a person another role, which counts at once in their open sessions too.

    Raises:
        StaffError: there is no such person, or nobody would be left to manage people.
    """
    person = find(connection, login)
    if person["role"] == role:
        return
    if role is not Role.ADMIN:
        _keep_an_admin(connection, person)
    store.change_person(connection, person["id"], role=role)
    _note(connection, person["id"], "role-changed", by, at, before=person["role"], role=role)


def disable(connection: Connection, login: str, *, by: Actor, at: datetime) -> None:
    """Keep a person from signing in, and end their sessions, links and tokens at once.

    Raises:
        StaffError: there is no such person, or nobody would be left to manage people.
    """
    person = find(connection, login)
    _keep_an_admin(connection, person)
    store.change_person(connection, person["id"], disabled_at=at)
    store.revoke_sessions(connection, person["id"], at)
    store.revoke_tokens(connection, person["id"], at)
    store.use_links(connection, person["id"], at)
    _note(connection, person["id"], "disabled", by, at)


def enable(connection: Connection, login: str, *, by: Actor, at: datetime) -> None:
    """Let a person who was disabled sign in again.

    Raises:
        StaffError: there is no such person.
    """
    person = find(connection, login)
    store.change_person(connection, person["id"], disabled_at=None)
    _note(connection, person["id"], "enabled", by, at)


def _keep_an_admin(connection: Connection, person: RowMapping) -> None:
    """Refuse to take the last administrator away; the command line may still make another one first."""
    admins = [each for each in store.list_people(connection) if each["role"] == Role.ADMIN and not each["disabled_at"]]
    if [each["id"] for each in admins] == [person["id"]]:
        raise StaffError(f"{person['login']} is the only administrator; make another one first")


def make_link(connection: Connection, login: str, *, by: Actor, at: datetime) -> str:
    """Give the token of a link that signs a person in once, within `LINK_LIVES_FOR`.

    Raises:
        StaffError: there is no such person, or they are disabled.
    """
    person = find(connection, login)
    if person["disabled_at"]:
        raise StaffError(f"{person['login']} is disabled")
    token = make_secret()
    expires_at = at + LINK_LIVES_FOR
    store.add_link(connection, token_hash=hash_secret(token), staff_id=person["id"], at=at, expires_at=expires_at)
    _note(connection, person["id"], "link-made", by, at)
    return token


def check_password(password: str, login: str) -> None:
    """Make sure that `password` is one that is hard to guess (NIST SP 800-63B section 3.1.1: length, not rules).

    Raises:
        StaffError: it is too short, too long, or holds the login.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise StaffError(f"a password has at least {SHORTEST_PASSWORD} characters; several words are easy to remember")
    if len(password) > _LONGEST_PASSWORD:
        raise StaffError(f"a password has at most {_LONGEST_PASSWORD} characters")
    if login in password.lower() or len(set(password)) < SHORTEST_PASSWORD // 3:
        raise StaffError("the password is too easy to guess")


def set_password(
    connection: Connection, login: str, password_hash: str, *, keep: bytes, by: Actor, at: datetime
) -> None:
    """Set a person's password, by its hash, and end their sessions save the one with the hash `keep`."""
    person = find(connection, login)
    store.change_person(connection, person["id"], password_hash=password_hash)
    store.revoke_sessions(connection, person["id"], at, but=keep)
    _note(connection, person["id"], "password-set", by, at)


def end_sessions(connection: Connection, login: str, *, by: Actor, at: datetime) -> int:
    """End every session of a person; give how many there were."""
    person = find(connection, login)
    ended = store.revoke_sessions(connection, person["id"], at)
    _note(connection, person["id"], "sessions-ended", by, at, ended=ended)
    return ended


def make_token(
    connection: Connection,
    login: str,
    *,
    name: str,
    scopes: Collection[Permission],
    lives_for: timedelta | None,
    by: Actor,
    at: datetime,
) -> str:
    """Give an API token of a person, limited to `scopes`; None as `lives_for` lets it live until it is revoked.

    Raises:
        StaffError: it has no name or no scope.
    """
    person = find(connection, login)
    if not name.strip() or not scopes:
        raise StaffError("a token needs a name and at least one scope")
    token = TOKEN_PREFIX + make_secret()
    listed = sorted(scope.value for scope in scopes)
    store.add_token(
        connection,
        token_id=new_id(),
        token_hash=hash_secret(token),
        staff_id=person["id"],
        name=name.strip()[:100],
        scopes=listed,
        at=at,
        expires_at=at + lives_for if lives_for else None,
    )
    _note(connection, person["id"], "token-made", by, at, name=name.strip()[:100], scopes=listed)
    return token


def revoke_token(connection: Connection, login: str, token_id: int, *, by: Actor, at: datetime) -> None:
    """End an API token of a person.

    Raises:
        StaffError: they have no such token.
    """
    person = find(connection, login)
    if not store.revoke_token(connection, person["id"], token_id, at):
        raise StaffError("there is no such token")
    _note(connection, person["id"], "token-revoked", by, at, token=str(token_id))


def people(connection: Connection) -> Sequence[RowMapping]:
    """Give everybody, by login."""
    return store.list_people(connection)


def _note(connection: Connection, staff_id: int, event: str, by: Actor, at: datetime, **data: Any) -> None:
    note_event(connection, ("staff", staff_id), event, by, at, data=data)
