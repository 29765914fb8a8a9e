"""What `responder doctor` asks every part; each check gives findings and never raises on what it looks for."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

import responder
from responder.app.database import first_line, open_database
from responder.app.doctor_dns import check_dns
from responder.app.doctor_exports import check_exports
from responder.app.doctor_ports import check_ports
from responder.app.doctor_relay import check_relay
from responder.app.doctor_running import check_worker, was_started
from responder.app.errors import StartError
from responder.app.parts import make_tls_context
from responder.app.sockets import raise_file_limit
from responder.app.verdict import Finding, Verdict
from responder.app.wording import make_library, read_library, renderer_for_looking
from responder.services.checking import find_problems
from responder.services.samples import SAMPLES
from responder.services.templates.file import Problem
from responder.services.templates.library import Library
from responder.services.templates.watch import find_troubles
from responder.settings import Loaded, Settings
from responder.storage import migrate
from responder.storage.health import read_health

_LITTLE_SPACE = 200 * 1024**2
_CLOCK_ERROR = timedelta(seconds=10)
_LATELY = timedelta(hours=24)
_PATIENCE = timedelta(minutes=5)
_NAMED = ("name", "domain")  # what the shipped settings can only make up; the postmaster follows the domain


def examine(loaded: Loaded) -> Iterator[Finding]:
    """Ask every part, one after the other."""
    settings = loaded.settings
    yield from check_settings(loaded)
    yield from check_organization(settings)
    yield from check_storage(settings)
    yield from check_exports(settings)
    yield check_relay(settings)
    yield from check_templates(settings)
    yield from check_ports(settings, was_started=was_started(settings))
    yield check_files(settings)
    yield check_clock(time.time())
    yield from check_dns(settings)


def check_settings(loaded: Loaded) -> Iterator[Finding]:
    """See whether the files that the settings name are there and of use."""
    problems = [str(problem) for problem in loaded.missing_files()]
    try:
        make_tls_context(loaded.settings)
    except StartError as error:
        problems = problems or [str(error)]
    if problems:
        yield from (Finding("settings", Verdict.FAILED, problem) for problem in problems)
    else:
        yield Finding("settings", Verdict.OK, str(loaded.file or "defaults, no file"))


def check_organization(settings: Settings) -> Iterator[Finding]:
    """See whether the settings say who refuses; every answer names them."""
    fields = type(settings.organization).model_fields
    left = [name for name in _NAMED if getattr(settings.organization, name) == fields[name].default]
    if left:
        names = ", ".join(f"organization.{name}" for name in left)
        yield Finding("settings", Verdict.WARNING, f"{names}: still as shipped, and named in answers; set your own")


def check_storage(settings: Settings) -> Iterator[Finding]:
    """See whether the database can be used, and what it tells about the last day."""
    try:
        engine = open_database(settings, migrates=False)
        try:
            with engine.connect() as connection:
                missing = migrate.find_missing(connection)
            if missing:
                text = f"{', '.join(missing)} missing: was a backup restored in part? Restore it into an empty database"
                yield Finding("database", Verdict.FAILED, text)
            else:
                yield Finding("database", Verdict.OK, f"{engine.dialect.name}, schema {migrate.head()}")
                yield from _check_contents(engine)
        finally:
            engine.dispose()
    except (StartError, SQLAlchemyError) as error:
        yield Finding("database", Verdict.FAILED, first_line(error))
    yield from _check_space(settings)


def _check_contents(engine: Engine) -> Iterator[Finding]:
    now = datetime.now(UTC)
    with engine.connect() as connection:
        health = read_health(connection, since=now - _LATELY, now=now, patience=_PATIENCE)
        troubles = find_troubles(connection, now - _LATELY)
        if engine.dialect.name == "postgresql":
            yield _compare_clocks(connection.execute(select(func.clock_timestamp())).scalar_one())
        yield from check_worker(connection)
    yield from (Finding("templates", Verdict.WARNING, trouble) for trouble in troubles)
    if health.newest_at and health.newest_at > now + _CLOCK_ERROR:
        yield Finding("clock", Verdict.FAILED, "messages are stored with times to come: the clock was set back")
    if health.overdue:
        text = f"{health.overdue} messages are overdue: does a worker run (`responder serve --only worker`)?"
        yield Finding("outbox", Verdict.WARNING, text)
    if health.failed:
        text = f"{health.failed} messages were given up in the last 24 hours: `responder outbox`"
        yield Finding("outbox", Verdict.WARNING, text)
    if not health.overdue and not health.failed:
        yield Finding("outbox", Verdict.OK, "nothing overdue, nothing given up in the last 24 hours")
    verdict = Verdict.WARNING if health.limited else Verdict.OK
    text = f"{health.limited} of {health.received} messages of the last 24 hours were not answered because of a limit"
    yield Finding("limits", verdict, text)


def _compare_clocks(theirs: datetime) -> Finding:
    apart = abs(theirs - datetime.now(UTC))
    verdict = Verdict.OK if apart < _CLOCK_ERROR else Verdict.FAILED
    return Finding("clock", verdict, f"the database's clock is {apart.total_seconds():.1f} s away from ours")


def _check_space(settings: Settings) -> Iterator[Finding]:
    folder = settings.under_data_dir("")
    if not folder.exists():
        return
    free = shutil.disk_usage(folder).free
    verdict = Verdict.OK if free > _LITTLE_SPACE else Verdict.FAILED
    yield Finding("disk", verdict, f"{free // 1024**2} MiB free in {folder}")


def check_templates(settings: Settings) -> Iterator[Finding]:
    """See whether every template comes out right with every sample, and every guide of the settings is there."""
    try:
        library = read_library(settings)
    except StartError:  # of the database another check tells
        library = make_library(settings)
    renderer = renderer_for_looking(settings)(library)
    problems = [f"{problem}{_way_out(library, problem)}" for problem in find_problems(library, renderer)]
    missing = set(settings.reply.guides) - library.guides(settings.reply.default_locale).keys()
    problems += [f"reply.guides: there is no guide {key}" for key in sorted(missing)]
    if problems:
        yield from (Finding("templates", Verdict.FAILED, problem) for problem in problems)
    else:
        yield Finding("templates", Verdict.OK, f"{len(library.templates)} templates, each with {len(SAMPLES)} samples")


def _way_out(library: Library, problem: Problem) -> str:
    """Say what happens meanwhile, and what to do, where staff wrote the text."""
    if library.published(problem.name, problem.locale) is None:
        return ""
    where = f"{problem.name} --locale {problem.locale}"
    return f"; the shipped text is used where it fails: `responder templates edit {where}`, or `revert`"


def check_files(settings: Settings) -> Finding:
    """See whether the process may open as many files as the connections that the settings allow."""
    try:
        raise_file_limit(settings.smtp.max_connections)
    except StartError as error:
        return Finding("files", Verdict.FAILED, str(error))
    return Finding("files", Verdict.OK, f"enough for {settings.smtp.max_connections} connections")


def check_clock(now: float) -> Finding:
    """See whether the clock, `now` in seconds since 1970, is set; before this program was installed it cannot be."""
    installed = Path(responder.__file__).stat().st_mtime
    if now < installed - _CLOCK_ERROR.total_seconds():
        return Finding("clock", Verdict.FAILED, "the clock is behind the day on which this program was installed")
    return Finding("clock", Verdict.OK, datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
