"""What a message of ours says: the facts of one case, and the words that templates know them by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from responder.domain.address import IPAddress, IPNetwork, parse_ip
from responder.domain.guides import software_names
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software
from responder.domain.products import PRODUCTS
from responder.services.sandbox import Passage

_MAX_NETWORKS = 16
_MAX_LISTINGS = 8
_HOST_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
_HOST_CHARACTERS = 100
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){0,3}[a-z]?", re.ASCII)

_PRODUCTS = {
    "exchange": "Microsoft Exchange Server",
    "windows-smtp": "Microsoft SMTP Service (IIS)",
    "postfix": "Postfix",
    "exim": "Exim",
    "sendmail": "Sendmail",
    "qmail": "qmail",
    "domino": "HCL/IBM Domino",
    "zimbra": "Zimbra",
    "mdaemon": "MDaemon",
    "hmailserver": "hMailServer",
    "groupwise": "GroupWise",
    "opensmtpd": "OpenSMTPD",
    "haraka": "Haraka",
    "stalwart": "Stalwart",
    "kumomta": "KumoMTA",
    "macos-server": "macOS Server",
}
_OTHERS = frozenset(product.name for product in PRODUCTS if product.name)
_EDITIONS = {"se": "Subscription Edition", "online": "Online"}
_YES_NO = {True: "yes", False: "no", None: "unknown"}


@dataclass(frozen=True, slots=True)
class LetterListing:
    """A list that has the refused address: a `Blocklist`, and who made the entry (`owner`, `list` or `unknown`).

    `owner` is whoever the address belongs to, as a rule the Internet provider; only they can take the entry out.
    """

    name: str
    provider: str = ""
    removal: str = ""
    contact: str = ""
    entry: str = "unknown"


@dataclass(frozen=True, slots=True)
class LetterEvidence:
    """What was found out about the refused address; what is not known is empty.

    Attributes:
        listings: the lists that have it.
        reverse_name: the name that it leads to.
        reverse_name_generated: that name looks made from the address; None when it cannot be told.
        advice: what the findings speak for: `static`, `dynamic`, `unclear`, `not-ours`, `not-refused-now`.
    """

    listings: tuple[LetterListing, ...] = ()
    reverse_name: str = ""
    reverse_name_generated: bool | None = None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class LetterDecision:
    """What a person decided, or the words that a person typed, for a notice, question or warning.

    Attributes:
        network: what the decision is about; None when it is about no network.
        expires_at: when the exemption ends.
        reason: why, as a person typed it for the sender; may have several lines.
        paragraphs: keys of the deny reasons to give, in order.
        text: what a person typed for the sender besides; may have several lines.
    """

    network: IPNetwork | None = None
    expires_at: datetime | None = None
    reason: str = ""
    paragraphs: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """The facts of one outbound message; of a stranger's words it holds `quoted_subject` and host names only.

    Attributes:
        kind: what the message is.
        template: name of the template that words it.
        locale: language wanted.
        message_id: its Message-ID, with angle brackets.
        recipient: the one address that it goes to.
        date: when it was made, with a time zone.
        in_reply_to: Message-ID of the message that it answers, with angle brackets.
        references: what that message refers to, oldest first.
        reply_token: leads a reply to its request; None for no Reply-To.
        quoted_subject: the decoded subject to repeat; None for the template's own.
        reference: of the request, `XXXXX-XXXXX`.
        address: the refused address, None when unknown.
        address_source: where it was found; None with `address`.
        cause: why the sender was refused; None when no refusal is quoted.
        ours: we refused; None when that cannot be told.
        refused_by: who refused, as the refusal tells; None when it does not.
        networks: all that is asked for.
        proof: what ties the plea to the address.
        software: of the refused server; None when unknown.
        guides: keys of the guides to give, best first.
        evidence: what was found out about the address; None when nothing was looked up.
        decision: what staff decided or asked; None for an automatic answer.
    """

    kind: Kind
    template: str
    locale: str
    message_id: str
    recipient: str
    date: datetime
    in_reply_to: str | None
    references: tuple[str, ...]
    reply_token: str | None
    quoted_subject: str | None
    reference: str
    address: IPAddress | None
    address_source: AddressSource | None
    cause: Cause | None
    ours: bool | None
    refused_by: str | None
    networks: tuple[IPNetwork, ...]
    proof: Proof
    software: Software | None
    guides: tuple[str, ...]
    evidence: LetterEvidence | None = None
    decision: LetterDecision | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """Who refuses, as the answer names it."""

    name: str
    domain: str
    postmaster: str
    website: str = ""


@dataclass(frozen=True, slots=True)
class Blocklist:
    """A list by which we refuse, and how its provider is reached: `removal` is a web page, `contact` a mailbox."""

    name: str
    provider: str = ""
    removal: str = ""
    contact: str = ""


# What templates may use, with what it means. A guide or deny reason knows SITE_VARIABLES only: it reads the same for
# everybody.
SITE_VARIABLES = MappingProxyType(
    {
        "organization": "who we are: .name, .domain, .postmaster, .website",
        "bypass_address": "the mailbox that people write to for help",
        "blocklists": "the lists by which we refuse: .name, .provider, .removal (web page), .contact (mailbox)",
    }
)
VARIABLES = MappingProxyType(
    {
        **SITE_VARIABLES,
        "reference": "number of the request, such as 9K3QF-2M7XA",
        "address": "the refused address, empty when we could not find it",
        "address_source": "where we found it: rejection, text, received, refusal, client; empty without an address",
        "cause": "dynamic, listed, no-reverse-name, authentication, content, rate, other; empty without a refusal",
        "ours": "yes, no or unknown: whether one of our servers refused",
        "refused_by": "name or address of the server that refused, empty when unknown",
        "networks": "every address and network asked for",
        "proof": "client, reference or none: what ties the plea to the address",
        "software": "the mail server we recognised: .name, .product, .version, .certain (yes, no); all empty if none",
        "own_guide": "the guide for that server: .key, .title, .locale, .body; empty if there is none",
        "other_guides": "the guides for other servers: .key, .title, .locale, .body",
        "listings": "the lists that have the address: as in blocklists, and .entry (owner, list, unknown: who made it)",
        "reverse_name": "the reverse name of the address, empty when unknown",
        "reverse_name_generated": "yes, no or unknown: whether that name looks made from the address",
        "advice": "static, dynamic, unclear, not-ours, not-refused-now; empty when nothing was found out",
        "network": "the network or address that was decided about, empty without one",
        "expires_at": "the day on which the exemption ends, such as 2025-03-04; empty without one",
        "reason": "why, as a person wrote it for the sender; empty without one",
        "paragraphs": "the deny reasons chosen: .key, .title, .locale, .body",
        "text": "the question, or what else a person wrote for the sender; empty without one",
    }
)


def site_context(organization: Organization, blocklists: Sequence[Blocklist], bypass_address: str) -> dict[str, object]:
    """Give the variables that are the same in every message."""
    return {
        "organization": {
            "name": organization.name,
            "domain": organization.domain,
            "postmaster": organization.postmaster,
            "website": organization.website,
        },
        "bypass_address": bypass_address,
        "blocklists": [
            {"name": each.name, "provider": each.provider, "removal": each.removal, "contact": each.contact}
            for each in blocklists
        ],
    }


def letter_context(letter: Letter) -> dict[str, object]:
    """Give the variables that differ from message to message, guides aside: plain text and lists of it."""
    return {
        "reference": letter.reference,
        "address": "" if letter.address is None else str(letter.address),
        "address_source": "" if letter.address is None else str(letter.address_source or ""),
        "cause": str(letter.cause or ""),
        "ours": _YES_NO[letter.ours],
        "refused_by": clean_host(letter.refused_by),
        "networks": [_network_text(network) for network in letter.networks[:_MAX_NETWORKS]],
        "proof": str(letter.proof),
        "software": software_words(letter.software),
        **_evidence_words(letter.evidence or LetterEvidence()),
        **_decision_words(letter.decision or LetterDecision()),
    }


def _evidence_words(evidence: LetterEvidence) -> dict[str, object]:
    return {
        "listings": [
            {
                "name": each.name,
                "provider": each.provider,
                "removal": each.removal,
                "contact": each.contact,
                "entry": each.entry,
            }
            for each in evidence.listings[:_MAX_LISTINGS]
        ],
        "reverse_name": clean_host(evidence.reverse_name),
        "reverse_name_generated": _YES_NO[evidence.reverse_name_generated],
        "advice": evidence.advice,
    }


def _decision_words(decision: LetterDecision) -> dict[str, object]:
    return {
        "network": "" if decision.network is None else _network_text(decision.network),
        "expires_at": "" if decision.expires_at is None else decision.expires_at.astimezone(UTC).date().isoformat(),
        "reason": Passage(decision.reason.strip()),
        "text": Passage(decision.text.strip()),
    }


def _network_text(network: IPNetwork) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def clean_host(text: str | None) -> str:
    """Give the host name or address `text`, empty when it is neither: a refusal's words are a stranger's."""
    host = (text or "").strip("[]. ").lower()
    if len(host) > _HOST_CHARACTERS:
        return ""
    if _HOST_NAME.fullmatch(host):
        return host
    try:
        return str(parse_ip(host))
    except ValueError:
        return ""


def software_words(software: Software | None) -> dict[str, str]:
    """Give the words for `software`; only names that we know ourselves, and versions that are one."""
    name = _product_name(software) if software else None
    if software is None or name is None:
        return {"name": "", "product": "", "version": "", "certain": "no"}
    version = software.version or ""
    shown = _EDITIONS.get(version, version if _VERSION.fullmatch(version) else "")
    return {
        "name": f"{name} {shown}".rstrip(),
        "product": software.product,
        "version": shown,
        "certain": "yes" if software.certainty is Certainty.CERTAIN else "no",
    }


def _product_name(software: Software) -> str | None:
    return software.name if software.name in _OTHERS else _PRODUCTS.get(software.product)


def names_software(software: Software | None, names: Sequence[str]) -> bool:
    """Tell whether `names`, as a guide lists them, name `software`."""
    return software is not None and any(name in names for name in software_names(software))
