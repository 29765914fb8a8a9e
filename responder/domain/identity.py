"""Who we are: the addresses, domains and keys by which the rules recognise our own mail."""

import hmac
from dataclasses import dataclass, field

from responder.domain.address import canonical_address, canonical_domain, sender_key
from responder.domain.envelope import Recipient, RecipientKind

STAFF_ROLES = frozenset({"postmaster", "abuse"})


@dataclass(frozen=True, slots=True)
class Identity:
    """The service's own names.

    Attributes:
        bypass_addresses: every bypass address; the first is the one we answer from.
        own_domains: the domains that are ours, those of the bypass addresses included.
        other_addresses: own mailboxes besides (postmaster, staff, envelope sender).
        plus_addressing: `bypass+TAG@` belongs to `bypass@`.
        hostname: what we call ourselves in SMTP.
        key: secret from which loop marks and Message-IDs are made; the same on every node.
    """

    bypass_addresses: tuple[str, ...]
    own_domains: frozenset[str]
    other_addresses: frozenset[str]
    plus_addressing: bool
    hostname: str
    key: bytes = field(repr=False)
    _bypass: frozenset[str] = field(init=False, repr=False, compare=False)
    _domains: frozenset[str] = field(init=False, repr=False, compare=False)
    _own: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        domains = frozenset(canonical_domain(domain) for domain in self.own_domains)
        roles = {f"{role}@{domain}" for role in STAFF_ROLES for domain in domains}
        own = frozenset(sender_key(address) for address in {*self.bypass_addresses, *self.other_addresses, *roles})
        object.__setattr__(self, "_bypass", frozenset(canonical_address(address) for address in self.bypass_addresses))
        object.__setattr__(self, "_domains", domains)
        object.__setattr__(self, "_own", own)

    def recipient(self, address: str) -> Recipient | None:
        """Give the recipient that `address` (of RCPT TO) is, None when it is not one of ours.

        Case and needless quotes do not matter. `postmaster` and `abuse` at own domains, and `postmaster` alone, are
        staff (RFC 5321 section 4.5.1, RFC 2142).
        """
        canonical = canonical_address(address)
        local, at, domain = canonical.rpartition("@")
        if canonical == "postmaster" or (at and local in STAFF_ROLES and domain in self._domains):
            return Recipient(address, RecipientKind.STAFF)
        if canonical in self._bypass:
            return Recipient(address, RecipientKind.BYPASS)
        base, plus, tag = local.partition("+")
        if self.plus_addressing and plus and f"{base}@{domain}" in self._bypass:
            return Recipient(address, RecipientKind.BYPASS, tag)
        return None

    def is_own_address(self, address: str) -> bool:
        """Tell whether `address` is one of our mailboxes, in any case, with or without `+tag`, BATV or SRS wrapping."""
        return sender_key(address) in self._own

    @property
    def loop_token(self) -> str:
        """The unguessable value of the loop mark that every message of ours carries."""
        return self._mac("loop")[:32]

    def make_message_id(self, outbound_id: int) -> str:
        """Give the Message-ID, with angle brackets, of the outbound message `outbound_id`."""
        domain = self.bypass_addresses[0].rpartition("@")[2]
        return f"<{outbound_id:x}.{self._mac(f'id {outbound_id:x}')[:16]}@{domain}>"

    def made_message_id(self, message_id: str) -> bool:
        """Tell whether `message_id`, with angle brackets, is one that `make_message_id` gave."""
        if not message_id.isascii():
            return False
        number, _, mac = message_id.strip("<>").rpartition("@")[0].partition(".")
        return hmac.compare_digest(mac, self._mac(f"id {number}")[:16])

    def _mac(self, what: str) -> str:
        return hmac.digest(self.key, what.encode(), "sha256").hex()
