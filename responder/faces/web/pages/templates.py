"""The templates: how all stand, and one to be edited."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Path, Query
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.access import needs
from responder.faces.web.template_sheet import Entered, Sheet
from responder.faces.web.visit import Here, go
from responder.services.templates.desk import DeskError
from responder.services.templates.file import TemplateError, check_name
from responder.services.templates.standings import Standing, standings
from responder.services.templates.watch import find_troubles
from responder.storage.templates import newest_versions, read_published

router = APIRouter(prefix="/templates")

_LATELY = timedelta(hours=24)

Name = Annotated[str, Path(pattern="^(guides/|deny-reasons/)?[a-z0-9][a-z0-9.-]{0,63}$")]
Locale = Annotated[str, Path(pattern="^[a-z]{2,3}(-[a-z0-9]{2,8}){0,2}$")]
Begun = Annotated[str, Query(max_length=80)]


@router.get("")
@needs(Permission.READ)
def templates(here: Here) -> Response:
    """Show every template, its languages side by side."""
    library = here.office.templates.desk.library()
    newest, published = here.database.read(lambda each: (newest_versions(each), read_published(each)))
    rows: dict[str, dict[str, Standing]] = {}
    for standing in standings(library, newest, published):
        rows.setdefault(standing.name, {})[standing.locale] = standing
    locales = sorted({locale for row in rows.values() for locale in row}, key=lambda each: (each != "en", each))
    since = here.database.now() - _LATELY
    troubles = here.database.read(lambda each: find_troubles(each, since))
    return here.show("templates.html", rows=rows, locales=locales, problems=library.problems, troubles=troubles)


@router.get("/begin")
@needs(Permission.EDIT)
def begin(name: Begun = "", locale: Begun = "") -> Response:
    """Open one that is not there yet: a guide, a deny reason, a language."""
    name, locale = name.strip().lower(), locale.strip().lower()
    try:
        check_name(name, locale)
    except TemplateError as error:
        raise HTTPException(422, f"{error.message}.") from None
    return go(f"/templates/{locale}/{name}")


@router.get("/{locale}/{name:path}")
@needs(Permission.READ)
def show(
    here: Here,
    *,
    locale: Locale,
    name: Name,
    version: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None,
    case: Annotated[str, Query(max_length=40)] = "",
    request: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show one template with what it says."""
    try:
        return Sheet(here, name, locale, Entered(case=case, request=request)).open(version)
    except DeskError as error:
        raise HTTPException(404, f"{error}.") from None


@router.post("/{locale}/{name:path}")
@needs(Permission.EDIT)
def change(here: Here, *, locale: Locale, name: Name, entered: Annotated[Entered, Form()]) -> Response:
    """Look at a text, keep it, publish it, send it to oneself, or go back to another."""
    return Sheet(here, name, locale, entered).do()
