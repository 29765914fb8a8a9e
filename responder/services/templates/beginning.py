"""The text with which somebody begins a template that is not there yet."""

from responder.services.templates.library import Library

_EMPTY = '+++\ntitle = "{title}"\n{subject}literals = []\n+++\n'
_SUBJECT = 'subject = "[{{ reference }}]"\n'
_DIGITS = 12


def begin_text(library: Library, name: str, locale: str) -> str:
    """Give the English text, to be translated, with its digest; an empty template where there is none."""
    english = library.exact(name, "en")
    if english is None or locale == "en":
        return _EMPTY.format(title=name.rpartition("/")[2], subject="" if "/" in name else _SUBJECT)
    fence, rest = english.text.split("\n", 1)
    return f'{fence}\ntranslates = "{english.sha256[:_DIGITS]}"\n{rest}'
