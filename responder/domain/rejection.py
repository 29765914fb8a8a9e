"""The refusal that a plea quotes: code, words, the host that refused, and the address that the words name.

Looked for where the delivery report states it, then in the report's text, then in what the person quotes (RFC 3464
section 2.3.6). Of several refusals one about an address counts first, of these one of ours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from responder.domain.address import IPAddress, domain_of
from responder.domain.causes import find_cause, is_about_address, is_about_client, is_about_recipient
from responder.domain.charset import one_line
from responder.domain.identity import Identity
from responder.domain.message import InboundMessage, Part, PartKind
from responder.domain.plea import Cause, Rejection
from responder.domain.quotation import unquote, without_copy
from responder.domain.refuser import host_name, is_ours, refused_by
from responder.domain.sightings import Role, find_addresses
from responder.domain.statements import Statement, find_speech, find_statements

TEXT_CHARACTERS = 1_000

_FOLD = re.compile(r"\n[ \t]+")
_DIAGNOSTIC = re.compile(r"^diagnostic-code:[ \t]*(.*(?:\n[45]\d\d[ -].*)*)", re.IGNORECASE | re.MULTILINE)
_REMOTE_MTA = re.compile(r"^remote-mta:[ \t]*(?:[\w-]+;)?[ \t]*([\w.-]{3,255})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Source:
    """A text in which refusals may stand, with the host that refused where a report names it apart."""

    text: str
    by: str | None = None


def find_rejection(message: InboundMessage, identity: Identity) -> Rejection | None:
    """Give the refusal that `message` quotes, None when it quotes none; `identity` tells whether it was one of ours."""
    best: Rejection | None = None
    home = frozenset(domain_of(mailbox.address) for mailbox in message.senders)
    for parts in _reading_order(message):
        for source in (source for part in parts for source in _sources(part)):
            for rejection in _rejections(source, identity, home):
                if best is None or _weight(rejection) > _weight(best):
                    best = rejection
        if best and best.address:
            return best
    return best


def _reading_order(message: InboundMessage) -> Iterator[list[Part]]:
    """Give the parts to read in groups, best first; what lies deeper than a report is the message that it returns."""
    reports = [part for part in message.parts if part.kind is PartKind.REPORT]
    parts = sorted(message.parts, key=lambda part: part.depth)
    if reports:
        depth = min(part.depth for part in reports)
        parts = [part for part in reversed(parts) if part.depth <= depth]
    yield reports + [part for part in parts if part.kind is PartKind.TEXT]
    yield [part for part in parts if part.kind is PartKind.HTML]


def _sources(part: Part) -> Iterator[_Source]:
    if part.kind is not PartKind.REPORT:
        yield _Source(without_copy(unquote(part.text)))
        return
    for group in unquote(part.text).split("\n\n"):
        fields = _FOLD.sub(" ", group)
        remote = _REMOTE_MTA.search(fields)
        for diagnostic in _DIAGNOSTIC.finditer(fields):
            yield _Source(diagnostic[1], host_name(remote[1]) if remote else None)


def _rejections(source: _Source, identity: Identity, home: frozenset[str]) -> Iterator[Rejection]:
    """Give the refusals with a code, and the one without where none of them names an address."""
    named = False
    for statement in find_statements(source.text):
        rejection = _rejection(statement, source, identity, home)
        named = named or rejection.address is not None
        yield rejection
    speech = None if named else find_speech(source.text)
    if speech:
        rejection = _rejection(speech, source, identity, home)
        if rejection.address and rejection.cause is not Cause.OTHER:
            yield rejection


def _weight(rejection: Rejection) -> tuple[bool, ...]:
    named, about_address = rejection.address is not None, is_about_address(rejection.cause)
    known = (rejection.code is not None, rejection.by is not None)
    return (named or about_address, rejection.ours is True, named, about_address, *known)


def _rejection(statement: Statement, source: _Source, identity: Identity, home: frozenset[str]) -> Rejection:
    by = refused_by(source.text, statement.start) or source.by
    cause = find_cause(statement.words)
    return Rejection(
        code=statement.code,
        enhanced=statement.enhanced,
        text=one_line(statement.words, TEXT_CHARACTERS),
        by=by,
        ours=is_ours(statement.words, by, identity, home),
        cause=cause,
        address=refused_address(statement.words, cause),
    )


def refused_address(words: str, cause: Cause) -> IPAddress | None:
    """Give the address that the words of one refusal for `cause` call the client's, None where they name none or two.

    An address beside words for the client outweighs one in a link, and that one a bare one; but a link that names
    another address than the words do makes both doubtful. A bare one counts in refusals of a client only, the others
    not in those of a recipient.
    """
    seen: dict[Role, set[IPAddress | None]] = {}
    for sighting in find_addresses(words):
        seen.setdefault(sighting.role, set()).add(sighting.ip)
    if not seen:
        return None
    role = max(seen)
    named, linked = seen[role], seen.get(Role.LINK, set()) - {None}
    if len(named) > 1 or (linked and not linked & named):
        return None
    if cause is Cause.OTHER and is_about_recipient(words) and (role is Role.LINK or not is_about_client(words)):
        return None
    if role is Role.BARE and not (is_about_address(cause) or is_about_client(words)):
        return None
    return next(iter(named))
