"""What ends the process before it has begun."""


class StartError(Exception):
    """The service cannot start; the message says why and what to do, in one line."""
