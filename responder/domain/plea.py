"""What a plea says: the refusal it quotes, the refused address, the software of the refused server."""

from dataclasses import dataclass
from enum import StrEnum

from responder.domain.address import IPAddress, IPNetwork

# The widest network that a provider gives to one site.
_SITE_PREFIX = {4: 29, 6: 48}


class Cause(StrEnum):
    """Why the sender was refused."""

    DYNAMIC = "dynamic"
    LISTED = "listed"
    NO_REVERSE_NAME = "no-reverse-name"
    AUTHENTICATION = "authentication"
    CONTENT = "content"
    RATE = "rate"
    OTHER = "other"


class AddressSource(StrEnum):
    """Where the refused address was found, best first."""

    REJECTION = "rejection"
    TEXT = "text"
    RECEIVED = "received"
    REFUSAL = "refusal"
    CLIENT = "client"


class Proof(StrEnum):
    """What ties the plea to the address it asks for."""

    CLIENT = "client"
    REFERENCE = "reference"
    NONE = "none"


class Certainty(StrEnum):
    """How sure a fingerprint is: the server's own line about itself, or a program that implies the server."""

    CERTAIN = "certain"
    LIKELY = "likely"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The refusal that the sender quotes.

    Attributes:
        code: the SMTP reply code, None when the text names none.
        enhanced: the enhanced status code (RFC 3463), None when the text names none.
        text: the reply text on one line, without codes, at most 1,000 characters.
        by: name or address of the host that refused, None when it is not told.
        ours: it was one of our servers; None when that cannot be told.
        cause: why.
        address: the refused address that the text names, None when it names none.
    """

    code: int | None
    enhanced: str | None
    text: str
    by: str | None
    ours: bool | None
    cause: Cause
    address: IPAddress | None


@dataclass(frozen=True, slots=True)
class Software:
    """Which mail server the sender runs.

    Attributes:
        product: a key such as `exchange`, `postfix`, `windows-smtp`, or `other`.
        version: the product's version by its common name (`2003`), else as it was written; None when unknown.
        name: the product's name where `product` is `other`, else None.
        certainty: how sure it is.
        evidence: the line that shows it, without control characters, at most 500 characters.
    """

    product: str
    version: str | None
    name: str | None
    certainty: Certainty
    evidence: str


@dataclass(frozen=True, slots=True)
class Plea:
    """All that one message asks for.

    Attributes:
        client: who sent the message, after a trusted relay's Received line was consulted.
        address: the refused address, None when none can be told.
        address_source: where it was found; None with `address`.
        networks: everything asked for, widest form given by the sender, in order, without repeats.
        proof: what ties the plea to `address`.
        rejection: the refusal quoted, None when none is.
        software: of the refused server, None when unknown.
        locale: the language to answer in, one that templates exist for.
    """

    client: IPAddress | None
    address: IPAddress | None
    address_source: AddressSource | None
    networks: tuple[IPNetwork, ...]
    proof: Proof
    rejection: Rejection | None
    software: Software | None
    locale: str

    @property
    def asks_for_range(self) -> bool:
        """It asks for more than one site has, as a provider does for its network (IPv6: RFC 6177)."""
        return any(network.prefixlen < _SITE_PREFIX[network.version] for network in self.networks)
