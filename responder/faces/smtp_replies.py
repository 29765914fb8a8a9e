"""What the SMTP service says: every reply, and the one way in which a reply becomes bytes."""

from dataclasses import dataclass, field, replace
from enum import Enum

_PERMANENT = 500


class Step(Enum):
    """What the session does once a reply is said."""

    GO_ON = "read the next command"
    TAKE_CONTENT = "read a message up to its final dot"
    START_TLS = "negotiate TLS"
    CLOSE = "end the session"


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply (RFC 5321 section 4.2).

    Attributes:
        code: three digits.
        enhanced: the enhanced code (RFC 3463); empty only for the greeting, EHLO, HELO and 354, which take none
            (RFC 2034 section 4).
        text: the words of the first line; never anything that a client sent, nor the text of an exception.
        lines: the words of further lines.
        step: what follows.
    """

    code: int
    enhanced: str
    text: str
    lines: tuple[str, ...] = ()
    step: Step = Step.GO_ON
    _octets: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = [f"{self.enhanced} {self.text}" if self.enhanced else self.text, *self.lines]
        *before, last = [_plain(line) for line in words]
        text = "".join([*(f"{self.code}-{line}\r\n" for line in before), f"{self.code} {last}\r\n"])
        object.__setattr__(self, "_octets", text.encode("ascii"))  # once, as most replies are said again and again

    @property
    def is_refusal(self) -> bool:
        """The client does not get what it asked for."""
        return self.code >= 400  # noqa: PLR2004 - the first digit is the meaning

    @property
    def is_our_fault(self) -> bool:
        """The client did nothing wrong (RFC 3463: other or undefined mail system status)."""
        return self.enhanced == "4.3.0"

    @property
    def is_permanent(self) -> bool:
        """The client must not try again."""
        return self.code >= _PERMANENT

    def for_now(self) -> "Reply":
        """Give the same reply as a passing failure, after which the client keeps the message."""
        return replace(self, code=451, enhanced=f"4{self.enhanced[1:]}") if self.is_permanent else self

    def closing(self) -> "Reply":
        """Give the same reply as the last one of its session."""
        return replace(self, step=Step.CLOSE)

    def encode(self) -> bytes:
        """Give the reply as it goes over the wire; what is not printable ASCII becomes a question mark."""
        return self._octets


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


BYE = Reply(221, "2.0.0", "Bye", step=Step.CLOSE)
READY_FOR_TLS = Reply(220, "2.0.0", "Ready to start TLS", step=Step.START_TLS)
SEND_CONTENT = Reply(354, "", "Send the message, end it with a dot alone on a line", step=Step.TAKE_CONTENT)
DONE = Reply(250, "2.0.0", "Done")
HELP = Reply(214, "2.0.0", "This service takes mail to its own mailboxes; RFC 5321 tells how")
NOT_VERIFIED = Reply(252, "2.1.5", "Mailboxes are judged at RCPT")
SENDER_TAKEN = Reply(250, "2.1.0", "Sender taken")
RECIPIENT_TAKEN = Reply(250, "2.1.5", "Recipient taken")

NOT_NOW = Reply(451, "4.3.0", "The message cannot be stored now; try again later")
NOT_IN_TIME = Reply(451, "4.3.0", "Storing the message takes too long; try again later")
TOO_MANY_RECIPIENTS = Reply(452, "4.5.3", "Too many recipients")

UNKNOWN_COMMAND = Reply(500, "5.5.1", "Unknown command")
MALFORMED_LINE = Reply(500, "5.5.2", "A command is one line of printable characters, ended by CR LF")
LINE_TOO_LONG = Reply(500, "5.5.2", "Command line too long")
MALFORMED_ARGUMENT = Reply(501, "5.5.4", "Malformed argument")
MALFORMED_PARAMETER = Reply(501, "5.5.4", "Malformed parameter")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "Command not implemented")
GREET_FIRST = Reply(503, "5.5.1", "Say EHLO first")
NESTED_MAIL = Reply(503, "5.5.1", "A message is under way already")
MAIL_FIRST = Reply(503, "5.5.1", "Say MAIL first")
RCPT_FIRST = Reply(503, "5.5.1", "No recipient was accepted")
IN_TLS_ALREADY = Reply(503, "5.5.1", "TLS is on already")
TALKED_TOO_EARLY = Reply(503, "5.5.1", "The message came before it was asked for", step=Step.CLOSE)
NO_SUCH_MAILBOX = Reply(550, "5.1.1", "No such mailbox here")
NO_RELAY = Reply(550, "5.7.1", "This service takes mail to its own mailboxes only")
NOT_TRUSTED = Reply(550, "5.7.0", "Not for this client")
TOO_LARGE = Reply(552, "5.3.4", "The message is too large")
MALFORMED_SENDER = Reply(553, "5.1.7", "The sender's address is malformed")
MALFORMED_RECIPIENT = Reply(553, "5.1.3", "The recipient's address is malformed")
NEEDS_SMTPUTF8 = Reply(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8")
TOO_MANY_HOPS = Reply(554, "5.4.6", "The message went through too many hosts; it seems to loop")
NO_SMTP_CLIENT = Reply(554, "5.5.1", "This is an SMTP service", step=Step.CLOSE)
UNKNOWN_PARAMETER = Reply(555, "5.5.4", "Unknown parameter")


def recorded(reference: str) -> Reply:
    """The message is stored under `reference`."""
    return Reply(250, "2.0.0", f"{reference} recorded")


def fault(incident: str) -> Reply:
    """Something of ours broke; `incident` is where the log tells more."""
    return Reply(451, "4.3.0", f"Internal fault, incident {incident}; try again later")


def goodbye(why: str) -> Reply:
    """A limit is reached and the session ends."""
    return Reply(421, "4.7.0", f"{why}; closing", step=Step.CLOSE)


TIME_IS_UP = goodbye("You took too long")
TOO_MANY_ERRORS = goodbye("Too many errors")
TOO_MANY_COMMANDS = goodbye("Too many commands without a message")
TOO_MANY_MESSAGES = goodbye("Too many messages in one session")
TOO_MANY_CONNECTIONS = goodbye("Too many connections")
TOO_MANY_FROM_YOU = goodbye("Too many connections from your address")
SHUTTING_DOWN = Reply(421, "4.3.2", "The service shuts down; try again later", step=Step.CLOSE)
