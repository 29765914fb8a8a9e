"""Each export, loaded by the program that it is for: exempt addresses pass, all others on the list are refused."""

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.message
import dns.query
import dns.rcode
import dns.reversename
import pytest
from sqlalchemy import Engine, update

from responder.domain.address import network_keys, parse_network
from responder.services.clock import SystemClock
from responder.services.exports import FORMATS
from responder.services.exports.publishing import Publisher, PublishingTerms
from responder.storage import migrate
from responder.storage.engine import make_engine
from responder.storage.schema import exemptions
from responder.storage.serials import EXEMPTIONS, raise_serial
from tests.support import fronts
from tests.support.exports import add_exemptions
from tests.support.fronts import BYPASS, HOST, LIST_ZONE, USER, FrontExim, FrontPostfix, FrontSendmail, knock
from tests.support.namespaces import Machine
from tests.support.ports import free_port
from tests.support.root import needs_root
from tests.support.tools import PROJECT, find_program
from tests.support.waiting import wait_until

pytestmark = needs_root

# Whether each address is exempt; all of them are on the list.
EXEMPT = {
    "198.51.100.25": True,
    "198.51.100.24": False,
    "198.51.100.26": False,
    "198.51.100.30": False,  # ended
    "198.51.100.31": False,  # revoked
    "198.51.100.63": False,
    "198.51.100.64": True,
    "198.51.100.79": True,
    "198.51.100.80": False,
    "203.0.113.0": True,
    "203.0.113.255": True,
    "2001:db8:25::25": True,
    "2001:db8:25::24": False,
    "2001:db8:25::30": False,  # ended
    "2001:db8:25::31": False,  # revoked
    "2001:db8:26::1": True,
    "2001:db8:26:0:ffff:ffff:ffff:ffff": True,
    "2001:db8:26:1::1": False,
    "2001:db8:27:1::1": True,
    "2001:db8:27:2::1": False,
}
REVOKED_LATER = "198.51.100.25"
PORT = 25


