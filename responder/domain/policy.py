"""May this client write to this recipient? The decision about one request of a mail server, and its ground.

The order is the promise: whoever writes to a bypass address, signed in, or has an exemption is past the check before
anything about the client's address is asked.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from responder.domain.address import AddressError, IPAddress, IPNetwork, parse_ip, special_range
from responder.domain.envelope import RecipientKind
from responder.domain.generated_names import Naming, judge_name
from responder.domain.identity import Identity
from responder.domain.network_map import NetworkMap

_JUDGED_STATE = "RCPT"
_NO_NAME = "unknown"
_INTERNAL_RANGES = frozenset({"loopback", "private", "shared", "link-local", "this-network", "unspecified"})


class Ground(StrEnum):
    """Why a request is answered as it is; in the order in which they are asked."""

    NOT_RCPT = "not-rcpt"
    BYPASS = "bypass"
    STAFF = "staff-mailbox"
    AUTHENTICATED = "authenticated"
    CLIENT_UNKNOWN = "client-unknown"
    OWN_NETWORK = "own-network"
    EXEMPT = "exempt"
    DYNAMIC_NETWORK = "dynamic-network"
    DYNAMIC_NAME = "dynamic-name"
    LISTED = "listed"
    NOT_DYNAMIC = "not-dynamic"


REFUSING = frozenset({Ground.DYNAMIC_NETWORK, Ground.DYNAMIC_NAME, Ground.LISTED})


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """What a mail server says of one recipient of one client.

    Attributes:
        state: the stage of the SMTP session.
        client: the client's address, None when the server does not know it.
        reverse_name: the name that the address leads to, empty when there is none, None when the server did not say.
        sender: the reverse-path.
        recipient: the recipient; empty at stages without exactly one.
        is_authenticated: the client signed in or showed a certificate that the server trusts.
    """

    state: str
    client: IPAddress | None
    reverse_name: str | None
    sender: str
    recipient: str
    is_authenticated: bool = False


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """What the operator set.

    Attributes:
        identity: who we are; the bypass addresses, and the mailboxes that are never closed.
        own_networks: never refused.
        dynamic_networks: refused.
        dynamic_names: patterns searched in a reverse name, of the operator's own.
    """

    identity: Identity
    own_networks: tuple[IPNetwork, ...] = ()
    dynamic_networks: tuple[IPNetwork, ...] = ()
    dynamic_names: tuple[re.Pattern[str], ...] = ()
    _own: NetworkMap[IPNetwork] = field(init=False, repr=False, compare=False)
    _dynamic: NetworkMap[IPNetwork] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_own", NetworkMap((network, network) for network in self.own_networks))
        object.__setattr__(self, "_dynamic", NetworkMap((network, network) for network in self.dynamic_networks))

    def own_network(self, client: IPAddress) -> str | None:
        """Name the own or internal network in which `client` lies, None outside of them."""
        special = special_range(client)
        own = next(self._own.find(client), None)
        return str(own) if own else special if special in _INTERNAL_RANGES else None

    def dynamic_network(self, client: IPAddress) -> str | None:
        """Name the network of dynamic addresses in which `client` lies, None outside of them."""
        found = next(self._dynamic.find(client), None)
        return str(found) if found else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One decision.

    Attributes:
        ground: why.
        detail: what shows it: the network, the pattern, the list; may be empty.
    """

    ground: Ground
    detail: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the recipient is refused."""
        return self.ground in REFUSING


def read_request(attributes: Mapping[str, str]) -> PolicyRequest:
    """Read what a mail server sent as names and values; unknown names are ignored, missing ones are empty."""
    try:
        client = parse_ip(attributes.get("client_address", ""))
    except AddressError:
        client = None
    name = attributes.get("reverse_client_name")
    return PolicyRequest(
        state=attributes.get("protocol_state", ""),
        client=client,
        reverse_name="" if name == _NO_NAME else name,
        sender=attributes.get("sender", ""),
        recipient=attributes.get("recipient", ""),
        is_authenticated=bool(attributes.get("sasl_username") or attributes.get("ccert_subject")),
    )


def judge_request(request: PolicyRequest, rules: PolicyRules) -> Verdict | None:
    """Decide by what the request itself says, None where that depends on the client's address."""
    if request.state != _JUDGED_STATE or not request.recipient:
        return Verdict(Ground.NOT_RCPT, request.state)
    mailbox = rules.identity.recipient(request.recipient)
    if mailbox:
        return Verdict(Ground.BYPASS if mailbox.kind is RecipientKind.BYPASS else Ground.STAFF, request.recipient)
    if request.is_authenticated:
        return Verdict(Ground.AUTHENTICATED)
    if request.client is None:
        return Verdict(Ground.CLIENT_UNKNOWN)
    own = rules.own_network(request.client)
    return Verdict(Ground.OWN_NETWORK, own) if own else None


def judge_client(client: IPAddress, name: str, rules: PolicyRules) -> Verdict | None:
    """Decide by the operator's networks and by the reverse `name`, None where only a list can tell."""
    network = rules.dynamic_network(client)
    if network:
        return Verdict(Ground.DYNAMIC_NETWORK, network)
    naming = judge_name(name, client, rules.dynamic_names)
    return Verdict(Ground.DYNAMIC_NAME, naming.shown) if naming.naming is Naming.GENERATED else None
