"""Whether the relay takes what leaves, and whether it is one at all."""

from responder.app.errors import StartError
from responder.app.identity import hostname
from responder.app.parts import kept_in, make_relay
from responder.app.verdict import Finding, Verdict
from responder.services.transports import Deferred, Refused
from responder.settings import Settings


def check_relay(settings: Settings) -> Finding:
    """See whether the relay takes a message from the null reverse-path; none is sent."""
    folder = kept_in(settings)
    # Asking a Maildir makes its folders, which is for the first start to do.
    if folder is None or settings.under_data_dir("").exists():
        try:
            reply = make_relay(settings, hostname(settings)).check(settings.organization.postmaster)
        except (StartError, Deferred, Refused) as error:
            return Finding("relay", Verdict.FAILED, str(error))
    if folder is not None:
        return Finding("relay", Verdict.WARNING, f"answers are kept in {folder}, none leaves; set relay.url")
    return Finding("relay", Verdict.OK, f"{settings.relay.url}: {reply}")
