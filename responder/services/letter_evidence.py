"""From findings about a refused address to what an answer says of it; what is not known is left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from responder.domain.address import IPAddress
from responder.domain.findings import Check, Result
from responder.services.letter import Blocklist, LetterEvidence, LetterListing

# Lists that tell by their codes who made an entry: the network's owner, whom alone they let take it out, or the list.
_OWNER_CODES = {"spamhaus": "127.0.0.10"}
_LIST_CODES = {"spamhaus": "127.0.0.11"}
_LOOKS_GENERATED = {Result.GENERATED: True, Result.STATIC: False, Result.PLAIN: False}


def read_evidence(
    findings: Sequence[Mapping[str, Any]], address: IPAddress | None, advice: str | None, lists: Iterable[Blocklist]
) -> LetterEvidence | None:
    """Give what was found out about an address; None when nothing was.

    Args:
        findings: rows of findings, oldest first; of several about the same thing the last one counts.
        address: the refused address; findings about others do not count.
        advice: what the findings speak for, None when that was not judged.
        lists: how the providers of the lists are reached, which findings know by name.
    """
    about = [row for row in findings if row["subject"] == str(address)]
    if not about:
        return None
    listed = {row["source"]: row for row in about if row["check"] == Check.LISTING}
    names = [row for row in about if row["check"] == Check.REVERSE_NAME]
    naming = [row for row in about if row["check"] == Check.GENERATED_NAME]
    return LetterEvidence(
        listings=tuple(_listing(one, listed[one.name]["value"]) for one in lists if _has_it(listed.get(one.name))),
        reverse_name=_name(names[-1]) if names else "",
        reverse_name_generated=_LOOKS_GENERATED.get(naming[-1]["result"]) if naming else None,
        advice=advice or "",
    )


def _has_it(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row["result"] == Result.LISTED


def _name(row: Mapping[str, Any]) -> str:
    return str(row["value"]) if row["result"] in {Result.CONFIRMED, Result.NOT_CONFIRMED} else ""


def _listing(one: Blocklist, value: str) -> LetterListing:
    """Give the entry of a list; `value` is its finding's: the codes, and after a colon what the list says of it."""
    codes = value.partition(":")[0].split(", ")
    return LetterListing(one.name, one.provider, one.removal, one.contact, _maker(one.provider.lower(), codes))


def _maker(provider: str, codes: Sequence[str]) -> str:
    for maker, known in (("owner", _OWNER_CODES), ("list", _LIST_CODES)):
        if any(name in provider and code in codes for name, code in known.items()):
            return maker
    return "unknown"
