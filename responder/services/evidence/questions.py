"""What is to be found out about one message, and by what lists and rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from responder.domain.address import IPAddress, IPNetwork
from responder.domain.findings import Finding
from responder.domain.plea import Proof
from responder.services.evidence.checks import BlockList


@dataclass(frozen=True, slots=True)
class EvidenceTerms:
    """How evidence is gathered.

    Attributes:
        deadline_seconds: from the acceptance of a message, whatever it waited for.
        blocklists: the lists by which we refuse.
        dynamic_networks: networks that we refuse as dynamic besides.
        dynamic_names: patterns of reverse names that we refuse besides those that look generated.
    """

    deadline_seconds: float = 5
    blocklists: tuple[BlockList, ...] = ()
    dynamic_networks: tuple[IPNetwork, ...] = ()
    dynamic_names: tuple[re.Pattern[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One message about which evidence is wanted.

    Attributes:
        received_at: when it was accepted, UTC.
        reverse_path: where the answer would go.
        header_from: the address of From, empty without one.
        client: the host that sent it, None when unknown.
        helo_name: what that host called itself.
        address: the refused address, None when it is not known.
        proof: what ties the message to that address.
        came_by_relay: one of our own relays brought it, so its results can be believed.
        read_raw: gives the whole message; None when not all of it is kept. Called in another thread.
        known: findings that are known already.
    """

    received_at: datetime
    reverse_path: str
    header_from: str
    client: IPAddress | None
    helo_name: str
    address: IPAddress | None
    proof: Proof
    came_by_relay: bool
    read_raw: Callable[[], bytes | None]
    known: tuple[Finding, ...] = ()
