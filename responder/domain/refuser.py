"""Who refused: the host that gave a reply, by the words of the programs that report it; and is it one of ours?"""

import re
from collections.abc import Iterator

from responder.domain.address import AddressError, in_domain, parse_ip
from responder.domain.identity import Identity

_BEFORE_CHARACTERS = 700

# Possessive, here and below: a name is taken whole or not at all, so that nothing is tried twice.
_HOST = r"([a-z0-9][a-z0-9_.-]{2,253}+)"
# What introduces a reply, by a word that is cheap to look for; all in lower case. Each begins with its word, since that
# is found much faster than the beginning of one.
_INTRODUCTIONS = {
    "host": re.compile(rf"host(?<=\bhost)\s{{1,8}}{_HOST}\s{{0,8}}[\[(]"),  # Postfix, Exim
    "h=": re.compile(rf"h=(?<=\bh=){_HOST}\s{{1,8}}\["),  # a line of an Exim log
    "talking": re.compile(rf"while talking to\s{{1,8}}{_HOST}"),  # Sendmail
    "remote-mta": re.compile(rf"remote-mta:\s{{0,8}}(?:dns;)?\s{{0,8}}{_HOST}"),
    "relay=": re.compile(rf"relay={_HOST}"),  # a line of a Postfix or Sendmail log
    "connected to": re.compile(rf"connected to\s{{1,8}}{_HOST}"),  # qmail
    "domain": re.compile(rf"recipient domain\s{{1,8}}[^\s]{{1,255}}+\s{{1,8}}by\s{{1,8}}{_HOST}"),  # Gmail
    "server": re.compile(rf"remote (?:mail )?server\s{{0,8}}(?:at\s)?\s{{0,8}}[\[(]?{_HOST}"),  # hMailServer
}
_VERBS = tuple(
    (verb, re.compile(rf"{verb}(?<=\b{verb})\b"))
    for verb in (
        "said",
        "gave this error",
        "rejected",
        "refused",
        "responded",
        "replied",
        "returned",
        "failed after",
        "does not like",
    )
)
# With a dot, without which it is no host's: most words before a verb are passed over by that.
_SUBJECT = re.compile(
    r"(?<![\w.@-])([a-z0-9][a-z0-9_-]*+\.[a-z0-9_.-]++)"
    r"\s{0,8}(?:\[[^\]\n]{1,60}\]|\([^)\n]{1,60}\))?:?\s{1,8}(?:remote server )?\Z"
)
_SUBJECT_CHARACTERS = 200
_BESIDE_CODE = re.compile(rf"(?:\A|\n)[ \t]*{_HOST}[ \t]+#\Z")  # Exchange 2007 and 2010
_GENERATING = re.compile(rf"generating server:\s{{0,8}}{_HOST}")
_MAIL_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9._%+=-])[A-Za-z0-9._%+=-]{1,64}+@([A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,10})"
)
_ECHO = re.compile(r"[\s\"'(]{0,8}<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?(?:\.\.\.|:|\s)")


def refused_by(text: str, end: int) -> str | None:
    """Give the host, lower-cased, that the words before `end` name as the one that replied, None where they name none.

    The nearest one counts. A server that reports on its own behalf (Exchange's "generating server") refused by itself.
    """
    before = text[max(0, end - _BEFORE_CHARACTERS) : end].lower()
    found = max(_introduced(before), default=(0, None))[1]
    if found is None and before.endswith("#") and (generating := _GENERATING.search(before)):
        return host_name(generating[1])
    return found


def _introduced(before: str) -> Iterator[tuple[int, str]]:
    """Give the hosts that `before` introduces, each with where its name ends."""
    matches = [match for hint, words in _INTRODUCTIONS.items() if hint in before for match in words.finditer(before)]
    verbs = [match.start() for verb, words in _VERBS if verb in before for match in words.finditer(before)]
    for start in verbs:
        matches += _SUBJECT.finditer(before, max(0, start - _SUBJECT_CHARACTERS), start)
    matches += _BESIDE_CODE.finditer(before[-300:]) if before.endswith("#") else ()
    for match in matches:
        name = host_name(match[1])
        if name:
            yield match.end(1), name


def host_name(name: str) -> str | None:
    """Give `name` lower-cased and without the punctuation around it, None where it is no full name and no address."""
    name = name.strip(".-_").lower()
    return name if "." in name else None


def is_ours(words: str, by: str | None, identity: Identity, home: frozenset[str]) -> bool | None:
    """Tell whether one of our servers refused, None when nothing tells.

    First by the contact that its words name, then by its own name, then by the recipient that it repeats.

    Args:
        words: what the refusal says.
        by: the host that refused.
        identity: who we are.
        home: domains of the sender, whose own addresses tell nothing.
    """
    echo = _ECHO.match(words)
    contacts = set(_domains(words[echo.end() :] if echo else words)) - home
    if any(_is_own(domain, identity) for domain in contacts):
        return True
    if by and not _is_ip(by):
        return _is_own(by, identity)
    if echo and any(_is_own(domain, identity) for domain in _domains(echo[0])):
        return True
    return False if contacts else None


def _domains(text: str) -> list[str]:
    return [domain.lower() for domain in _MAIL_ADDRESS.findall(text)] if "@" in text else []


def _is_own(name: str, identity: Identity) -> bool:
    return any(in_domain(name, domain) for domain in identity.own_domains)


def _is_ip(name: str) -> bool:
    try:
        parse_ip(name)
    except AddressError:
        return False
    return True