class Published:
    """A database of exemptions, and the files that are published of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "published"
        self.engine: Engine = make_engine(f"sqlite:///{folder / 'responder.db'}")
        migrate.upgrade(self.engine)
        networks = ["198.51.100.25", "198.51.100.64/28", "203.0.113.0/24", "198.51.100.64/30"]
        add_exemptions(self.engine, *networks, "2001:db8:25::25", "2001:db8:26::/64", "2001:db8:27::/63")
        now = datetime.now(UTC)
        add_exemptions(self.engine, "198.51.100.30", "2001:db8:25::30", expires_at=now - timedelta(seconds=1))
        add_exemptions(self.engine, "198.51.100.31", "2001:db8:25::31", revoked_at=now)
        terms = PublishingTerms(self.folder, tuple(FORMATS), every_seconds=30, max_shrink_percent=50)
        self.publisher = Publisher(self.engine, SystemClock(), terms)
        self.publisher.publish()

    def revoke(self, address: str) -> None:
        """Revoke what `address` has, and publish that."""
        first, last, _ = network_keys(parse_network(address))
        where = (exemptions.c.first_key == first, exemptions.c.last_key == last)
        with self.engine.execution_options(write=True).begin() as connection:
            connection.execute(update(exemptions).where(*where).values(revoked_at=datetime.now(UTC)))
            raise_serial(connection, EXEMPTIONS)
        self.publisher.publish_due()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that servers without rights can read, which they could not in pytest's own."""
    with TemporaryDirectory(prefix="exports-", dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def published(folder: Path) -> Iterator[Published]:
    published = Published(folder)
    yield published
    published.engine.dispose()


@pytest.fixture
def front(folder: Path) -> Iterator[Machine]:
    """A machine with clients on all those addresses, and a list that names every one of them."""
    lists = folder / "lists"
    lists.mkdir()
    (lists / "v4").write_text(":127.0.0.10:Dynamic address $\n198.51.100.0/24\n203.0.113.0/24\n")
    (lists / "v6").write_text(":127.0.0.10:Dynamic address $\n2001:db8::/32\n")
    with fronts.machine(*EXEMPT) as made:
        zones = [f"{LIST_ZONE}:ip4trie:v4", f"{LIST_ZONE}:ip6trie:v6"]
        with fronts.lists(made, lists, *zones):
            yield made


def expected() -> dict[tuple[str, str], int]:
    """What each client is told: the bypass address passes for all, a user's only for those who are exempt."""
    users = {(address, USER): 250 if EXEMPT[address] else 550 for address in EXEMPT}
    return users | {(address, BYPASS): 250 for address in EXEMPT}


def codes(front: Machine) -> dict[tuple[str, str], int]:
    pairs = [(address, recipient) for recipient in (USER, BYPASS) for address in EXEMPT]
    return {pair: code for pair, (code, _) in knock(front, PORT, *pairs).items()}


CLIENT_RESTRICTIONS = (
    "smtpd_client_restrictions ="
    f" check_recipient_access inline:{{{BYPASS}=OK}},"
    " check_client_access cidr:{file},"
    f" reject_rbl_client {LIST_ZONE}=127.0.0.[10;11]"
)


def test_postfix_takes_the_cidr_map(folder: Path, published: Published, front: Machine) -> None:
    place = folder / "postfix"
    place.mkdir()
    table = published.folder / "postfix-cidr"
    postfix = FrontPostfix(place, front, PORT, CLIENT_RESTRICTIONS.replace("{file}", str(table)))
    found = {address: postfix.run("postmap", "-q", address, f"cidr:{table}").strip() for address in EXEMPT}
    assert found == {address: "OK" if is_exempt else "" for address, is_exempt in EXEMPT.items()}
    with postfix.running():
        assert codes(front) == expected()
        # postfix-script minds the owners of a Postfix that was unpacked and not installed
        warnings = [line for line in postfix.log.splitlines() if "warning: " in line and "/postfix-script[" not in line]
        assert warnings == []
        published.revoke(REVOKED_LATER)
        postfix.run("postfix", "reload")
        wait_until(lambda: knock(front, PORT, (REVOKED_LATER, USER))[REVOKED_LATER, USER][0] == 550, "revocation")


def test_postscreen_takes_the_map_and_cannot_honour_a_bypass_address(
    folder: Path, published: Published, front: Machine
) -> None:
    place = folder / "postscreen"
    place.mkdir()
    table = published.folder / "postscreen"
    setting = f"postscreen_access_list = cidr:{table}"
    postfix = FrontPostfix(place, front, PORT, setting, service="postscreen")
    exempt, listed = "198.51.100.64", "198.51.100.80"
    with postfix.running():
        answers = knock(front, PORT, (exempt, USER), ("2001:db8:26::1", USER), (listed, USER), (listed, BYPASS))
        assert {pair: code for pair, (code, _) in answers.items()} == {
            (exempt, USER): 250,
            ("2001:db8:26::1", USER): 250,
            (listed, USER): 550,
            (listed, BYPASS): 550,
        }
        assert f"WHITELISTED [{exempt}]" in postfix.log or f"ALLOWLISTED [{exempt}]" in postfix.log
        assert knock(front, PORT, (REVOKED_LATER, USER))[REVOKED_LATER, USER][0] == 250
        published.revoke(REVOKED_LATER)
        postfix.run("postfix", "reload")
        wait_until(lambda: knock(front, PORT, (REVOKED_LATER, USER))[REVOKED_LATER, USER][0] == 550, "revocation")


def test_rbldnsd_serves_the_list(folder: Path, published: Published) -> None:
    program, environment = find_program("rbldnsd", "rbldnsd")
    (published.folder / "head").write_text(
        "$SOA 1h ns.example.com hostmaster.example.com 0 15m 5m 1w 1m\n$NS 1h ns.example.com\n"
    )
    port, zone = free_port(), "static.wl.example.com"
    command = [program, "-n", "-u", "nobody", "-b", f"127.0.0.1/{port}", "-c", "1", "-w", str(published.folder)]
    log = folder / "rbldnsd.log"

    def ask(address: str, kind: str = "A") -> dns.message.Message:
        name = dns.reversename.from_address(address)
        reverse = name.relativize(
            dns.reversename.ipv6_reverse_domain if ":" in address else dns.reversename.ipv4_reverse_domain
        )
        question = dns.message.make_query(f"{reverse}.{zone}", kind)
        return dns.query.udp(question, "127.0.0.1", port=port, timeout=5)

    with fronts.serving([*command, f"{zone}:generic:head", f"{zone}:combined:rbldnsd"], log, environment) as process:
        wait_until(lambda: "started" in log.read_text(), "rbldnsd")
        for address, is_exempt in {**EXEMPT, "127.0.0.2": True, "127.0.0.1": False}.items():
            reply = ask(address)
            assert [record.address for rrset in reply.answer for record in rrset] == ["127.0.0.2"] * is_exempt, address
            assert (reply.rcode() == dns.rcode.NXDOMAIN) == (not is_exempt), address
        test_entry = dns.message.make_query("2.0.0.0.0.0.f.7.f.f.f.f" + 20 * ".0" + f".{zone}", "A")
        assert dns.query.udp(test_entry, "127.0.0.1", port=port, timeout=5).answer
        assert "Exempt from" in str(ask("198.51.100.25", "TXT").answer[0])
        assert "warn" not in log.read_text().lower()
        published.revoke(REVOKED_LATER)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: ask(REVOKED_LATER).rcode() == dns.rcode.NXDOMAIN, "revocation")


