"""What staff wrote of the templates: versions, only ever added to, and which of them is published."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, Select, and_, delete, exists, func, insert, or_, select, update

from responder.storage.ids import new_id
from responder.storage.schema import audit
from responder.storage.schema_desk import template_published as published
from responder.storage.schema_desk import template_versions as versions
from responder.storage.serials import TEMPLATES, lock_serial, raise_serial

SUBJECT = "template"
PUBLISHED = "published"
_LARGEST_SOURCE = 256 * 1024


def digest(source: str) -> str:
    """Give the SHA-256 of a template's text, in hexadecimal."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def lock(connection: Connection) -> int:
    """Keep everybody else from changing templates until the transaction ends, and give the serial as it is."""
    return lock_serial(connection, TEMPLATES)


def add_version(
    connection: Connection,
    *,
    name: str,
    locale: str,
    source: str,
    shipped_sha256: str | None,
    created_by: str,
    why: str,
    at: datetime,
) -> RowMapping:
    """Add a version, numbered from 1 for each name and locale, and give it; nobody sees it until it is published.

    `shipped_sha256` is the digest of the shipped text as its author had it, None where nothing of that name is shipped.
    """
    lock(connection)  # one at a time, so that each gets a number of its own
    last = select(func.max(versions.c.version)).where(versions.c.name == name, versions.c.locale == locale)
    row = {
        "id": new_id(),
        "name": name,
        "locale": locale,
        "version": (connection.execute(last).scalar_one() or 0) + 1,
        "source": source,
        "sha256": digest(source),
        "shipped_sha256": shipped_sha256,
        "created_at": at,
        "created_by": created_by,
        "why": why,
    }
    connection.execute(insert(versions).values(row))
    return connection.execute(_versions().where(versions.c.id == row["id"])).mappings().one()


def find_version(connection: Connection, name: str, locale: str, version: int) -> RowMapping | None:
    """Give one version, None when there is none of that number."""
    wanted = (versions.c.name == name, versions.c.locale == locale, versions.c.version == version)
    return connection.execute(_versions().where(*wanted)).mappings().one_or_none()


def list_versions(connection: Connection, name: str, locale: str, *, limit: int = 0) -> Sequence[RowMapping]:
    """Give the versions of one template, newest first, at most `limit` unless that is 0.

    The one that is published has `published_at` and `published_by`; one that is or was has `was_published`.
    """
    query = _versions().where(versions.c.name == name, versions.c.locale == locale).order_by(versions.c.version.desc())
    return connection.execute(query.limit(limit) if limit else query).mappings().all()


def newest_versions(connection: Connection) -> Sequence[RowMapping]:
    """Give the newest version of every template that staff ever wrote, published or not.

    One that never was published (`was_published`) waits as a draft.
    """
    newest = (
        select(versions.c.name, versions.c.locale, func.max(versions.c.version).label("version"))
        .group_by(versions.c.name, versions.c.locale)
        .subquery()
    )
    same = and_(
        newest.c.name == versions.c.name,
        newest.c.locale == versions.c.locale,
        newest.c.version == versions.c.version,
    )
    return connection.execute(_versions().join(newest, same)).mappings().all()


def read_published(connection: Connection) -> Sequence[RowMapping]:
    """Give the published version of every template that has one.

    One that is too long for any template comes cut, which makes it one that cannot be read: what a hand put into the
    database must not fill the memory.
    """
    query = _versions(func.substr(versions.c.source, 1, _LARGEST_SOURCE)).where(published.c.version_id.is_not(None))
    return connection.execute(query.order_by(versions.c.name, versions.c.locale)).mappings().all()


def find_published(connection: Connection, name: str, locale: str) -> RowMapping | None:
    """Give the published version of one template, None where the shipped text is in use."""
    wanted = (published.c.version_id.is_not(None), versions.c.name == name, versions.c.locale == locale)
    return connection.execute(_versions().where(*wanted)).mappings().one_or_none()


def _versions(source: object = versions.c.source) -> Select[tuple[object, ...]]:
    columns = [each for each in versions.c if each is not versions.c.source]
    noted = exists().where(
        audit.c.subject_kind == SUBJECT, audit.c.subject_id == versions.c.id, audit.c.event == PUBLISHED
    )
    was_published = or_(published.c.version_id.is_not(None), noted).label("was_published")
    shown = (published.c.published_at, published.c.published_by, was_published)
    joined = versions.outerjoin(published, published.c.version_id == versions.c.id)
    return select(*columns, source.label("source"), *shown).select_from(joined)  # type: ignore[attr-defined]


def publish(connection: Connection, row: RowMapping, *, by: str, at: datetime) -> None:
    """Make the version `row` the one in use, in the place of whichever is."""
    raise_serial(connection, TEMPLATES)
    this = (published.c.name == row["name"], published.c.locale == row["locale"])
    values = {"version_id": row["id"], "published_at": at, "published_by": by}
    if not connection.execute(update(published).where(*this).values(values)).rowcount:
        connection.execute(insert(published).values(name=row["name"], locale=row["locale"], **values))


def withdraw(connection: Connection, name: str, locale: str) -> None:
    """Let the shipped text be in use again."""
    raise_serial(connection, TEMPLATES)
    connection.execute(delete(published).where(published.c.name == name, published.c.locale == locale))


def events(connection: Connection, name: str, locale: str) -> Sequence[RowMapping]:
    """Give what happened to the versions of one template, oldest first."""
    ids = select(versions.c.id).where(versions.c.name == name, versions.c.locale == locale)
    query = select(audit).where(audit.c.subject_kind == SUBJECT, audit.c.subject_id.in_(ids))
    return connection.execute(query.order_by(audit.c.id)).mappings().all()


def events_since(connection: Connection, event: str, since: datetime, *, limit: int) -> Sequence[RowMapping]:
    """Give the newest events of one kind about templates, newest first, at most `limit`."""
    query = select(audit).where(audit.c.subject_kind == SUBJECT, audit.c.event == event, audit.c.at >= since)
    return connection.execute(query.order_by(audit.c.id.desc()).limit(limit)).mappings().all()
