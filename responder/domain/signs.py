"""How mail servers show themselves in messages: the parts from which the table of fingerprints is made.

Every sign has a literal that is looked for first, in lower-cased text, so that a pattern is only tried where it can
match. Patterns never hold two unbounded repeats that could share characters, so that their cost is linear on any input.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from responder.domain.plea import Certainty

EXCHANGE_BY_BUILD = {
    "4.0": "4.0",
    "5.0": "5.0",
    "5.5": "5.5",
    "6.0": "2000",
    "6.5": "2003",
    "8.0": "2007",
    "8.1": "2007",
    "8.2": "2007",
    "8.3": "2007",
    "14.0": "2010",
    "14.1": "2010",
    "14.2": "2010",
    "14.3": "2010",
    "15.0": "2013",
    "15.1": "2016",
    "15.2": "2019",
    "15.20": "online",
}
"""First two groups of a build number, without padding, to the product as people call it."""

FIRST_SE_BUILD = 2562
EXCHANGE_ONLINE_HOSTS = (".outlook.com", ".exchangelabs.com", ".office365.com")


@dataclass(frozen=True, slots=True)
class Sign:
    """One way in which a product shows itself.

    Attributes:
        literal: lower-cased text that must occur.
        pattern: what must match besides, None when the literal is enough.
        certainty: `certain` where only the server itself writes this; `likely` for its clients and for words that
            other software has copied.
        version: the version that the sign means, where it carries none in group `v`.
        stamp: the server of whoever reads a mailbox puts this on too, so that in a fetched report it tells of the
            reader's server.
    """

    literal: str
    pattern: re.Pattern[str] | None = None
    certainty: Certainty = Certainty.CERTAIN
    version: str | None = None
    stamp: bool = False

    def find(self, text: str, lowered: str) -> tuple[int, str | None] | None:
        """Give where in `text` the sign stands and the version it carries, None without the sign."""
        at = lowered.find(self.literal)
        if at < 0 or self.pattern is None:
            return None if at < 0 else (at, self.version)
        match = self.pattern.search(text)
        if match is None:
            return None
        version = match["v"] if "v" in self.pattern.groupindex else None
        return match.start(), version.rstrip(".") if version else self.version


@dataclass(frozen=True, slots=True)
class Product:
    """One mail server.

    Attributes:
        key: the product's key; `other` where only the name is told.
        name: the product's name where `key` is `other`.
        received: signs in what a host writes behind `by` in a Received line.
        fields: signs in other header fields, each with the field's lower-cased name; one that ends in `*` is a prefix.
        wording: signs in the words and fields of a report; those that are `certain` describe the writer itself.
        version: from the version as written and the lower-cased host that wrote it (may be empty) to the one told.
        rank: where several show themselves in one path: 0 wins over 1, the usual one, and 2 counts only alone.
    """

    key: str
    received: tuple[Sign, ...] = ()
    fields: tuple[tuple[str, Sign], ...] = ()
    wording: tuple[Sign, ...] = ()
    name: str | None = None
    version: Callable[[str | None, str], str | None] = lambda raw, _host: raw
    rank: int = 1


def exchange_version(raw: str | None, host: str) -> str | None:
    """Give the name of the Exchange release whose build number or year is `raw`, as written by `host`.

    Reads both forms of a build, `15.1.2375.34` and `15.01.2375.034`. The hosts of Exchange Online ran builds that
    look like those of a release on the premises.
    """
    if host.endswith(EXCHANGE_ONLINE_HOSTS):
        return "online"
    if raw is None or raw == "online" or raw.startswith("20"):
        return raw
    groups = [int(group[:6]) for group in raw.split(".") if group.isdecimal()]
    version = EXCHANGE_BY_BUILD.get(".".join(map(str, groups[:2])))
    return "se" if version == "2019" and groups[2:] and groups[2] >= FIRST_SE_BUILD else version


def sign(
    literal: str,
    pattern: str = "",
    *,
    certainty: Certainty = Certainty.CERTAIN,
    version: str | None = None,
    stamp: bool = False,
) -> Sign:
    """Make a sign; `pattern` ignores the case of ASCII letters, and its `^` and `$` stand at line ends."""
    compiled = re.compile(pattern, re.ASCII | re.IGNORECASE | re.MULTILINE) if pattern else None
    return Sign(literal, compiled, certainty, version, stamp)


def boxed(name: str, *spellings: str, fields: tuple[tuple[str, Sign], ...] = ()) -> Product:
    """Make the entry of a product that writes a spelling of its name, and its version, into parentheses."""
    signs = tuple(
        sign(f"({spelling.lower()}", rf"\({re.escape(spelling)}(?:[^()\d]{{0,60}}(?P<v>\d[\w.]{{0,30}}))?")
        for spelling in spellings or (name,)
    )
    return Product("other", name=name, received=signs, fields=fields)
