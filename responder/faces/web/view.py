"""From data to HTML; strangers wrote most of what is shown, so all of it is escaped and what hides is spelled out."""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from responder.services.shapes import address_text

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LINE_BREAKS = {"\n", "\t"}
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))
STATIC = files(__package__) / "static"


def visible(value: object) -> object:
    r"""Give a value as it may stand in HTML: nothing for None, and characters that hide or reorder text as escapes.

    Such are controls, bidirectional marks, zero-width characters and lone surrogates: `\u202e`. Line ends stay.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return "" if value is None else value
    if value.isascii() and value.isprintable():
        return value
    return "".join(_escape(character) for character in value)


def _escape(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN and character not in _LINE_BREAKS:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character


def ago(at: datetime, now: datetime) -> str:
    """Give how far a time lies from now, in one unit: `3 h ago`, `in 2 d`, `just now`."""
    seconds = (now - at).total_seconds()
    for unit, length in _UNITS:
        if abs(seconds) >= length:
            amount = f"{int(abs(seconds) // length)} {unit}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return "just now" if seconds >= 0 else "in a moment"


def duration(value: timedelta | float | None) -> str:
    """Give a length of time as people say it: `45 s`, `12 min`, `3.5 h`, `2 d`; a number is seconds."""
    if value is None:
        return "\N{EN DASH}"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.1f}".removesuffix(".0") + f" {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 or not seconds else "< 1 s"


def moment(at: datetime | None) -> str:
    """Give a time to the minute, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else ""


def machine_time(at: datetime) -> str:
    """Give a time for `<time datetime>`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def query(given: Mapping[str, Any], **changes: Any) -> str:
    """Give the query string of a view, changed; what is empty is left out."""
    values = {name: value for name, value in {**given, **changes}.items() if value not in (None, "", [], ())}
    return f"?{urlencode(values, doseq=True)}" if values else ""


@cache
def static_url(name: str) -> str:
    """Give the address of one of our own assets, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?{digest}"


def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": moment, "machine_time": machine_time, "duration": duration, "ip": address_text}
    environment.globals |= {"ago": ago, "query": query, "static_url": static_url}
    return environment


_environment = _make_environment()


def render(template: str, context: Mapping[str, Any]) -> str:
    """Give the HTML that the file `template` makes of `context`."""
    return _environment.get_template(template).render(context)
