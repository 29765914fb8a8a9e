"""What one client of the SMTP service may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """What one client may use; 0 turns a limit off.

    Attributes:
        max_message_bytes: octets of a message.
        keep_bytes: octets of a message that are kept and handed on; of the rest size and hash.
        max_recipients: different recipients of one message.
        max_connections: connections of all clients together.
        max_connections_per_client: those of one IPv4 address or one IPv6 /64; trusted relays have no such limit.
        max_messages_per_session: messages in one session.
        max_errors: refused commands in one session.
        max_idle_commands: commands since the last stored message that bring no message nearer.
        command_timeout_seconds: for one command to arrive, and for its reply to be taken.
        message_timeout_seconds: for one message to arrive, from 354 to the final dot; as long again to be stored.
        session_timeout_seconds: for the whole session.
    """

    max_message_bytes: int = 26_214_400
    keep_bytes: int = 1_048_576
    max_recipients: int = 100
    max_connections: int = 1000
    max_connections_per_client: int = 50
    max_messages_per_session: int = 1000
    max_errors: int = 10
    max_idle_commands: int = 50
    command_timeout_seconds: float = 60
    message_timeout_seconds: float = 120
    session_timeout_seconds: float = 1200
