"""One message read whole: what it says, what it asks for, and whether to answer it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from responder.domain.address import AddressError, IPAddress, IPNetwork, domain_of, host_network, is_public, parse_ip
from responder.domain.claims import Claims, merge_networks, read_claims
from responder.domain.disposition import Decision, Disposition, Reason, decide
from responder.domain.envelope import ClientSource, Content, Envelope
from responder.domain.fingerprints import identify
from responder.domain.header import Header
from responder.domain.hops import is_provider, mail_organisations, organisation, read_hop
from responder.domain.identity import Identity
from responder.domain.locale import choose_locale
from responder.domain.message import InboundMessage, PartKind, read_message
from responder.domain.own_texts import find_own_texts
from responder.domain.plea import AddressSource, Plea, Proof, Rejection
from responder.domain.rejection import find_rejection

MAX_LINES = 20

_IN_BRACKETS = re.compile(r"[\[(](?:IPv6:)?([0-9A-Fa-f:.]{3,45})[\])]", re.IGNORECASE)
# Exim and qmail write the greeting, which is the client's to choose, beside the address.
_GREETING = re.compile(r"\b(?:helo|ehlo)[= ][^\s()]{1,255}", re.IGNORECASE)
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){1,10}")
_BOUNCE_SENDER = re.compile(r"mailer-daemon|postmaster|mdaemon|microsoftexchange", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one message is and wants.

    Attributes:
        envelope: as SMTP carried it; where a trusted relay did not tell the client, with the one of its Received line.
        message: the message.
        plea: what it asks for.
        decision: whether to answer, as far as the message itself tells.
    """

    envelope: Envelope
    message: InboundMessage
    plea: Plea
    decision: Decision


def read(
    envelope: Envelope,
    content: Content,
    identity: Identity,
    *,
    locales: Sequence[str] = ("en",),
    refused_lately: IPAddress | None = None,
    carries_reference: bool = False,
) -> Reading:
    """Read one message. Never raises, whatever it holds.

    Args:
        envelope: what SMTP said about it.
        content: its octets, as far as they are kept.
        identity: who we are.
        locales: in which templates exist, the default one first.
        refused_lately: the address that our own policy service refused this sender from lately, None without one.
        carries_reference: the message names the reference of such a refusal.
    """
    message = read_message(content.kept)
    envelope = _with_client(envelope, message.header)
    rejection = find_rejection(message, identity)
    own = find_own_texts(message)
    claims = read_claims(message, own)
    found = _refused_address(envelope, message, rejection, claims, refused_lately)
    address, source = found or (None, None)
    plea = Plea(
        client=envelope.client,
        address=address,
        address_source=source,
        networks=_networks(address, source, claims),
        proof=_proof(address, envelope.client, carries_reference=carries_reference),
        rejection=rejection,
        software=identify(message, client=envelope.client, refused=address),
        locale=choose_locale(message, own, locales),
    )
    return Reading(envelope, message, plea, _decision(envelope, message, identity, content))


def _decision(envelope: Envelope, message: InboundMessage, identity: Identity, content: Content) -> Decision:
    decision = decide(envelope, message, identity)
    if content.is_too_large and decision.disposition is Disposition.ANSWER:
        return Decision(Disposition.SILENT, Reason.MALFORMED)
    return decision


def _with_client(envelope: Envelope, header: Header) -> Envelope:
    """Take the client from the topmost Received line where a trusted relay, which wrote that line, did not tell it."""
    if envelope.client is not None or not envelope.trusted_relay:
        return envelope
    seen = read_hop(header.first("received") or "").seen
    client = _peer_address(seen)
    if client is None:
        return envelope
    helo_name = next(iter(_peer_names(seen)), "")
    return replace(envelope, client=client, client_source=ClientSource.RECEIVED, helo_name=helo_name)


def _peer_names(seen: str) -> list[str]:
    """Give the names of the host of which a Received line says `seen`, its greeting's first."""
    return [name for name in _HOST_NAME.findall(seen)[:10] if not name[-1].isdigit()]


def _peer_address(seen: str) -> IPAddress | None:
    """Give the address of the host of which a Received line says `seen`."""
    # In `from GREETING (NAME [ADDRESS])` the greeting may be an address too, and a false one.
    told = _GREETING.sub("", seen)
    _, _, comment = told.partition("(")
    return _bracketed(f"({comment}") or _bracketed(told)


def _bracketed(text: str) -> IPAddress | None:
    """Give the first address in brackets that another host can have."""
    for found in _IN_BRACKETS.findall(text):
        try:
            ip = parse_ip(found)
        except AddressError:
            continue
        if not (ip.is_loopback or ip.is_unspecified):
            return ip
    return None


def _refused_address(
    envelope: Envelope,
    message: InboundMessage,
    rejection: Rejection | None,
    claims: Claims,
    refused_lately: IPAddress | None,
) -> tuple[IPAddress, AddressSource] | None:
    """Give the refused address with its source; of several sources the best one."""
    if rejection and rejection.address:
        return rejection.address, AddressSource.REJECTION
    if claims.address:
        return claims.address, AddressSource.TEXT
    home = _home(envelope, message)
    internal: IPAddress | None = None
    for ip in _received(envelope, message, home):
        if is_public(ip):
            return ip, AddressSource.RECEIVED
        internal = internal or ip
    if refused_lately:
        return refused_lately, AddressSource.REFUSAL
    if envelope.client and organisation(envelope.helo_name) in home:
        return envelope.client, AddressSource.CLIENT
    return (internal, AddressSource.RECEIVED) if internal else None


def _home(envelope: Envelope, message: InboundMessage) -> frozenset[str]:
    """Give the registered domains of the sender."""
    home = mail_organisations(message.header, "from", "sender") | {organisation(domain_of(envelope.reverse_path))}
    return _without_providers(home - {""})


def _without_providers(organisations: frozenset[str]) -> frozenset[str]:
    """Leave out large mailbox providers, whose servers are nobody's own."""
    return frozenset([name for name in organisations if not is_provider(name)])


def _received(envelope: Envelope, message: InboundMessage, home: frozenset[str]) -> Iterator[IPAddress]:
    """Give the addresses of the sender's hosts from Received lines: of the message, then of a bounce attached to it.

    A host counts by its name; the client itself is another source.
    """
    yield from (ip for ip in _hosts(message.header, home) if ip != envelope.client)
    for part in message.parts:
        if part.kind is PartKind.MESSAGE and part.depth == 0 and _is_bounce(part.header):
            yield from _hosts(part.header, home | _without_providers(mail_organisations(part.header, "from")))


def _hosts(header: Header, home: frozenset[str]) -> Iterator[IPAddress]:
    if not home:
        return
    for line in header.every("received")[:MAX_LINES]:
        seen = read_hop(line).seen
        if not home.isdisjoint(map(organisation, _peer_names(seen))) and (ip := _peer_address(seen)):
            yield ip


def _is_bounce(header: Header) -> bool:
    declared = (header.first("content-type") or "").lower()
    return declared.startswith("multipart/report") or bool(_BOUNCE_SENDER.search(header.first("from") or ""))


def _networks(address: IPAddress | None, source: AddressSource | None, claims: Claims) -> tuple[IPNetwork, ...]:
    named = claims.networks
    if address and source is not AddressSource.TEXT:
        named = (host_network(address), *named)
    return merge_networks(named) if len(named) > 1 else named


def _proof(address: IPAddress | None, client: IPAddress | None, *, carries_reference: bool) -> Proof:
    if address is not None and address == client:
        return Proof.CLIENT
    return Proof.REFERENCE if carries_reference else Proof.NONE
