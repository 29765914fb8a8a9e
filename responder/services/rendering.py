"""From the facts of a case to the message that leaves: the best template that works, else a text that always does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parseaddr
from html import escape
from itertools import dropwhile

from responder.domain.identity import Identity
from responder.domain.outbound import Kind
from responder.services.composition import Draft, Sender, compose
from responder.services.header_fields import quote_subject
from responder.services.letter import (
    SITE_VARIABLES,
    VARIABLES,
    Blocklist,
    Letter,
    LetterDecision,
    Organization,
    letter_context,
    names_software,
    site_context,
)
from responder.services.markdown import fill, make_value
from responder.services.sandbox import PartBody, Printed, clean_passage, compile_body, run, run_line
from responder.services.templates.file import DENY_REASONS, GUIDES, Template, TemplateError
from responder.services.templates.library import Library

__all__ = ["Blocklist", "Letter", "Organization", "Page", "Rendered", "Renderer"]

MAX_TEXT_BYTES = 24 * 1024
MAX_MESSAGE_BYTES = 48 * 1024

_KNOWN = frozenset(VARIABLES)
_KNOWN_TO_PARTS = frozenset(SITE_VARIABLES)
_HTML_HEAD = """<!DOCTYPE html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
"""
_HTML_STYLE = """<style>
:root { color-scheme: light dark; supported-color-schemes: light dark; }
body { margin: 0; }
h2 { font-size: 1.3em; margin: 2em 0 0.6em; padding-top: 0.8em; border-top: 1px solid #8888; }
h3 { font-size: 1.1em; margin: 1.8em 0 0.6em; }
h4 { font-size: 1em; margin: 1.4em 0 0.4em; }
li { margin: 0.35em 0; }
ol, ul { padding-left: 1.8em; }
li > p { margin: 0.35em 0; }
pre { padding: 0.7em 0.9em; line-height: 1.4; border: 1px solid #8888; border-radius: 4px; white-space: pre-wrap; }
pre, code { font-family: Consolas, Menlo, monospace; font-size: 0.9em; overflow-wrap: anywhere; }
</style>
</head>
<body>
<div style="max-width: 42em; margin: 0 auto; padding: 1em; font: 16px/1.5 Arial, Helvetica, sans-serif;">
"""
_HTML_TAIL = "</div>\n</body>\n</html>\n"

_FALLBACK = """Hello,

we have your message and a person can read it. The number of your request is
{reference}.

We may have refused mail from your server because its address looks dynamically
assigned. To get your mail delivered now, let your server hand it to the mail
server of your Internet provider (its "smart host" or "relay"): ask the provider
for the name, the port and a login, and enter them as smart host in the settings
for outgoing mail.

If your address is static, answer this message: write that it is static, and
copy the whole refusal that you received into your answer as text.

{organization}
"""
_FALLBACK_SUBJECT = "Your refused mail [{reference}]"
# For what is no answer: the one thing that must not be lost is what a person decided or asked.
_FALLBACK_DECISION = """Hello,

this is about your request {reference}, "{template}".
{facts}
Please answer this message if anything is unclear. A person reads your answer.

{organization}
"""
_FALLBACK_DECISION_SUBJECT = "About your request [{reference}]"

_NO_PART = {"key": "", "title": "", "locale": "", "body": ""}


@dataclass(frozen=True, slots=True)
class Page:
    """What a template says in one case.

    Attributes:
        subject: one line; empty for a part.
        texts: the text part, in pieces of whole lines.
        htmls: the HTML part likewise; empty when there is none.
    """

    subject: str
    texts: tuple[str, ...]
    htmls: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole text part."""
        return "".join(self.texts)

    @property
    def html(self) -> str:
        """The whole HTML part."""
        return "".join(self.htmls)

    @property
    def inner_html(self) -> str:
        """The HTML part without what makes it a document of its own."""
        if _HTML_STYLE not in self.htmls:
            return self.html
        return "".join(self.htmls[self.htmls.index(_HTML_STYLE) + 1 : -1])


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to leave.

    Attributes:
        pieces: its bytes, in pieces of whole lines; large ones are those that stand in other messages too.
        locale: language that it is in.
        template: name of the template used.
        problem: what kept a better template, or a part, from being used; None when all is well.
        version_id: of the template used, where staff wrote it; None for a shipped one.
    """

    pieces: tuple[bytes, ...]
    locale: str
    template: str
    problem: str | None
    version_id: int | None = None

    @property
    def content(self) -> bytes:
        """All its bytes."""
        return b"".join(self.pieces)


class Renderer:
    """Words messages from the templates of one library; may be used by several threads at once."""

    def __init__(
        self,
        library: Library,
        *,
        sender: str,
        organization: Organization,
        blocklists: Sequence[Blocklist],
        html: bool,
        identity: Identity,
    ) -> None:
        """Take who we are, `sender` as `Name <address>` with a bypass address; `html` adds an HTML part to the text."""
        name, address = parseaddr(sender)
        self.library = library
        self._html = html
        self._organization = organization
        self._sender = Sender(address, name, identity.loop_token, identity.plus_addressing)
        self.blocklists = tuple(blocklists)
        self.bypass_address = address
        self.site = site_context(organization, blocklists, address)
        self._part_pages: dict[Template, Page] = {}

    def render(self, letter: Letter) -> Rendered:
        """Give the message for `letter`: from the first template that works, else from a text that needs none.

        Raises:
            CompositionError: the recipient or the Message-ID cannot stand in a header, whatever the template.
        """
        problems: list[str] = []
        for template in self.library.candidates(letter.template, letter.locale):
            try:
                return self._render_bounded(template, letter, problems)
            except TemplateError as error:
                problems.append(str(template.problem(error)))
        problems = problems or [f"there is no template {letter.template!r}"]
        pieces = self._compose(letter, self._fallback(letter), "en")
        return Rendered(pieces, "en", "fallback", "; ".join(problems))

    def page(self, template: Template, letter: Letter) -> Page:
        """Give what `template` says about `letter`; a guide or deny reason says the same about all.

        Raises:
            TemplateError: it cannot be rendered; the line is one of its file.
        """
        if template.is_part:
            return self._part_page(template)
        return self._letter_page(template, letter, letter.guides, [])

    def _render_bounded(self, template: Template, letter: Letter, problems: list[str]) -> Rendered:
        """Render with as many of the guides as the size allows, the last ones left out first."""
        for count in range(len(letter.guides), -1, -1):
            found = list(problems)
            page = self._letter_page(template, letter, letter.guides[:count], found)
            pieces = self._compose(letter, page, template.locale)
            if not count and _octets(pieces) > MAX_MESSAGE_BYTES:
                found.append("too large, left out the HTML part")
                pieces = self._compose(letter, replace(page, htmls=()), template.locale)
            if len(page.text.encode()) <= MAX_TEXT_BYTES and _octets(pieces) <= MAX_MESSAGE_BYTES:
                if left_out := letter.guides[count:]:
                    found.append(f"too large, left out {', '.join(left_out)}")
                problem = "; ".join(found) or None
                return Rendered(pieces, template.locale, template.name, problem, template.version_id)
        raise TemplateError(f"the text is over {MAX_TEXT_BYTES:,} bytes, or the message over {MAX_MESSAGE_BYTES:,}")

    def _letter_page(self, template: Template, letter: Letter, keys: Sequence[str], problems: list[str]) -> Page:
        guides = self._parts(GUIDES, keys, letter.locale, problems)
        own = guides[:1] if guides and names_software(letter.software, guides[0].software) else []
        decision = letter.decision or LetterDecision()
        reasons = self._parts(DENY_REASONS, decision.paragraphs, letter.locale, problems)
        context = self.site | letter_context(letter)
        context["own_guide"] = _part_words(own[0]) if own else _NO_PART
        context["other_guides"] = [_part_words(guide) for guide in guides[len(own) :]]
        context["paragraphs"] = [_part_words(reason) for reason in reasons]
        pages = {part.name: self._page_within(template, part) for part in (*guides, *reasons)}
        body = _fill(_run(template, context, _KNOWN), pages)
        subject = _subject(template, context)
        head = _HTML_HEAD.format(locale=escape(template.locale), title=escape(subject))
        return Page(subject, body.texts, (head, _HTML_STYLE, *body.htmls, _HTML_TAIL))

    def _parts(self, folder: str, keys: Sequence[str], locale: str, problems: list[str]) -> list[Template]:
        """Give the parts `keys` that can be rendered, each in the best locale; report the others."""
        parts: list[Template] = []
        for key in keys:
            candidates = self.library.candidates(folder + key, locale)
            if not candidates:
                problems.append(f"there is no template {folder + key!r}")
            for template in candidates:
                try:
                    self._part_page(template)
                except TemplateError as error:
                    problems.append(str(template.problem(error)))
                else:
                    parts.append(template)
                    break
        return parts

    def _part_page(self, template: Template) -> Page:
        page = self._part_pages.get(template)
        if page is None:
            page = _fill(_run(template, self.site, _KNOWN_TO_PARTS), {})
            self._part_pages[template] = page
        return page

    def _page_within(self, template: Template, part: Template) -> Page:
        """Give the page of `part` as it stands in `template`: in another language, the HTML says so."""
        page = self._part_page(part)
        if part.locale == template.locale:
            return page
        return replace(page, htmls=(f'<div lang="{escape(part.locale)}">\n', *page.htmls, "</div>\n"))

    def _compose(self, letter: Letter, page: Page, locale: str) -> tuple[bytes, ...]:
        quoted = letter.quoted_subject
        draft = Draft(
            kind=letter.kind,
            recipient=letter.recipient,
            subject=page.subject if quoted is None else quote_subject(quoted),
            date=letter.date,
            message_id=letter.message_id,
            in_reply_to=letter.in_reply_to,
            references=letter.references,
            reply_token=letter.reply_token,
            language=locale,
            text=page.texts,
            html=page.htmls if self._html else (),
        )
        return compose(draft, self._sender)

    def _fallback(self, letter: Letter) -> Page:
        """Give the text that needs no template."""
        text, subject, facts = _FALLBACK, _FALLBACK_SUBJECT, ""
        if letter.kind is not Kind.REPLY:
            text, subject, facts = _FALLBACK_DECISION, _FALLBACK_DECISION_SUBJECT, _plain_facts(letter)
        words = {
            "reference": letter.reference,
            "organization": " ".join(self._organization.name.split()),
            "template": letter.template,
            "facts": facts,
        }
        return Page(subject.format(**words), (text.format(**words),), ())


def _octets(pieces: Iterable[bytes]) -> int:
    return sum(map(len, pieces))


def _run(template: Template, context: Mapping[str, object], known: frozenset[str]) -> Printed:
    """Run the body of `template`; a fault tells the line of the file."""
    try:
        return run(compile_body(template.body, known), context)
    except TemplateError as error:
        line = error.line and error.line + template.body_line - 1
        raise TemplateError(error.message, line) from error


def _subject(template: Template, context: Mapping[str, object]) -> str:
    try:
        return run_line(compile_body(template.subject, _KNOWN), context)
    except TemplateError as error:
        raise TemplateError(f"subject: {error.message}") from error


def _part_words(part: Template) -> dict[str, str]:
    return {"key": part.key, "title": part.title, "locale": part.locale, "body": PartBody(part.name)}


def _plain_facts(letter: Letter) -> str:
    """Give what a decision holds, line by line, each with the name of its variable."""
    words = letter_context(letter)
    shown = ((name, words[name]) for name in ("network", "expires_at", "reason", "text"))
    return "".join(f"\n{name}: {clean_passage(str(value))}\n" for name, value in shown if value)


def _fill(printed: Printed, parts: Mapping[str, Page]) -> Page:
    """Give text and HTML of what a template printed, with `parts` in their places."""
    texts: list[str] = []
    htmls: list[str] = []
    for index, (piece, values) in enumerate(zip(printed.pieces, printed.values, strict=True)):
        if piece.strip():
            text, html = fill(piece, [make_value(value, link=link) for value, link in values])
            texts += text
            htmls += html
        if index < len(printed.parts):
            part = parts[printed.parts[index]]
            texts += [*part.texts, "\n"]
            htmls += part.htmls
    texts = list(dropwhile(lambda text: not text.strip("\n"), texts))
    if texts:
        texts[0] = texts[0].lstrip("\n")
        texts[-1] = texts[-1].removesuffix("\n")
    return Page("", tuple(texts), tuple(htmls))
