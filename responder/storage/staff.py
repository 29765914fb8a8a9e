"""People who may sign in, by what they do so: sessions, one-time links, API tokens. Only hashes of secrets are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, insert, or_, select, update

from responder.storage.schema_desk import api_tokens, sign_in_links, staff, staff_sessions

_PERSON = (staff.c.login, staff.c.role)


def add_person(connection: Connection, *, staff_id: int, login: str, role: str, at: datetime) -> None:
    """Add a person without a password."""
    row = {"id": staff_id, "login": login, "role": role, "password_hash": None, "created_at": at, "disabled_at": None}
    connection.execute(insert(staff).values(row))


def find_person(connection: Connection, login: str) -> RowMapping | None:
    """Give the person `login`, None when there is none."""
    return connection.execute(select(staff).where(staff.c.login == login)).mappings().one_or_none()


def list_people(connection: Connection) -> Sequence[RowMapping]:
    """Give everybody by login, each with `seen_at`, when a session of theirs was last used."""
    seen = select(func.max(staff_sessions.c.seen_at)).where(staff_sessions.c.staff_id == staff.c.id)
    query = select(staff, seen.scalar_subquery().label("seen_at")).order_by(staff.c.login)
    return connection.execute(query).mappings().all()


def change_person(connection: Connection, staff_id: int, **values: Any) -> None:
    """Set columns of a person."""
    connection.execute(update(staff).where(staff.c.id == staff_id).values(**values))


def logins(connection: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Give the logins of people by id."""
    found = connection.execute(select(staff.c.id, staff.c.login).where(staff.c.id.in_(ids)))
    return {row.id: row.login for row in found}


def add_session(
    connection: Connection, *, token_hash: bytes, staff_id: int, at: datetime, expires_at: datetime
) -> None:
    """Add a session that begins at `at`."""
    row = {"token_hash": token_hash, "staff_id": staff_id, "created_at": at, "seen_at": at, "expires_at": expires_at}
    connection.execute(insert(staff_sessions).values(row))


def find_session(connection: Connection, token_hash: bytes, at: datetime) -> RowMapping | None:
    """Give a session that can be used at `at`, with its person's login and role."""
    query = _of_person(staff_sessions).where(
        staff_sessions.c.token_hash == token_hash,
        staff_sessions.c.revoked_at.is_(None),
        staff_sessions.c.expires_at > at,
    )
    return connection.execute(query).mappings().one_or_none()


def list_sessions(connection: Connection, staff_id: int, at: datetime) -> Sequence[RowMapping]:
    """Give the sessions of a person that can be used at `at`, the one used last first."""
    query = select(staff_sessions).where(
        staff_sessions.c.staff_id == staff_id,
        staff_sessions.c.revoked_at.is_(None),
        staff_sessions.c.expires_at > at,
    )
    return connection.execute(query.order_by(staff_sessions.c.seen_at.desc())).mappings().all()


def touch_session(connection: Connection, token_hash: bytes, at: datetime) -> None:
    """Note that a session is used at `at`."""
    connection.execute(update(staff_sessions).where(staff_sessions.c.token_hash == token_hash).values(seen_at=at))


def revoke_session(connection: Connection, token_hash: bytes, at: datetime) -> None:
    """End one session."""
    mine = (staff_sessions.c.token_hash == token_hash, staff_sessions.c.revoked_at.is_(None))
    connection.execute(update(staff_sessions).where(*mine).values(revoked_at=at))


def revoke_sessions(connection: Connection, staff_id: int, at: datetime, *, but: bytes | None = None) -> int:
    """End the sessions of a person, save the one with the hash `but`; give how many."""
    theirs = and_(staff_sessions.c.staff_id == staff_id, staff_sessions.c.revoked_at.is_(None))
    if but is not None:
        theirs &= staff_sessions.c.token_hash != but
    return connection.execute(update(staff_sessions).where(theirs).values(revoked_at=at)).rowcount


def add_link(connection: Connection, *, token_hash: bytes, staff_id: int, at: datetime, expires_at: datetime) -> None:
    """Add a sign-in link."""
    row = {"token_hash": token_hash, "staff_id": staff_id, "created_at": at, "expires_at": expires_at}
    connection.execute(insert(sign_in_links).values(row))


