"""Who is it? A session, a password, a one-time link, an API token, or the word of a trusted proxy.

Guessing is slowed down for each client network, and for each login from networks and browsers that the login has not
been used from. So nobody can lock a person out by failing in their name: their own browser is known by a mark that it
got at an earlier sign-in, and a link from the command line always works.
"""

import hashlib
import hmac
import threading
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import RowMapping

from responder import maillog
from responder.domain.actor import Actor, ActorKind
from responder.domain.address import IPAddress, ip_key
from responder.domain.limits import hour_of
from responder.domain.roles import PERMISSIONS, Permission, Role
from responder.services.database import Database
from responder.services.staff import hash_secret, hasher, make_secret
from responder.storage import hourly
from responder.storage import staff as store
from responder.storage.audit import note_event

SESSION_LIVES_FOR = timedelta(days=7)
_IDLE_FOR = timedelta(hours=12)
_ENDED_KEPT_FOR = timedelta(days=30)
_TOUCHED_EVERY = timedelta(minutes=5)
_MOST_FAILURES_PER_NETWORK = 20  # an hour; an office behind one address mistypes less often
_MOST_FAILURES_PER_LOGIN = 20
_HASHED_AT_ONCE = 2  # each takes 64 MiB
_HASH_PATIENCE_SECONDS = 10.0
_SITE_OCTETS = 8  # the first 64 bits of an IPv6 address
_IPV4_OCTETS = 16


class SignInError(Exception):
    """Nobody was signed in; says why in words that tell a stranger nothing."""


class TooManyAttempts(SignInError):
    """Too many attempts failed."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        id: of the row.
        login: their name.
        role: what they are.
        permissions: what they may do here and now, a token's scopes considered.
        session: the hash of their session, None where there is none (token, proxy).
        by_token: a program acts for them.
    """

    id: int
    login: str
    role: Role
    permissions: frozenset[Permission]
    session: bytes | None = None
    by_token: bool = False

    @property
    def actor(self) -> Actor:
        """Who they are in the audit."""
        return Actor(ActorKind.TOKEN if self.by_token else ActorKind.STAFF, self.login, self.role)

    def may(self, permission: Permission | str) -> bool:
        """Tell whether they may do what needs `permission`."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Admission:
    """What a browser gets when somebody signs in: the session's token, and the mark by which it is known later."""

    session: str
    mark: str


