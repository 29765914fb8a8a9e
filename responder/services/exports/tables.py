"""Tables for people and for programs of one's own: CSV and JSON, which alone carry what staff wrote."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from responder.domain.address import IPNetwork
from responder.maillog import clean
from responder.services.exports.lines import networks, utc
from responder.storage.exported import Exempt

_FIELDS = ("id", "network", "request", "reason", "created_at", "created_by", "expires_at")
# What a spreadsheet takes for a formula, also behind blanks and quotes; the last four are what it makes of full width.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def _object(exempt: Exempt) -> dict[str, str | None]:
    """Give an exemption without what changes while it is in force: then the same exemptions make the same file."""
    return {
        "id": str(exempt.id),
        "network": str(exempt.network),
        "request": exempt.request,
        "reason": exempt.reason,
        "created_at": utc(exempt.created_at),
        "created_by": exempt.created_by,
        "expires_at": utc(exempt.expires_at),
    }


def write_csv(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write comma-separated values with a heading (RFC 4180, but for lines that end in LF), every field in quotes."""
    yield _csv_line(_FIELDS)
    for each in exempt:
        yield _csv_line(_cell(value or "") for value in _object(each).values())


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _cell(text: str) -> str:
    """Give `text` in one line of ASCII, with an apostrophe in front where a spreadsheet would take it for a formula."""
    line = clean(text)
    escaped = line.encode("ascii", "backslashreplace").decode("ascii")
    return f"'{escaped}" if line.lstrip(" \"'").startswith(_FORMULA) else escaped


def read_csv(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read the networks of such a table."""
    try:
        for row in csv.DictReader(lines):
            yield from networks([row.get("network") or ""])
    except csv.Error:
        return


def write_json(exempt: Iterable[Exempt]) -> Iterator[str]:
    """Write an array of objects, each on a line of its own, in ASCII."""
    yield "["
    separator = "\n"
    for each in exempt:
        yield separator + json.dumps(_object(each))
        separator = ",\n"
    yield "\n]\n"


def read_json(lines: Iterable[str]) -> Iterator[IPNetwork]:
    """Read the networks of such an array."""
    try:
        objects = json.loads("".join(lines))
    except ValueError:
        return
    for each in objects if isinstance(objects, list) else ():
        if isinstance(each, dict):
            yield from networks([each.get("network") or ""])
