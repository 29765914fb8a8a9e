"""`responder doctor --through`, against a real Postfix: what a listed client meets there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.mta import Postfix
from tests.support.ports import free_port
from tests.support.root import needs_root
from tests.support.running import Running, run_responder, running, write_settings

pytestmark = needs_root

LISTED, OTHER = "203.0.113.9", "198.51.100.9"
TEXT = "550 5.7.1 You are dynamic, write to bypass@example.com"
TABLE = f"cidr:{{{{203.0.113.0/24 {TEXT}}} {{2001:db8::/32 {TEXT}}}}}"
BYPASS_FIRST = "check_recipient_access inline:{bypass@example.com=OK}"


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="through-", dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def postfix(folder: Path, *settings: str) -> Iterator[int]:
    """Run Postfix with more settings until the block ends; gives its port."""
    place = folder / "postfix"
    place.mkdir()
    port = free_port()
    made = Postfix(place, port, "example.com", "smtp:[127.0.0.1]:9")
    main = place / "etc/main.cf"
    names = tuple(f"{setting.partition(' =')[0]} =" for setting in settings)
    kept = [line for line in main.read_text().splitlines() if not line.startswith(names)]
    main.write_text("\n".join([*kept, *settings, ""]))
    with made.running():
        yield port


def look(folder: Path, port: int, client: str = LISTED, *options: str) -> tuple[int, list[tuple[str, str]]]:
    """Give the exit status, and verdict and text of each finding."""
    config = write_settings(folder / "responder.toml", {"organization.domain": "example.com"})
    arguments = ["doctor", "--through", f"127.0.0.1:{port}", "--as", client, *options, "--json"]
    done = run_responder("--config", str(config), *arguments, cwd=folder)
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert findings, done.stderr
    assert {finding["part"] for finding in findings} == {"through"}
    return done.returncode, [(finding["verdict"], finding["text"]) for finding in findings]


@pytest.mark.parametrize("client", [LISTED, "2001:db8::9"])
def test_a_listed_client_reaches_the_bypass_address_and_no_one_else(folder: Path, client: str) -> None:
    restrictions = f"smtpd_client_restrictions = {BYPASS_FIRST}, check_client_access {TABLE}"
    with postfix(folder, restrictions, "inet_protocols = all") as port:
        status, (bypass, other) = look(folder, port, client)
    assert status == 0
    assert bypass == ("ok", f"{client} reaches bypass@example.com: 250 2.1.5 Ok")
    assert other[0] == "ok"
    assert other[1].startswith(f"{client} is refused for nobody-")
    assert "write to bypass@example.com" in other[1]


def test_the_policy_service_is_seen_at_work(folder: Path) -> None:
    port = free_port()
    settings = {"policy.listen": [f"127.0.0.1:{port}"], "policy.dynamic_networks": ["203.0.113.0/24"], "blocklists": []}
    ask = f"check_policy_service {{ inet:127.0.0.1:{port}, timeout=5s }}"
    restrictions = f"smtpd_recipient_restrictions = reject_unauth_destination, {ask}, {BYPASS_FIRST}"
    with running(folder / "service", settings, arguments=["--only", "policy"]) as service:
        _see_the_policy_service(folder, service, restrictions)


def _see_the_policy_service(folder: Path, service: Running, restrictions: str) -> None:
    with postfix(folder, restrictions) as port:
        status, ((bypass, _), (other, text)) = look(folder, port)
        assert (status, bypass, other) == (0, "ok", "ok"), service.log
        assert f"Your IP address {LISTED} appears to be dynamically assigned." in text
        status, (_, other_client) = look(folder, port, OTHER)
        assert (status, other_client[0]) == (1, "failed")


def test_a_client_that_is_not_refused_is_told(folder: Path) -> None:
    with postfix(folder, f"smtpd_client_restrictions = {BYPASS_FIRST}, check_client_access {TABLE}") as port:
        status, (bypass, other) = look(folder, port, OTHER)
    assert (status, bypass[0], other[0]) == (1, "ok", "failed")
    assert f"`responder policy test {OTHER}`" in other[1]


def test_a_bypass_address_that_is_refused_is_told(folder: Path) -> None:
    with postfix(folder, f"smtpd_client_restrictions = check_client_access {TABLE}") as port:
        status, (bypass, other) = look(folder, port)
    assert (status, bypass[0], other[0]) == (1, "failed", "ok")
    assert "let the bypass address through before whatever refuses" in bypass[1]


def test_a_bypass_address_behind_greylisting_is_told(folder: Path) -> None:
    later = "check_recipient_access inline:{{bypass@example.com = 450 4.2.0 Greylisted}}"
    with postfix(folder, f"smtpd_client_restrictions = {later}, check_client_access {TABLE}") as port:
        status, (bypass, _) = look(folder, port)
    assert (status, bypass[0]) == (1, "failed")
    assert "past greylisting" in bypass[1]


def test_a_refusal_before_the_recipient_is_told(folder: Path) -> None:
    early = (f"smtpd_client_restrictions = {BYPASS_FIRST}, check_client_access {TABLE}", "smtpd_delay_reject = no")
    with postfix(folder, *early) as port:
        status, (finding,) = look(folder, port)
    assert (status, finding[0]) == (1, "failed")
    assert "before it hears of a recipient" in finding[1]


def test_a_refusal_for_another_reason_proves_nothing(folder: Path) -> None:
    known = "relay_recipient_maps = inline:{bypass@example.com=x, user@example.com=x}"
    with postfix(folder, known) as port:
        status, (bypass, other) = look(folder, port)
        assert (status, bypass[0], other[0]) == (0, "ok", "warning")
        assert "--recipient" in other[1]
        assert look(folder, port, LISTED, "--recipient", "user@example.com")[0] == 1


def test_a_refusal_without_the_bypass_address_is_told(folder: Path) -> None:
    table = "cidr:{{203.0.113.0/24 550 5.7.1 203.0.113.9 is dynamic}}"
    with postfix(folder, f"smtpd_client_restrictions = {BYPASS_FIRST}, check_client_access {table}") as port:
        status, (_, other) = look(folder, port)
    assert (status, other[0]) == (0, "warning")
    assert "does not name the bypass address" in other[1]


def test_a_server_without_ipv6_is_told(folder: Path) -> None:
    with postfix(folder) as port:
        status, (finding,) = look(folder, port, "2001:db8::9")
        assert (status, "knows no clients like 2001:db8::9: 501" in finding[1]) == (1, True)


def test_where_xclient_is_not_offered_it_says_what_to_set(folder: Path) -> None:
    with postfix(folder, "smtpd_authorized_xclient_hosts =") as port:
        status, (finding,) = look(folder, port)
    assert (status, finding[0]) == (1, "failed")
    assert "smtpd_authorized_xclient_hosts" in finding[1]


def test_a_server_that_is_not_there_is_told(folder: Path) -> None:
    port = free_port()
    assert look(folder, port) == (1, [("failed", f"127.0.0.1:{port} cannot be asked: Connection refused")])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--through", "127.0.0.1:25"],
        ["--as", LISTED],
        ["--recipient", "user@example.com"],
        ["--through", "127.0.0.1", "--as", LISTED],
        ["--through", "127.0.0.1:25", "--as", "203.0.113.9/24"],
        ["--through", "127.0.0.1:25", "--as", LISTED, "--recipient", "a@b>\r\nDATA"],
    ],
)
def test_wrong_usage_is_exit_2(folder: Path, arguments: list[str]) -> None:
    done = run_responder("doctor", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
