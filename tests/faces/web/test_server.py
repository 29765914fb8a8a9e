"""The server: it outlives clients that are slow, and many that are quick."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from responder.faces.web import server
from tests.support.web import House, open_house

SECONDS = 10
HEAD = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: none\r\nContent-Length: 100\r\n\r\n"


@pytest.fixture
def hasty(lite, monkeypatch):
    """The address of a server that has little patience."""
    monkeypatch.setattr(server._Connection, "patience_seconds", 0.2)
    with open_house(lite) as house:
        yield "127.0.0.1", int(house.base.rpartition(":")[2])


def is_cut_off(client: socket.socket, *, drip: bytes = b"") -> bool:
    """Tell whether the other side ends the connection, though `drip` is sent again and again."""
    client.settimeout(0.05)
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        try:
            client.sendall(drip)
            if not client.recv(4096):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


@pytest.mark.parametrize("said", [b"", b"GET / HT", HEAD, HEAD + b"login="], ids=["nothing", "line", "head", "body"])
def test_who_does_not_say_what_it_wants_is_cut_off(hasty, said):
    with socket.create_connection(hasty) as client:
        client.sendall(said)
        assert is_cut_off(client)


def test_a_drip_keeps_no_connection(hasty):
    with socket.create_connection(hasty) as client:
        assert is_cut_off(client, drip=b"X")


def test_many_ask_at_once(house: House):
    browser = house.signed_in("ann")
    clients = [house.visitor(cookies=dict(browser.cookies)) for _ in range(30)]
    with ThreadPoolExecutor(len(clients)) as pool:
        codes = list(pool.map(lambda client: [client.get("/queue").status_code for _ in range(3)], clients))
    assert {code for each in codes for code in each} == {200}


def test_no_answer_waits_for_an_acknowledgement(house: House):
    client = house.visitor()
    client.get("/healthz")
    (connection,) = house.face._server.server_state.connections
    peer = connection.transport.get_extra_info("socket")
    assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