class SignIn:
    """Tells who somebody is, and opens and ends sessions."""

    def __init__(self, database: Database, key: bytes, *, passwords: PasswordHasher = hasher) -> None:
        """Take the database and the key that all nodes share."""
        self._database = database
        self._key = hashlib.sha256(b"browser mark" + key).digest()
        self._passwords = passwords
        self._hashing = threading.BoundedSemaphore(_HASHED_AT_ONCE)
        self._nobodys_hash = passwords.hash(make_secret())

    def by_session(self, token: str) -> Person | None:
        """Give the person of a session, None when it has ended."""
        now = self._database.now()
        key = hash_secret(token)
        row = self._database.read(partial(store.find_session, token_hash=key, at=now))
        if row is None or now - row["seen_at"] > _IDLE_FOR:
            return None
        if now - row["seen_at"] > _TOUCHED_EVERY:
            self._database.write(partial(store.touch_session, token_hash=key, at=now))
        return _person(row, session=key)

    def by_token(self, token: str) -> Person | None:
        """Give the person of an API token, limited to the token's scopes; None when it has ended."""
        now = self._database.now()
        row = self._database.read(partial(store.find_token, token_hash=hash_secret(token), at=now))
        if row is None:
            return None
        if row["last_used_at"] is None or now - row["last_used_at"] > _TOUCHED_EVERY:
            self._database.write(partial(store.touch_token, token_id=row["id"], at=now))
        person = _person(row)
        allowed = frozenset(permission for permission in person.permissions if permission in row["scopes"])
        return Person(person.id, person.login, person.role, allowed | {Permission.PUBLIC}, by_token=True)

    def by_proxy(self, login: str) -> Person | None:
        """Give the person that a trusted proxy names; None where there is none, or they are disabled."""
        row = self._database.read(partial(store.find_person, login=login.strip().lower()))
        if row is None or row["disabled_at"]:
            return None
        return _person(row, staff_id=row["id"])

    def by_password(self, login: str, password: str, *, client: IPAddress | None, mark: str | None) -> Admission:
        """Sign in with a password.

        Args:
            login: as it was typed.
            password: as it was typed.
            client: where from, None when unknown.
            mark: what the browser got at an earlier sign-in.

        Raises:
            SignInError: it is wrong, or too many were.
        """
        login = login.strip().lower()
        counted = [("sign-in-network", _network(client))]
        if mark is None or not self._knows(login, mark):
            counted.append(("sign-in-login", login[:64]))
        self._refuse_floods(counted)
        row = self._database.read(partial(store.find_person, login=login))
        known_hash = row["password_hash"] if row and not row["disabled_at"] else None
        if not self._matches(known_hash or self._nobodys_hash, password) or row is None or known_hash is None:
            self._database.write(partial(hourly.count_hourly, hour=hour_of(self._database.now()), counted=counted))
            maillog.sign_in_refused(login=login, client=client)
            raise SignInError("Login or password is wrong.")
        return self._admit(row["id"], login, Role(row["role"]), how="password")

    def _refuse_floods(self, counted: list[tuple[str, str]]) -> None:
        hour = hour_of(self._database.now())
        failures = self._database.read(partial(hourly.read_hourly, hour=hour, counted=counted))
        limits = {"sign-in-network": _MOST_FAILURES_PER_NETWORK, "sign-in-login": _MOST_FAILURES_PER_LOGIN}
        if any(failures.get(each, 0) >= limits[each[0]] for each in counted):
            raise TooManyAttempts("Too many attempts failed. Try again in an hour, or ask for a sign-in link.")

    def _matches(self, known_hash: str, password: str) -> bool:
        if not self._hashing.acquire(timeout=_HASH_PATIENCE_SECONDS):
            raise TooManyAttempts("Too many people sign in just now. Try again in a minute.")
        try:
            return self._passwords.verify(known_hash, password)
        except (VerificationError, UnicodeEncodeError):
            return False
        finally:
            self._hashing.release()

    def knows_password(self, person: Person, password: str) -> bool:
        """Tell whether `password` is that of a person who is signed in; who has none yet knows it."""
        row = self._database.read(partial(store.find_person, login=person.login))
        return row is None or row["password_hash"] is None or self._matches(row["password_hash"], password)

    def hash_password(self, password: str) -> str:
        """Give what is stored of a password."""
        with self._hashing:
            return self._passwords.hash(password)

    def whose_link(self, token: str) -> str | None:
        """Give the login that a one-time link signs in, None when it is of no use (any more)."""
        row = self._database.read(partial(store.find_link, token_hash=hash_secret(token), at=self._database.now()))
        return None if row is None else str(row["login"])

    def by_link(self, token: str) -> Admission:
        """Sign in with a one-time link, which is used up.

        Raises:
            SignInError: it is of no use (any more).
        """
        row = self._database.write(partial(store.use_link, token_hash=hash_secret(token), at=self._database.now()))
        if row is None:
            raise SignInError("This link was used already or is too old. Ask for another one.")
        return self._admit(row["staff_id"], row["login"], Role(row["role"]), how="link")

    def sign_out(self, session: bytes) -> None:
        """End a session."""
        self._database.write(partial(store.revoke_session, token_hash=session, at=self._database.now()))

    def _admit(self, staff_id: int, login: str, role: Role, *, how: str) -> Admission:
        """Open a session under a new name, whatever the browser had before."""
        token, now = make_secret(), self._database.now()
        expires_at = now + SESSION_LIVES_FOR
        opening = partial(
            store.add_session, token_hash=hash_secret(token), staff_id=staff_id, at=now, expires_at=expires_at
        )
        noting = partial(
            note_event,
            subject=("staff", staff_id),
            event="signed-in",
            actor=Actor(ActorKind.STAFF, login, role),
            at=now,
            data={"how": how},
        )
        forgetting = partial(store.forget_ended, before=now - _ENDED_KEPT_FOR)
        self._database.write(lambda connection: [step(connection) for step in (opening, noting, forgetting)])
        maillog.signed_in(login=login, how=how)
        return Admission(token, self._mark(login))

    def _mark(self, login: str) -> str:
        return hmac.new(self._key, login.encode(), hashlib.sha256).hexdigest()

    def _knows(self, login: str, mark: str) -> bool:
        return hmac.compare_digest(self._mark(login).encode(), mark.encode("utf-8", "replace"))


def _person(row: RowMapping, *, session: bytes | None = None, staff_id: int | None = None) -> Person:
    role = Role(row["role"])
    return Person(staff_id or row["staff_id"], row["login"], role, PERMISSIONS[role], session)


def _network(client: IPAddress | None) -> str:
    """Give the text by which a client is counted: an IPv4 address, or the first 64 bits of an IPv6 address."""
    if client is None:
        return ""
    key = ip_key(client)
    return key[: _IPV4_OCTETS if client.version == 4 else _SITE_OCTETS].hex()  # noqa: PLR2004
