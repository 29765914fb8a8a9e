"""The dialogue of one SMTP session: commands in, replies out, no input or output of its own."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from responder.domain.address import canonical_address, canonical_domain
from responder.domain.envelope import Envelope, Recipient
from responder.domain.identity import Identity
from responder.faces import smtp_replies as say
from responder.faces.smtp_limits import SmtpLimits
from responder.faces.smtp_replies import Reply, Step
from responder.faces.smtp_syntax import (
    FORWARDED,
    CommandError,
    Path,
    read_forwarded,
    read_host_name,
    read_line,
    read_path,
    read_size,
)
from responder.faces.smtp_transaction import Peer, Transaction

_WEB_VERBS = frozenset({"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "PATCH", "TRACE"})
_KNOWN_VERBS = frozenset({"AUTH", "ETRN", "BDAT", "EXPN", "TURN", "ATRN", "SEND", "SOML", "SAML", "XCLIENT"})
# What brings a message nearer is bounded otherwise: one MAIL, so many RCPT, one DATA for each message.
_PROGRESS = frozenset({"MAIL", "RCPT", "DATA"})


class Dialogue:
    """Answers the commands of one client, counts them, and holds the envelope of the message under way.

    Args:
        identity: which mailboxes are ours.
        limits: what the client may use.
        peer: the client.
        offers_tls: STARTTLS can be offered.
    """

    def __init__(self, identity: Identity, limits: SmtpLimits, peer: Peer, *, offers_tls: bool) -> None:
        self.peer = peer
        self.helo_name = ""
        self._identity = identity
        self._limits = limits
        self._trusted = peer.is_trusted
        self._offers_tls = offers_tls
        self._in_tls = False
        self._greeted = False
        self._commands = self._errors = self._idle = self._messages = 0
        self._transaction = Transaction()
        self._answers: dict[str, Callable[[str], Reply]] = {
            "EHLO": self._ehlo,
            "HELO": self._helo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "NOOP": lambda _: say.DONE,
            "HELP": lambda _: say.HELP,
            "VRFY": lambda argument: say.NOT_VERIFIED if argument else say.MALFORMED_ARGUMENT,
            "QUIT": lambda argument: say.MALFORMED_ARGUMENT if argument else say.BYE,
            "STARTTLS": self._starttls,
            "XFORWARD": self._xforward,
        }

    @property
    def is_trusted(self) -> bool:
        """The client is one of our own relays."""
        return self._trusted

    def is_foreign(self, first: bytes) -> bool:
        """Tell whether a session whose first octet is `first` speaks another protocol, such as TLS."""
        return not self._commands and first != b"" and not first.isalpha()

    def greeting(self) -> Reply:
        """Give the first words of the session."""
        return Reply(220, "", f"{self._identity.hostname} ESMTP")

    def obey(self, line: bytes) -> Reply:
        """Give the reply to one command line, its line end included."""
        try:
            verb, argument = read_line(line)
        except CommandError:
            return self._counted("", say.NO_SMTP_CLIENT if self.is_foreign(line[:1]) else say.MALFORMED_LINE)
        return self._counted(verb, self._answer(verb, argument))

    def refuse(self, reply: Reply) -> Reply:
        """Give the reply to a line that was no command at all, where `reply` says why."""
        return self._counted("", reply)

    def _answer(self, verb: str, argument: str) -> Reply:
        if verb in _WEB_VERBS:
            return say.NO_SMTP_CLIENT
        answer = self._answers.get(verb)
        if answer is None:
            return say.NOT_IMPLEMENTED if verb in _KNOWN_VERBS else say.UNKNOWN_COMMAND
        return answer(argument)

    def _counted(self, verb: str, reply: Reply) -> Reply:
        self._commands += 1
        self._errors += reply.is_permanent
        self._idle += verb not in _PROGRESS
        if reply.step is Step.CLOSE:
            return self._for_relay(reply)
        if self._is_over(self._errors, self._limits.max_errors):
            return say.TOO_MANY_ERRORS
        if self._is_over(self._idle, self._limits.max_idle_commands):
            return say.TOO_MANY_COMMANDS
        return reply if verb == "RCPT" else self._for_relay(reply)

    def _for_relay(self, reply: Reply) -> Reply:
        """Make `reply` a passing one where a permanent one would make our relay send a bounce to a forged sender."""
        return reply.for_now() if self._trusted and self._transaction.recipients else reply

    @staticmethod
    def _is_over(count: int, limit: int) -> bool:
        return 0 < limit < count

    # Commands, each from its argument to its reply.

    def _helo(self, argument: str) -> Reply:
        name = read_host_name(argument)
        if not name:
            return say.MALFORMED_ARGUMENT
        self._transaction = Transaction()
        self._greeted = True
        self.helo_name = name
        return Reply(250, "", self._identity.hostname)

    def _ehlo(self, argument: str) -> Reply:
        reply = self._helo(argument)
        return reply if reply.is_refusal else replace(reply, lines=self._extensions())

    def _extensions(self) -> tuple[str, ...]:
        size = self._limits.max_message_bytes
        return (
            "PIPELINING",
            f"SIZE {size}" if size else "SIZE",
            "8BITMIME",
            "SMTPUTF8",
            *(("STARTTLS",) if self._offers_tls and not self._in_tls else ()),
            *((f"XFORWARD {' '.join(FORWARDED)}",) if self._trusted else ()),
            "ENHANCEDSTATUSCODES",
        )

    def _mail(self, argument: str) -> Reply:
        if not self._greeted:
            return say.GREET_FIRST
        if self._transaction.reverse_path is not None:
            return say.NESTED_MAIL
        if 0 < self._limits.max_messages_per_session <= self._messages:
            return say.TOO_MANY_MESSAGES
        try:
            path = read_path("FROM:", argument)
        except CommandError:
            return say.MALFORMED_ARGUMENT
        return self._parameters_refused(path) or self._sender(path)

    def _parameters_refused(self, path: Path) -> Reply | None:
        parameters = dict(path.parameters)
        if not parameters.keys() <= {"SIZE", "BODY", "SMTPUTF8"}:
            return say.UNKNOWN_PARAMETER
        try:
            size = read_size(parameters["SIZE"]) if "SIZE" in parameters else 0
        except CommandError:
            return say.MALFORMED_PARAMETER
        body = (parameters.get("BODY", "7BIT") or "").upper()
        is_repeated = len(parameters) < len(path.parameters)
        if is_repeated or body not in {"7BIT", "8BITMIME"} or parameters.get("SMTPUTF8") is not None:
            return say.MALFORMED_PARAMETER
        return say.TOO_LARGE if self._is_over(size, self._limits.max_message_bytes) else None

    def _sender(self, path: Path) -> Reply:
        smtputf8 = ("SMTPUTF8", None) in path.parameters
        try:
            reverse_path = path.mailbox()
        except CommandError:
            return say.MALFORMED_SENDER
        if not path.is_ascii and not smtputf8:
            return say.NEEDS_SMTPUTF8
        self._transaction.reverse_path = reverse_path
        self._transaction.smtputf8 = smtputf8
        return say.SENDER_TAKEN

    def _rcpt(self, argument: str) -> Reply:
        if self._transaction.reverse_path is None:
            return say.MAIL_FIRST
        try:
            path = read_path("TO:", argument)
        except CommandError:
            return say.MALFORMED_ARGUMENT
        if path.parameters:
            return say.UNKNOWN_PARAMETER
        return self._recipient(path)

    def _recipient(self, path: Path) -> Reply:
        is_bare_postmaster = path.text.lower() == "postmaster"
        try:
            address = path.text if is_bare_postmaster else path.mailbox()
        except CommandError:
            address = ""
        if not address or path.text.startswith("@"):
            return say.MALFORMED_RECIPIENT
        if not path.is_ascii and not self._transaction.smtputf8:
            return say.NEEDS_SMTPUTF8
        recipient = self._identity.recipient(address)
        if recipient is None:
            domain = canonical_domain(address.rpartition("@")[2])
            return say.NO_SUCH_MAILBOX if domain in self._identity.own_domains else say.NO_RELAY
        return self._add(recipient)

    def _add(self, recipient: Recipient) -> Reply:
        recipients = self._transaction.recipients
        key = canonical_address(recipient.address)
        is_new = key not in recipients
        if is_new and 0 < self._limits.max_recipients <= len(recipients):
            self._idle += 1
            return say.TOO_MANY_RECIPIENTS
        self._idle += not is_new
        recipients.setdefault(key, recipient)
        return say.RECIPIENT_TAKEN

    def _data(self, argument: str) -> Reply:
        if self._transaction.reverse_path is None:
            return say.MAIL_FIRST
        if not self._transaction.recipients:
            return say.RCPT_FIRST
        return say.MALFORMED_ARGUMENT if argument else say.SEND_CONTENT

    def _rset(self, argument: str) -> Reply:
        if argument:
            return say.MALFORMED_ARGUMENT
        self._transaction = Transaction()
        return say.DONE

    def _starttls(self, argument: str) -> Reply:
        if self._in_tls:
            return say.IN_TLS_ALREADY
        if not self._offers_tls:
            return say.NOT_IMPLEMENTED
        return say.MALFORMED_ARGUMENT if argument else say.READY_FOR_TLS

    def _xforward(self, argument: str) -> Reply:
        if not self._trusted:
            return say.NOT_TRUSTED
        if self._transaction.reverse_path is not None:
            return say.NESTED_MAIL
        try:
            self._transaction.forwarded |= read_forwarded(argument)
        except CommandError:
            return say.MALFORMED_ARGUMENT
        return say.DONE

    # What the session tells.

    def restart_in_tls(self) -> None:
        """Forget what was said in the clear (RFC 3207 section 4.2)."""
        self._in_tls = True
        self._greeted = False
        self.helo_name = ""
        self._transaction = Transaction()

    def close_message(self, outcome: Reply) -> Reply:
        """End the message under way, whose content is read; give `outcome` as this client may hear it."""
        reply = self._for_relay(outcome)
        self._messages += 1
        self._errors += reply.is_permanent
        if not reply.is_refusal:
            self._idle = 0
        self._transaction = Transaction()
        return reply

    def envelope(self, received_at: datetime) -> Envelope:
        """Give the envelope of the message under way, whose final dot came at `received_at`."""
        return self._transaction.envelope(self.peer, self.helo_name, tls=self._in_tls, received_at=received_at)
