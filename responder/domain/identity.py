"""Who we are: the addresses, domains and keys by which the rules recognise our own mail."""

import hashlib
import hmac
from dataclasses import dataclass, field

from responder.domain.envelope import Recipient, RecipientKind


@dataclass(frozen=True, slots=True)
class Identity:
    """The service's own names.

    Attributes:
        bypass_addresses: every bypass address, canonical (lower-cased); the first is the one we answer from.
        own_domains: lower-cased domains that are ours, those of the bypass addresses included.
        other_addresses: lower-cased own mailboxes besides (postmaster, staff, envelope sender).
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

    def recipient(self, address: str) -> Recipient | None:
        """Give the recipient that `address` (of RCPT TO) is, None when it is not one of ours.

        `postmaster` and `abuse` at own domains, and `postmaster` alone, are staff (RFC 5321 section 4.5.1, RFC 2142).
        """
        local, at, domain = address.rpartition("@")
        if not at:
            local, domain = domain, ""
        local, domain = local.lower(), domain.lower().rstrip(".")
        if (local == "postmaster" and not domain) or (local in {"postmaster", "abuse"} and domain in self.own_domains):
            return Recipient(address, RecipientKind.STAFF)
        if f"{local}@{domain}" in self.bypass_addresses:
            return Recipient(address, RecipientKind.BYPASS)
        base, plus, tag = local.partition("+")
        if self.plus_addressing and plus and f"{base}@{domain}" in self.bypass_addresses:
            return Recipient(address, RecipientKind.BYPASS, tag)
        return None

    def is_own_address(self, address: str) -> bool:
        """Tell whether `address` is one of our mailboxes, in any case, with or without `+tag`."""
        local, _, domain = address.lower().rpartition("@")
        base = local.partition("+")[0]
        ours = (*self.bypass_addresses, *self.other_addresses)
        return self.recipient(address) is not None or f"{base}@{domain}" in ours or address.lower() in ours

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
        number, _, mac = message_id.strip("<>").rpartition("@")[0].partition(".")
        return bool(mac) and hmac.compare_digest(mac, self._mac(f"id {number}")[:16]) if mac.isascii() else False

    def _mac(self, what: str) -> str:
        return hmac.new(self.key, what.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