def find_link(connection: Connection, token_hash: bytes, at: datetime) -> RowMapping | None:
    """Give a link that can be used at `at`, with its person's login and role."""
    return connection.execute(_usable_link(token_hash, at)).mappings().one_or_none()


def use_link(connection: Connection, token_hash: bytes, at: datetime) -> RowMapping | None:
    """Use a link up, and give it with its person's login and role; None when it cannot be used (any more)."""
    found = find_link(connection, token_hash, at)
    unused = (sign_in_links.c.token_hash == token_hash, sign_in_links.c.used_at.is_(None))
    if found is None or not connection.execute(update(sign_in_links).where(*unused).values(used_at=at)).rowcount:
        return None
    return found


def use_links(connection: Connection, staff_id: int, at: datetime) -> None:
    """Use up every link of a person."""
    theirs = (sign_in_links.c.staff_id == staff_id, sign_in_links.c.used_at.is_(None))
    connection.execute(update(sign_in_links).where(*theirs).values(used_at=at))


def _usable_link(token_hash: bytes, at: datetime) -> Select[Any]:
    return _of_person(sign_in_links).where(
        sign_in_links.c.token_hash == token_hash,
        sign_in_links.c.used_at.is_(None),
        sign_in_links.c.expires_at > at,
    )


def add_token(
    connection: Connection,
    *,
    token_id: int,
    token_hash: bytes,
    staff_id: int,
    name: str,
    scopes: Sequence[str],
    at: datetime,
    expires_at: datetime | None,
) -> None:
    """Add an API token."""
    row = {"id": token_id, "token_hash": token_hash, "staff_id": staff_id, "name": name, "scopes": list(scopes)}
    connection.execute(insert(api_tokens).values(row | {"created_at": at, "expires_at": expires_at}))


def find_token(connection: Connection, token_hash: bytes, at: datetime) -> RowMapping | None:
    """Give a token that can be used at `at`, with its person's login and role."""
    query = _of_person(api_tokens).where(
        api_tokens.c.token_hash == token_hash,
        api_tokens.c.revoked_at.is_(None),
        or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > at),
    )
    return connection.execute(query).mappings().one_or_none()


def list_tokens(connection: Connection, staff_id: int) -> Sequence[RowMapping]:
    """Give the tokens of a person that are not revoked, newest first."""
    query = select(api_tokens).where(api_tokens.c.staff_id == staff_id, api_tokens.c.revoked_at.is_(None))
    return connection.execute(query.order_by(api_tokens.c.id.desc())).mappings().all()


def touch_token(connection: Connection, token_id: int, at: datetime) -> None:
    """Note that a token is used at `at`."""
    connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=at))


def revoke_token(connection: Connection, staff_id: int, token_id: int, at: datetime) -> bool:
    """End one token of a person; tell whether there was one."""
    theirs = (api_tokens.c.id == token_id, api_tokens.c.staff_id == staff_id, api_tokens.c.revoked_at.is_(None))
    return connection.execute(update(api_tokens).where(*theirs).values(revoked_at=at)).rowcount > 0


def revoke_tokens(connection: Connection, staff_id: int, at: datetime) -> None:
    """End every token of a person."""
    theirs = (api_tokens.c.staff_id == staff_id, api_tokens.c.revoked_at.is_(None))
    connection.execute(update(api_tokens).where(*theirs).values(revoked_at=at))


def forget_ended(connection: Connection, before: datetime) -> None:
    """Forget sessions and links that ended before then; the audit keeps who signed in."""
    connection.execute(delete(staff_sessions).where(staff_sessions.c.expires_at < before))
    connection.execute(delete(sign_in_links).where(sign_in_links.c.expires_at < before))


def _of_person(table: Any) -> Select[Any]:
    """Select rows of `table` of people who are not disabled, with login and role."""
    query = select(table, *_PERSON).join(staff, staff.c.id == table.c.staff_id)
    return query.where(staff.c.disabled_at.is_(None))
