"""A template sent to its author: the message as strangers would get it, marked as a test in its subject."""

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from responder.domain.address import AddressError, parse_mailbox
from responder.domain.identity import Identity
from responder.domain.outbound import Kind
from responder.services.letter import Letter, LetterDecision
from responder.services.templates.desk import DeskError, TemplateDesk
from responder.services.templates.file import ANSWER, GUIDES, Template
from responder.storage.decisions import add_outbound
from responder.storage.ids import new_id
from responder.storage.outbox import store_contents
from responder.storage.packing import pack

_GIVE_UP_AFTER = timedelta(hours=4)
_MARK = "[Test] "
_DENIAL = "denied"


@dataclass(frozen=True, slots=True)
class Trial:
    """A test message.

    Attributes:
        template: what it shows, published or not; a guide or deny reason is shown in a message that holds it.
        letter: the case that it shows.
        recipient: who gets it.
    """

    template: Template
    letter: Letter
    recipient: str


def send_trial(desk: TemplateDesk, trial: Trial, *, identity: Identity, envelope_sender: str) -> int:
    """Queue a test message, and give its id in the outbox.

    Args:
        desk: has the templates in use.
        trial: what to send to whom.
        identity: who we are.
        envelope_sender: the reverse-path, empty for the null one.

    Raises:
        DeskError: the template is no message, fails in this case, or the recipient is no address.
    """
    at, outbound_id = desk.database.now(), new_id()
    message_id = identity.make_message_id(outbound_id)
    shown, letter = _shown(desk, trial)
    letter = replace(
        letter,
        kind=Kind.TEST,
        template=shown.name,
        locale=shown.locale,
        recipient=_recipient(trial.recipient),
        message_id=message_id,
        date=at,
        in_reply_to=None,
        references=(),
        reply_token=None,
        quoted_subject=None,
    )
    marked = replace(shown, subject=_MARK + shown.subject)
    drafts = [marked] if shown is trial.template else [marked, trial.template]
    rendered = desk.make_renderer(desk.library().with_drafts(drafts)).render(letter)
    if rendered.problem:
        raise DeskError(rendered.problem)
    packed = pack(rendered.pieces)

    def work(connection: Connection) -> None:
        add_outbound(
            connection,
            None,
            id=outbound_id,
            kind=Kind.TEST,
            recipient=letter.recipient,
            envelope_sender=envelope_sender,
            message_id_header=message_id,
            template=shown.name,
            template_version_id=shown.version_id,
            locale=shown.locale,
            created_at=at,
            due_at=at,
            give_up_at=at + _GIVE_UP_AFTER,
        )
        store_contents(connection, {outbound_id: packed})

    desk.database.write(work)
    return outbound_id


def _recipient(text: str) -> str:
    try:
        return parse_mailbox(text)
    except AddressError as error:
        raise DeskError(f"{text!r} is no address: {error}") from None


def _shown(desk: TemplateDesk, trial: Trial) -> tuple[Template, Letter]:
    """Give the message that shows the template, and the case: for a part, a message and case that have it."""
    template, letter = trial.template, trial.letter
    if template.is_message:
        return template, letter
    if not template.is_part:
        raise DeskError(f"{template.name} is a line that servers say, not a message; look at it with `preview`")
    if template.name.startswith(GUIDES):
        name, letter = ANSWER, replace(letter, guides=tuple(dict.fromkeys((template.key, *letter.guides))))
    else:
        decision = replace(letter.decision or LetterDecision(), paragraphs=(template.key,))
        name, letter = _DENIAL, replace(letter, decision=decision)
    holder = desk.library().find(name, template.locale)
    if holder is None:
        raise DeskError(f"there is no template {name} that could hold {template.name}")
    return holder, letter
