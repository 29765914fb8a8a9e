"""Free loopback ports."""

import random
import socket
from contextlib import suppress

# Below the range out of which Linux takes the ports of connections: none of those can take the port in between.
_PORTS = range(10_240, 32_768)


def free_port() -> int:
    """Give a port that nothing listens on just now, by TCP or UDP."""
    while True:
        port = random.choice(_PORTS)
        with suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            return port
