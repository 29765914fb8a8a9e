"""Whether the files of exemptions that mail servers read are what was approved."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from responder.app.database import open_database
from responder.app.errors import StartError
from responder.app.exports import make_publishing_terms
from responder.app.verdict import Finding, Verdict
from responder.services.exports.on_demand import read_state
from responder.services.exports.published import Difference, find_deviations
from responder.services.exports.publishing import PublishingTerms
from responder.settings import Settings

_PART = "exports"
_WORDS = {
    Difference.MISSING: "approved and not published",
    Difference.LEFT_OVER: "published and not approved",
}


def check_exports(settings: Settings) -> Iterator[Finding]:
    """Compare each file with what is in force; nothing where the settings ask for none, or there is no database."""
    try:
        terms = make_publishing_terms(settings)
        engine = open_database(settings, migrates=False)
    except StartError:  # of the database another check tells
        return
    try:
        yield from (_check(engine, terms, name) for name in terms.formats)
    except SQLAlchemyError:
        return
    finally:
        engine.dispose()


def _check(engine: Engine, terms: PublishingTerms, name: str) -> Finding:
    path = terms.folder / name
    try:
        with engine.connect() as connection:
            state = read_state(connection, datetime.now(UTC))
            found = Counter(each.difference for each in find_deviations(connection, name, state, path))
    except OSError as error:
        return Finding(_PART, Verdict.FAILED, f"{path} cannot be read: {error.strerror}")
    if not found:
        return Finding(_PART, Verdict.OK, f"{path} is what was approved")
    if Difference.NO_FILE in found:
        text = f"{path} is not there: does a worker run (`responder serve --only worker`)?"
        return Finding(_PART, Verdict.FAILED, text)
    counts = [f"{found[each]} {words}" for each, words in _WORDS.items() if found[each]]
    what = ", ".join(counts) or "not as it was written"
    return Finding(_PART, Verdict.WARNING, f"{path}: {what}; `responder export check` tells all")
