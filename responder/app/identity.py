"""Who we are, made from the settings."""

import socket

from responder.domain.identity import Identity
from responder.settings import Settings


def make_identity(settings: Settings, key: bytes) -> Identity:
    """Give our own names; `key` is the secret that all nodes share."""
    bypass = tuple(address.lower() for address in settings.smtp.bypass_addresses)
    first = settings.reply.from_address.lower()
    others = (
        settings.organization.postmaster,
        settings.relay.envelope_sender,
        settings.relay.bounce_address,
        *settings.staff.notify,
    )
    return Identity(
        bypass_addresses=(first, *(address for address in bypass if address != first)),
        own_domains=frozenset((*(address.rpartition("@")[2] for address in bypass), *settings.smtp.own_domains)),
        other_addresses=frozenset(address.lower() for address in others if address),
        plus_addressing=settings.smtp.plus_addressing,
        hostname=hostname(settings),
        key=key,
    )


def hostname(settings: Settings) -> str:
    """Give the name by which we greet: the setting, else the machine's, a full one if it knows one."""
    return settings.smtp.hostname or next((name for name in (socket.gethostname(),) if "." in name), socket.getfqdn())
