"""Which network may be exempted, by whom, for how long, and when somebody has to think twice."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network

from responder.domain.address import IPAddress, IPNetwork, special_range
from responder.domain.plea import Proof
from responder.domain.roles import PERMISSIONS, Permission, Role

# By IP version: nothing wider is ever exempted, whatever the settings say; the database holds to the same.
_HARD_LEAST = {4: 16, 6: 32}
LONGEST_DAYS = 3650
UNUSED_FOR = timedelta(days=60)
WARN_BEFORE = timedelta(days=14)


class Doubt(StrEnum):
    """Why a network has to be typed once more before it is exempted."""

    UNPROVEN = "unproven"
    NOT_ASKED_FOR = "not-asked-for"


class Flag(StrEnum):
    """Why somebody should look at an exemption again."""

    UNUSED = "unused"
    REVERSE_NAME_CHANGED = "reverse-name-changed"


class ExemptionError(ValueError):
    """A network that may not be exempted so; its message is fit for staff."""


@dataclass(frozen=True, slots=True)
class ExemptionRules:
    """How wide exemptions may be.

    Attributes:
        least_prefix: the shortest prefix by IP version for those who decide.
        admin_least_prefix: the same for admins.
        allow_networks: special ranges (private, loopback, documentation) that may be exempted after all.
    """

    least_prefix: Mapping[int, int]
    admin_least_prefix: Mapping[int, int]
    allow_networks: tuple[IPNetwork, ...] = ()

    def check(self, network: IPNetwork, role: Role) -> None:
        """Make sure that somebody with `role` may exempt `network`.

        Raises:
            ExemptionError: they may not; says why.
        """
        if Permission.DECIDE not in PERMISSIONS[role]:
            raise ExemptionError(f"with the role {role} nobody decides about exemptions")
        mine, widest = self._least(network, role), self._least(network, Role.ADMIN)
        if network.prefixlen < widest:
            raise ExemptionError(f"{network} is too wide: nobody may exempt more than a /{widest}")
        if network.prefixlen < mine:
            raise ExemptionError(f"{network} is too wide for the role {role}: at most a /{mine}; an admin may")
        name = special_range(network)
        if name and not any(holds(allowed, network) for allowed in self.allow_networks):
            raise ExemptionError(f"{network} is {name} space, which review.allow_networks does not allow")

    def _least(self, network: IPNetwork, role: Role) -> int:
        least = self.least_prefix[network.version]
        if role is Role.ADMIN:
            least = min(least, self.admin_least_prefix[network.version])
        return max(least, _HARD_LEAST[network.version])


def doubts(
    network: IPNetwork, *, address: IPAddress | None, asked: Collection[IPNetwork], proof: Proof
) -> tuple[Doubt, ...]:
    """Give the reasons for which `network` has to be typed once more.

    Args:
        network: what is to be exempted.
        address: the refused address.
        asked: every network that was asked for.
        proof: what ties the plea to the address; it says nothing about networks that do not hold that one.
    """
    is_tied = proof is not Proof.NONE and address is not None and address in network
    wanted = {*asked, *(() if address is None else (ip_network(address),))}
    found = (
        (Doubt.UNPROVEN, not is_tied),
        (Doubt.NOT_ASKED_FOR, network not in wanted),
    )
    return tuple(doubt for doubt, holds_here in found if holds_here)


def expiry(at: datetime, days: int | None, usual: timedelta) -> datetime:
    """Give when an exemption made at `at` ends: after `days`, or after the `usual` time without them.

    Raises:
        ExemptionError: the number of days is out of range.
    """
    if days is None:
        return at + usual
    if not 1 <= days <= LONGEST_DAYS:
        raise ExemptionError(f"an exemption holds for 1 to {LONGEST_DAYS} days, not for {days}")
    return at + timedelta(days=days)


def flags(*, at: datetime, used_at: datetime, expires_at: datetime, reverse_names: Collection[str]) -> tuple[Flag, ...]:
    """Give why somebody should look at an active exemption again.

    Args:
        at: now.
        used_at: when it last let mail in, or when it was made.
        expires_at: when it ends; who does not exist any more needs no look.
        reverse_names: the reverse names of its address that were seen since it was asked for, oldest first.
    """
    if expires_at <= at:
        return ()
    found = (
        (Flag.UNUSED, at - used_at >= UNUSED_FOR),
        (Flag.REVERSE_NAME_CHANGED, len(set(reverse_names)) > 1),
    )
    return tuple(flag for flag, is_up in found if is_up)


def holds(outer: IPNetwork, inner: IPNetwork) -> bool:
    """Tell whether every address of `inner` lies in `outer`."""
    first, last = int(inner.network_address), int(inner.broadcast_address)
    return inner.version == outer.version and (
        int(outer.network_address) <= first and last <= int(outer.broadcast_address)
    )


def wider_networks(network: IPNetwork) -> Iterator[IPNetwork]:
    """Give every network that holds `network` and could be exempt, itself not among them."""
    for prefix in range(_HARD_LEAST[network.version], network.prefixlen):
        yield network.supernet(new_prefix=prefix)
