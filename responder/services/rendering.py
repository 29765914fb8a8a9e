"""From the facts of a case to the message that leaves: the best template that works, else a text that always does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from html import escape

from responder.domain.identity import Identity
from responder.services.composition import Draft, Sender, compose
from responder.services.header_fields import quote_subject
from responder.services.letter import (
    SITE_VARIABLES,
    VARIABLES,
    Blocklist,
    Letter,
    Organization,
    letter_context,
    names_software,
    site_context,
)
from responder.services.library import GUIDES, Library, Template, TemplateError
from responder.services.markdown import make_value, parse_fragment
from responder.services.sandbox import GuideBody, Printed, compile_body, run, run_line

__all__ = ["Blocklist", "Letter", "Organization", "Page", "Rendered", "Renderer"]

MAX_TEXT_BYTES = 24 * 1024
MAX_MESSAGE_BYTES = 48 * 1024

_KNOWN = frozenset(VARIABLES)
_KNOWN_TO_GUIDES = frozenset(SITE_VARIABLES)
_HTML_HEAD = """<!DOCTYPE html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}
body {{ margin: 0; }}
h2 {{ font-size: 1.3em; margin: 2em 0 0.6em; padding-top: 0.8em; border-top: 1px solid #8888; }}
h3 {{ font-size: 1.1em; margin: 1.8em 0 0.6em; }}
h4 {{ font-size: 1em; margin: 1.4em 0 0.4em; }}
li {{ margin: 0.35em 0; }}
ol, ul {{ padding-left: 1.8em; }}
li > p {{ margin: 0.35em 0; }}
pre {{ padding: 0.7em 0.9em; line-height: 1.4; border: 1px solid #8888; border-radius: 4px; white-space: pre-wrap; }}
pre, code {{ font-family: Consolas, Menlo, monospace; font-size: 0.9em; overflow-wrap: anywhere; }}
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


@dataclass(frozen=True, slots=True)
class Page:
    """What a template says in one case.

    Attributes:
        subject: one line; empty for a guide.
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


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to leave.

    Attributes:
        content: its bytes.
        locale: language that it is in.
        template: name of the template used.
        problem: what kept a better template, or a guide, from being used; None when all is well.
    """

    content: bytes
    locale: str
    template: str
    problem: str | None


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
        self._library = library
        self._html = html
        self._organization = organization
        self._sender = Sender(address, name, identity.loop_token, identity.plus_addressing)
        self._site = site_context(organization, blocklists, address)
        self._guide_pages: dict[Template, Page] = {}

    def render(self, letter: Letter) -> Rendered:
        """Give the message for `letter`: from the first template that works, else from a text that needs none.

        Raises:
            CompositionError: the recipient or the Message-ID cannot stand in a header, whatever the template.
        """
        problems: list[str] = []
        for template in self._library.candidates(letter.template, letter.locale):
            try:
                return self._render_bounded(template, letter, problems)
            except TemplateError as error:
                problems.append(str(template.problem(error)))
        problems = problems or [f"there is no template {letter.template!r}"]
        content = self._compose(letter, self._fallback(letter), "en")
        return Rendered(content, "en", "fallback", "; ".join(problems))

    def page(self, template: Template, letter: Letter) -> Page:
        """Give what `template` says about `letter`; a guide says the same about all.

        Raises:
            TemplateError: it cannot be rendered; the line is one of its file.
        """
        if template.is_guide:
            return self._guide_page(template)
        return self._letter_page(template, letter, letter.guides, [])

    def _render_bounded(self, template: Template, letter: Letter, problems: list[str]) -> Rendered:
        """Render with as many of the guides as the size allows, the last ones left out first."""
        for count in range(len(letter.guides), -1, -1):
            found = list(problems)
            page = self._letter_page(template, letter, letter.guides[:count], found)
            content = self._compose(letter, page, template.locale)
            if sum(len(text.encode()) for text in page.texts) <= MAX_TEXT_BYTES and len(content) <= MAX_MESSAGE_BYTES:
                if left_out := letter.guides[count:]:
                    found.append(f"too large, left out {', '.join(left_out)}")
                return Rendered(content, template.locale, template.name, "; ".join(found) or None)
        raise TemplateError(f"the text is over {MAX_TEXT_BYTES:,} bytes, or the message over {MAX_MESSAGE_BYTES:,}")

    def _letter_page(self, template: Template, letter: Letter, keys: Sequence[str], problems: list[str]) -> Page:
        guides = self._guides(keys, letter.locale, problems)
        own = guides[:1] if guides and names_software(letter.software, guides[0][0].software) else []
        context = self._site | letter_context(letter)
        context["own_guide"] = _guide_words(own[0][0]) if own else {"key": "", "title": "", "body": ""}
        context["other_guides"] = [_guide_words(guide) for guide, _ in guides[len(own) :]]
        pages = {guide.name.removeprefix(GUIDES): page for guide, page in guides}
        body = _fill(_run(template, context, _KNOWN), pages)
        subject = _subject(template, context)
        head = _HTML_HEAD.format(locale=escape(template.locale), title=escape(subject))
        return Page(subject, body.texts, (head, *body.htmls, _HTML_TAIL))

    def _guides(self, keys: Sequence[str], locale: str, problems: list[str]) -> list[tuple[Template, Page]]:
        """Give the guides `keys` that can be rendered, each in the best locale; report the others."""
        guides: list[tuple[Template, Page]] = []
        for key in keys:
            candidates = self._library.candidates(GUIDES + key, locale)
            if not candidates:
                problems.append(f"there is no guide {key!r}")
            for template in candidates:
                try:
                    guides.append((template, self._guide_page(template)))
                    break
                except TemplateError as error:
                    problems.append(str(template.problem(error)))
        return guides

    def _guide_page(self, template: Template) -> Page:
        page = self._guide_pages.get(template)
        if page is None:
            page = _fill(_run(template, self._site, _KNOWN_TO_GUIDES), {})
            self._guide_pages[template] = page
        return page

    def _compose(self, letter: Letter, page: Page, locale: str) -> bytes:
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
        name = make_value(" ".join(self._organization.name.split()), link=False).text
        text = _FALLBACK.format(reference=letter.reference, organization=name)
        return Page(_FALLBACK_SUBJECT.format(reference=letter.reference), (text,), ())


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


def _guide_words(guide: Template) -> dict[str, str]:
    key = guide.name.removeprefix(GUIDES)
    return {"key": key, "title": guide.title, "body": GuideBody(key)}


def _fill(printed: Printed, guides: Mapping[str, Page]) -> Page:
    """Give text and HTML of what a template printed, with `guides` in their places."""
    texts: list[str] = []
    htmls: list[str] = []
    for index, (piece, values) in enumerate(zip(printed.pieces, printed.values, strict=True)):
        if piece.strip():
            text, html = parse_fragment(piece).fill([make_value(value, link=link) for value, link in values])
            texts += [text, "\n"]
            htmls.append(html)
        if index < len(printed.guides):
            guide = guides[printed.guides[index]]
            texts += [*guide.texts, "\n"]
            htmls += guide.htmls
    texts[:1] = [text.lstrip("\n") for text in texts[:1]]
    return Page("", tuple(texts[:-1]), tuple(htmls))
