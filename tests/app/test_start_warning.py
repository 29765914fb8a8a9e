"""What the log says at the start of a service whose answers would not leave."""

import pytest

from tests.support.relay import Relay
from tests.support.running import running


def warnings(service):
    assert service.stop() == 0
    return [line for line in service.log if " answers-kept " in line]


def test_a_worker_whose_relay_is_a_maildir_says_so_once(tmp_path):
    with running(tmp_path, {"relay.url": "maildir:kept%20here"}) as service:
        service.wait_for(" answers-kept ")
        (line,) = warnings(service)
    why = '"relay.url is a Maildir, none leaves; set a relay"'
    assert line.endswith(f' warning answers-kept folder="{tmp_path}/data/kept here" why={why}')


@pytest.mark.parametrize("only", ["smtp,worker", "smtp"])
def test_a_relay_or_no_worker_is_no_warning(tmp_path, only):
    with Relay() as relay:
        url = relay.url if "worker" in only else "maildir:outgoing"
        with running(tmp_path, {"relay.url": url}, arguments=["--only", only]) as service:
            assert warnings(service) == []
