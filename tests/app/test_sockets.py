"""Listening sockets: what every face gets."""

import socket

from responder.app.sockets import bind
from responder.settings import Endpoint


def test_what_is_accepted_sends_small_writes_at_once():
    (listener,) = bind("smtp.listen", [Endpoint("127.0.0.1", 0)])
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
