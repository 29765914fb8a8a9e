"""The line that a refused server is told, worded by the template `refusal`; when that fails, by the program itself."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from responder.domain.address import IPAddress, parse_ip
from responder.domain.refusal_text import LONGEST, refusal_text
from responder.services.sandbox import check_source, compile_body, run_line
from responder.services.templates.file import REFUSAL, Problem, Template, TemplateError
from responder.services.templates.library import Library

CODE = "550 5.7.1 "
# By this sentence senders' reports, operators' logs and our own reading of a plea know a refusal of ours.
SENTENCE = "Your IP address {address} appears to be dynamically assigned."

REFUSAL_VARIABLES = MappingProxyType(
    {
        "address": "the address that is refused",
        "bypass_address": "the mailbox that people write to for help",
        "reference": "number of the refusal, such as 9K3QF-2M7XA",
        "list_name": "the list that names the address; empty without one, or where the line would be too long",
        "advice": "long or short, by the room that there is for advice; empty where there is none",
        "brief": "yes where even the rest must be short, else empty",
    }
)
_KNOWN = frozenset(REFUSAL_VARIABLES)
_WIDEST = parse_ip("2001:db8:1234:5678:9abc:def0:1234:5678")
_USUAL = parse_ip("203.0.113.9")
_REFERENCE = "9K3QF-2M7XA"


class RefusalWords:
    """Words refusals by the first of the library's templates that is in order; may be used by several threads."""

    def __init__(self, library: Library, contact: str) -> None:
        """Take the templates of `library`, tried with `contact`, the mailbox that a refusal names."""
        self.problems: list[Problem] = []
        self._template: Template | None = None
        for template in library.candidates(REFUSAL, library.default_locale):
            errors = list(find_refusal_errors(template, contact))
            if not errors:
                self._template = template
                break
            self.problems += [template.problem(error) for error in errors]

    def text(self, address: IPAddress, contact: str, reference: str, list_name: str = "") -> str:
        """Give the reply for a refused client, as `responder.domain.refusal_text.refusal_text` does."""
        if self._template:
            try:
                return word_refusal(self._template, address, contact, reference, list_name)
            except TemplateError:  # too long with these facts, say
                pass
        return refusal_text(address, contact, reference, list_name)


def word_refusal(template: Template, address: IPAddress, contact: str, reference: str, list_name: str = "") -> str:
    """Give the reply that `template` words, at most 240 ASCII characters: the list gives way first, then the advice.

    Raises:
        TemplateError: it fails, lacks what a sender needs, or is too long even so.
    """
    facts = {"address": str(address), "bypass_address": contact, "reference": reference}
    names = [list_name] if list_name.isascii() else []
    texts = (_run(template, facts | extra) for extra in _extras(names))
    fitting = next((text for text in texts if len(text) <= LONGEST), None)
    if fitting is None:
        raise TemplateError(f"longer than {LONGEST} characters for {address}, even without list and advice")
    _require(fitting, facts)
    return fitting


def _extras(list_names: list[str]) -> Iterator[dict[str, str]]:
    """Give what may be said besides, ever less."""
    for name in list_names:
        yield {"list_name": name, "advice": "long", "brief": ""}
    for advice, brief in (("long", ""), ("short", ""), ("short", "yes"), ("", "yes")):
        yield {"list_name": "", "advice": advice, "brief": brief}


def _run(template: Template, facts: Mapping[str, object]) -> str:
    try:
        return CODE + " ".join(run_line(compile_body(template.body, _KNOWN), facts).split())
    except TemplateError as error:
        raise _in_file(template, error) from error


def _in_file(template: Template, error: TemplateError) -> TemplateError:
    return TemplateError(error.message, error.line and error.line + template.body_line - 1, error.column)


def _require(text: str, facts: Mapping[str, str]) -> None:
    if not text.isascii():
        raise TemplateError("a refusal is of ASCII characters only: no umlauts, no typographic quotes or dashes")
    for name in ("bypass_address", "reference"):
        if facts[name] not in text:
            raise TemplateError(f"{name!r} is missing: without it nobody can ask for help")
    sentence = SENTENCE.format(address=facts["address"])
    if not text.startswith(CODE + sentence):
        wanted = SENTENCE.format(address="{{ address }}")
        raise TemplateError(f"it must begin with {wanted!r}, by which our answers know a refusal of ours")


def find_refusal_errors(template: Template, contact: str) -> Iterator[TemplateError]:
    """Give what keeps `template` from wording refusals, tried with the longest address and with a list."""
    faults = [_in_file(template, error) for error in check_source(template.body, _KNOWN)]
    yield from faults
    if faults:
        return
    found: dict[str, TemplateError] = {}
    for address in (_USUAL, _WIDEST):
        for list_name in ("", "Spamhaus PBL"):
            try:
                word_refusal(template, address, contact, _REFERENCE, list_name)
            except TemplateError as error:
                found.setdefault(error.message, error)
    yield from found.values()


def sample_refusals(template: Template, contact: str = "bypass@example.com") -> list[str]:
    """Give what `template` says of the usual and of the longest address, without and with a list.

    Raises:
        TemplateError: as `word_refusal`.
    """
    cases = [(address, name) for address in (_USUAL, _WIDEST) for name in ("", "Spamhaus PBL")]
    return [word_refusal(template, address, contact, _REFERENCE, name) for address, name in cases]