RSPAMD_CONF = """
options {{ pidfile = "{folder}/pid"; filters = ""; disable_hyperscan = true;
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; }}
  url_tld = "{folder}/tld"; history_file = "{folder}/history"; cache_file = "{folder}/cache";
  hs_cache_dir = "{folder}"; control_socket = "{folder}/control mode=0600"; map_watch_interval = 1s; }}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
actions {{ reject = 15; }}
metric {{ }}
lua = "{share}/rules/rspamd.lua";
modules {{ path = "{share}/plugins/multimap.lua"; }}
multimap {{
  STATIC_EXEMPT {{ type = "ip"; map = "{map}"; symbol = "STATIC_EXEMPT"; score = 0.0; }}
}}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""


def test_rspamd_takes_the_map(folder: Path, published: Published) -> None:
    program, environment = find_program("rspamd", "rspamd")
    root = PROJECT / ".tools/rspamd" if "/.tools/" in program else Path("/")
    share, port, place = root / "usr/share/rspamd", free_port(), folder / "rspamd"
    place.mkdir()
    (place / "tld").write_text("com\norg\n")  # all that there are would take long to compile
    (place / "rspamd.conf").write_text(
        RSPAMD_CONF.format(folder=place, share=share, port=port, map=published.folder / "rspamd")
    )
    libraries = f"{root}/usr/lib/rspamd:{environment.get('LD_LIBRARY_PATH', '')}"
    environment = environment | {"LD_LIBRARY_PATH": libraries}
    variables = [f"--var=LUALIBDIR={share}/lualib", f"--var=SHAREDIR={share}", f"--var=RULESDIR={share}/rules"]
    command = [program, "-f", "-i", "-c", str(place / "rspamd.conf"), *variables]

    def is_exempt(address: str) -> bool:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/checkv2", data=b"Subject: hello\r\n\r\nHello.\r\n", headers={"IP": address}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            return "STATIC_EXEMPT" in json.load(reply)["symbols"]

    def is_up() -> bool:
        try:
            is_exempt("192.0.2.1")
        except OSError:
            return False
        return True

    with fronts.serving(command, place / "out", environment):
        wait_until(is_up, "rspamd")
        assert {address: is_exempt(address) for address in EXEMPT} == EXEMPT
        published.revoke(REVOKED_LATER)
        wait_until(lambda: not is_exempt(REVOKED_LATER), "revocation")


EXIM_CONF = """
primary_hostname = mx.example.com
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = check_rcpt
hostlist exempt_hosts = net-iplsearch;{table}
begin acl
check_rcpt:
  require message = relay not permitted
          domains = example.com
  accept  local_parts = bypass
  deny    !hosts = +exempt_hosts
          dnslists = dyn.bl.example=127.0.0.10,127.0.0.11
          message = 550 5.7.1 Your IP address $sender_host_address appears to be dynamically assigned. \\
                    Write to bypass@example.com
  accept
"""


def test_exim_takes_the_file(folder: Path, published: Published, front: Machine) -> None:
    place = folder / "exim"
    place.mkdir()
    exim = FrontExim(place, front, EXIM_CONF.format(folder=place, table=published.folder / "exim"))
    found = {address: int(exim.ask(address, USER)[:3]) for address in EXEMPT}
    assert found == {address: 250 if is_exempt else 550 for address, is_exempt in EXEMPT.items()}
    refusal = exim.ask("198.51.100.24", USER)
    assert (
        refusal
        == "550 5.7.1 Your IP address 198.51.100.24 appears to be dynamically assigned. Write to bypass@example.com"
    )
    assert exim.ask("198.51.100.24", BYPASS).startswith("250 ")
    published.revoke(REVOKED_LATER)
    assert exim.ask(REVOKED_LATER, USER).startswith("550 ")


SENDMAIL_FEATURES = """\
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`access_db', `hash -T<TMPF> -o {folder}/access')dnl
FEATURE(`delay_checks', `friend')dnl
FEATURE(`dnsbl', `dyn.bl.example', `"550 5.7.1 Address " $&{{client_addr}} " is dynamic. See bypass@example.com"')dnl
"""
# The feature dnsbl asks about IPv4 addresses alone.
OWN_ACCESS = "Spam:bypass@example.com\tFRIEND\nConnect:IPv6:2001:db8\tREJECT\n"


def test_sendmail_takes_the_access_entries(folder: Path, published: Published, front: Machine) -> None:
    place = folder / "sendmail"
    place.mkdir()
    export = published.folder / "sendmail"
    sendmail = FrontSendmail(place, front, PORT, OWN_ACCESS + export.read_text(), SENDMAIL_FEATURES)
    with sendmail.running():
        wait_until(lambda: front_listens(front), "sendmail")
        assert codes(front) == expected()
        published.revoke(REVOKED_LATER)
        sendmail.load(OWN_ACCESS + export.read_text())
        assert knock(front, PORT, (REVOKED_LATER, USER))[REVOKED_LATER, USER][0] == 550


def front_listens(front: Machine) -> bool:
    command = [*front.prefix, "bash", "-c", f"exec 3<>/dev/tcp/{HOST[4]}/{PORT}"]
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
