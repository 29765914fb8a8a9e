"""One template on its page: a text, the case that it is looked at with, and what is done with it."""

from typing import Annotated, Any, Literal

from markupsafe import Markup, escape
from pydantic import BaseModel, Field
from starlette.responses import Response

from responder.domain.roles import Permission
from responder.faces.web.visit import Visit, go
from responder.services.checking import samples_of
from responder.services.letter import Letter
from responder.services.samples import SAMPLES
from responder.services.templates.beginning import begin_text
from responder.services.templates.desk import Change, Conflict, DeskError, Unfit, difference
from responder.services.templates.file import MAX_SOURCE_CHARACTERS, Template, TemplateError, parse_template
from responder.services.templates.look import Look, describe_variables, look_at
from responder.services.templates.trial import Trial


class Entered(BaseModel):
    """The form of the page.

    Attributes:
        do: which button it was.
        text: of the template.
        base: digest of the text in use as the author saw it.
        why: for the history.
        case: a sample.
        request: the reference of a real case, in its place.
        recipient: of a test message.
        version: to go back to.
    """

    do: Literal["live", "preview", "save", "publish", "test", "use", "shipped"] = "preview"
    text: Annotated[str, Field(max_length=2 * MAX_SOURCE_CHARACTERS)] = ""
    base: Annotated[str, Field(max_length=64)] = ""
    why: Annotated[str, Field(max_length=500)] = ""
    case: Annotated[str, Field(max_length=40)] = ""
    request: Annotated[str, Field(max_length=40)] = ""
    recipient: Annotated[str, Field(max_length=320)] = ""
    version: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0


class Sheet:
    """The page of one template for one visit."""

    def __init__(self, here: Visit, name: str, locale: str, entered: Entered) -> None:
        self._here = here
        self._name = name
        self._locale = locale
        self._entered = entered
        self._room = here.office.templates
        self._desk = self._room.desk
        self._library = self._desk.library()
        self._current = self._library.exact(name, locale)
        self._error = ""

    @property
    def _path(self) -> str:
        return f"/templates/{self._locale}/{self._name}"

    def open(self, version: int | None) -> Response:
        """Show the text of `version`, or the one in use; where there is none yet, one to begin with.

        Raises:
            DeskError: there is no such version.
        """
        if version is not None:
            return self._show(self._desk.text(self._name, self._locale, version))
        if self._current is not None:
            return self._show(self._current.text)
        return self._show(begin_text(self._library, self._name, self._locale))

    def do(self) -> Response:
        """Do what the button said; what cannot be done is told above the text, which stays as it was typed."""
        text = self._entered.text.replace("\r\n", "\n")
        try:
            match self._entered.do:
                case "live":
                    look = self._look(text, thoroughly=False)
                    return self._here.show("template_look.html", look=look, html=_html(look))
                case "save" | "publish":
                    return self._store(text)
                case "test":
                    self._send(text)
                case "use":
                    self._desk.publish(self._name, self._locale, self._entered.version, **self._by)
                    return go(f"{self._path}?did=template-published")
                case "shipped":
                    self._desk.withdraw(self._name, self._locale, **self._by)
                    return go(f"{self._path}?did=template-reverted")
        except Unfit:
            self._error = "This was not published: mend what is listed below first."
        except Conflict as error:
            self._error = f"{error}. It is shown below; to put yours in its place, publish again."
        except DeskError as error:
            self._error = f"{error}."
        return self._show(text, thoroughly=True)

    @property
    def _by(self) -> dict[str, Any]:
        return {"actor": self._here.person.actor, "why": self._entered.why}

    def _store(self, text: str) -> Response:
        """Keep the text as a version, or publish it; one that is the newest already is not stored again."""
        newest = next(iter(self._desk.versions(self._name, self._locale)), None)
        version = int(newest["version"]) if newest is not None and newest["source"] == text else None
        change = Change(self._name, self._locale, text, self._entered.base or None)
        if self._entered.do == "save":
            if version is None or (newest and newest["was_published"]):  # what was published before is no draft
                version = self._desk.save(change, **self._by)
            return go(f"{self._path}?version={version}&did=template-saved")
        if version is None:
            self._desk.publish_all([change], **self._by)
        else:
            self._desk.publish(self._name, self._locale, version, **self._by)
        return go(f"{self._path}?did=template-published")

    def _send(self, text: str) -> None:
        try:
            template = parse_template(self._name, self._locale, text)
        except TemplateError as error:
            raise DeskError(error.message) from None
        self._room.send(Trial(template, self._letter(), self._entered.recipient), self._here.person.login)

    def _letter(self) -> Letter:
        if self._entered.request:
            return self._room.case_of(self._entered.request, self._library)
        return SAMPLES.get(self._entered.case) or next(iter(samples_of(self._name).values()))

    def _look(self, text: str, *, thoroughly: bool) -> Look:
        place = (self._name, self._locale)
        return look_at(self._desk, self._library, place, text, self._letter(), thoroughly=thoroughly)

    def _show(self, text: str, *, thoroughly: bool = False) -> Response:
        try:
            letter, look = self._letter(), self._look(text, thoroughly=thoroughly)
        except DeskError as error:  # the case is none
            self._error = self._error or f"{error}."
            self._entered.request = ""
            letter, look = self._letter(), self._look(text, thoroughly=thoroughly)
        shipped = self._library.shipped(self._name, self._locale)
        renderer = self._desk.make_renderer(self._library)
        return self._here.show(
            "template.html",
            status=422 if self._error else 200,
            error=self._error,
            was_sent=self._entered.do == "test" and not self._error,
            name=self._name,
            locale=self._locale,
            current=self._current,
            is_edited=self._library.published(self._name, self._locale) is not None,
            problems=[
                each for each in self._library.problems if (each.name, each.locale) == (self._name, self._locale)
            ],
            source=Markup("\n") + escape(text),
            look=look,
            html=_html(look),
            entered=self._entered,
            base=self._current.sha256 if self._current else "",
            samples=list(samples_of(self._name)),
            variables=describe_variables(renderer, self._name, letter),
            to_used=_lines(self._current, text, "in use"),
            to_shipped=_lines(shipped, text, "shipped"),
            shipped_changed=self._shipped_changed(),
            versions=self._desk.versions(self._name, self._locale),
            events=list(reversed(self._desk.events(self._name, self._locale))),
            locales=[each.locale for each in self._library.templates if each.name == self._name],
            may_edit=self._here.person.may(Permission.EDIT),
            recipient=self._entered.recipient or self._recipient(),
        )

    def _shipped_changed(self) -> bool:
        """Tell whether the shipped text is another than the one that the author of the text in use had before them."""
        shipped = self._library.shipped(self._name, self._locale)
        rows = self._desk.versions(self._name, self._locale)
        used = next((row for row in rows if row["published_at"] is not None), None)
        return bool(shipped and used and used["shipped_sha256"] not in {None, shipped.sha256})

    def _recipient(self) -> str:
        login = self._here.person.login
        return login if "@" in login else next(iter(self._room.addresses), "")


def _html(look: Look) -> Markup:
    return Markup(look.html)  # noqa: S704 - made by our renderer, which takes no HTML from a template or a value


def _lines(old: Template | None, new: str, label: str) -> list[str] | None:
    """Give the lines by which a text differs, None where there is nothing to compare it with."""
    return None if old is None else difference(old.text, new, label, "this text")
