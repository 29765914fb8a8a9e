"""The settings as they are in force, each with its origin, secrets hidden."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from responder.settings.model import Settings
from responder.settings.sources import Tree, leaves

_HIDDEN = "(hidden)"


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it is in force.

    Attributes:
        key: such as `smtp.listen`.
        value: made of JSON's types, secrets hidden.
        origin: the file, the environment variable, or `default`.
    """

    key: str
    value: Any
    origin: str


def effective(settings: Settings, tree: Tree) -> Iterator[Effective]:
    """Give every setting in the order of the documentation."""
    for key, _ in leaves():
        yield Effective(key, _shown(key, value_of(settings, key)), tree.origin(key))


def value_of(settings: Settings, key: str) -> Any:
    """Give the value of `key` as the settings hold it."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, "from_" if name == "from" else name)
    return value


def plain(value: Any) -> Any:
    """Give `value` in JSON's types."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def _shown(key: str, value: Any) -> Any:
    """Hide what may be a secret: passwords, the webhook's address, a zone that holds a customer's key."""
    if key == "database.url":
        return hide_password(value)
    if key == "staff.webhook":
        return _HIDDEN if value else ""
    if key == "blocklists":
        return [plain(table) | ({"zone": _HIDDEN} if table.zone else {}) for table in value]
    return plain(value)


def hide_password(url: str) -> str:
    """Give a database URL without its password, wherever it stands."""
    parts = urlsplit(url)
    if not parts.netloc:
        return url
    user, at, host = parts.netloc.rpartition("@")
    if at and ":" in user:
        user = user.partition(":")[0] + ":***"
    return urlunsplit((parts.scheme, user + at + host, parts.path, "***" if parts.query else "", ""))
