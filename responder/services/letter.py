"""What a message of ours says: the facts of one case, and the words that templates know them by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from responder.domain.address import IPAddress, IPNetwork, parse_ip
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software

_MAX_NETWORKS = 16
_HOST_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
_HOST_CHARACTERS = 100
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){0,3}[a-z]?", re.ASCII)

_PRODUCTS = {
    "exchange": "Microsoft Exchange Server",
    "windows-smtp": "the SMTP service of Windows",
    "postfix": "Postfix",
    "exim": "Exim",
    "sendmail": "Sendmail",
    "qmail": "qmail",
    "domino": "HCL or IBM Domino",
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
_EDITIONS = {"se": "Subscription Edition", "online": "Online"}


@dataclass(frozen=True, slots=True)
class Letter:
    """The facts of one outbound message; nothing in it is text that a stranger wrote, but for `quoted_subject`.

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


# What templates may use, with what it means. A guide knows SITE_VARIABLES only: it reads the same for everybody.
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
        "own_guide": "the guide for that server: .key, .title, .body; empty if there is none",
        "other_guides": "the guides for other servers: .key, .title, .body",
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
        "ours": {True: "yes", False: "no", None: "unknown"}[letter.ours],
        "refused_by": clean_host(letter.refused_by),
        "networks": [_network_text(network) for network in letter.networks[:_MAX_NETWORKS]],
        "proof": str(letter.proof),
        "software": software_words(letter.software),
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
    name = _PRODUCTS.get(software.product) if software else None
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


def names_software(software: Software | None, keys: Sequence[str]) -> bool:
    """Tell whether `keys` (`PRODUCT` or `PRODUCT VERSION`, as a guide lists them) name `software`."""
    return software is not None and (software.product in keys or f"{software.product} {software.version}" in keys)
