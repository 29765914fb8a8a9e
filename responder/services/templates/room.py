"""What the pages about templates work with: the desk, real cases, and the way to send a test to oneself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from responder.domain.address import domain_of
from responder.domain.identity import Identity
from responder.services.letter import Letter
from responder.services.letters import Letters
from responder.services.templates.cases import letter_of_request
from responder.services.templates.desk import DeskError, TemplateDesk
from responder.services.templates.library import Library
from responder.services.templates.trial import Trial, send_trial


@dataclass(frozen=True, slots=True)
class TemplateRoom:
    """The desk with what pages need around it.

    Attributes:
        desk: drafts, publishing, going back.
        letters: makes what turns rows into letters, of the templates in use.
        identity: who we are.
        envelope_sender: of test messages.
        addresses: of staff, who may get test messages wherever they are.
        on_trial: called once a test message is queued.
    """

    desk: TemplateDesk
    letters: Callable[[Library], Letters]
    identity: Identity
    envelope_sender: str
    addresses: tuple[str, ...]
    on_trial: Callable[[], None]

    def case_of(self, reference: str, library: Library) -> Letter:
        """Give the case of a real request.

        Raises:
            DeskError: there is none that could be shown.
        """
        look = partial(letter_of_request, letters=self.letters(library), reference=reference)
        return self.desk.database.read(look)

    def send(self, trial: Trial, login: str) -> None:
        """Send a test message to a person who is signed in as `login`, and to nobody outside.

        Raises:
            DeskError: it cannot be worded, or its recipient is a stranger.
        """
        if not self._is_one_of_us(trial.recipient.strip().lower(), login):
            raise DeskError("test messages go to addresses of our own domains and of staff.notify only")
        send_trial(self.desk, trial, identity=self.identity, envelope_sender=self.envelope_sender)
        self.on_trial()

    def _is_one_of_us(self, recipient: str, login: str) -> bool:
        known = {login, *(address.lower() for address in self.addresses)}
        return recipient in known or domain_of(recipient) in self.identity.own_domains
