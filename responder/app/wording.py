"""What words our messages, made of the settings: templates, letters, the renderer."""

from responder.domain.identity import Identity
from responder.services.checking import check_template
from responder.services.letter import Blocklist, Organization
from responder.services.letters import Letters
from responder.services.library import Library, Problem
from responder.services.rendering import Renderer
from responder.settings import Settings


def make_library(settings: Settings) -> Library:
    """Read the templates."""
    return Library(default_locale=settings.reply.default_locale)


def make_letters(settings: Settings, library: Library) -> Letters:
    """Give what turns rows into letters."""
    return Letters(library, guides=settings.reply.guides, quote_subject=settings.reply.quote_subject)


def make_renderer(settings: Settings, library: Library, identity: Identity) -> Renderer:
    """Give what words letters."""
    who = settings.organization
    return Renderer(
        library,
        sender=settings.reply.from_,
        organization=Organization(who.name, who.domain, who.postmaster, who.website),
        blocklists=[Blocklist(each.name, each.provider, each.removal, each.contact) for each in settings.blocklists],
        html=settings.reply.html,
        identity=identity,
    )


def find_problems(library: Library, renderer: Renderer) -> list[Problem]:
    """Give what is wrong with any template: its file, its words, or how it comes out with a sample."""
    found = [problem for template in library.templates for problem in check_template(renderer, template)]
    return [*library.problems, *found]
