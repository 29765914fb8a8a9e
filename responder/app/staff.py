"""Whom to tell how the queue stands, made of the settings."""

from datetime import time
from email.utils import parseaddr

from responder.app.parts import overdue_after
from responder.domain.identity import Identity
from responder.services.composition import Sender
from responder.services.digest import StaffTerms
from responder.settings import Settings


def make_staff_terms(settings: Settings, identity: Identity) -> StaffTerms:
    """Give whom to tell, and how."""
    name, address = parseaddr(settings.reply.from_)
    return StaffTerms(
        recipients=settings.staff.notify,
        webhook=settings.staff.webhook,
        digest_at=time.fromisoformat(settings.staff.digest) if settings.staff.digest else None,
        base_url=settings.web.base_url,
        overdue_after=overdue_after(settings),
        sender=Sender(address, name, identity.loop_token, identity.plus_addressing),
        envelope_sender=settings.relay.envelope_sender,
    )
