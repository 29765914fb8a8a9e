"""The two sides of the story on two machines: an MX that asks the policy service, and a sender's own mail server.

The MX is Postfix, with rbldnsd as the blocklist; the sender runs Exim on an address that the list names. Each has only
the other to talk to.
"""

import mailbox
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email import message_from_bytes
from pathlib import Path

from tests.support.mta import Exim, Postfix
from tests.support.namespaces import Machine
from tests.support.tools import find_program
from tests.support.waiting import wait_until

LIST_ZONE = "dyn.bl.example"
POLICY_PORT = 10040
SMTP_PORT = 2525
RELAY_PORT = 10025
SECONDS = 30

_MAIN_CF = """
inet_interfaces = {mx}, 127.0.0.1
smtpd_peername_lookup = no
recipient_delimiter = +
relay_domains =
virtual_mailbox_domains = example.com
virtual_mailbox_maps = inline:{{ {{user@example.com = user/}} {{bypass@example.com = bypass/}} }}
virtual_mailbox_base = {folder}/boxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
    permit_mynetworks
    reject_unauth_destination
    check_policy_service {{ inet:127.0.0.1:{policy}, timeout=3s, default_action=DUNNO }}
smtpd_data_restrictions =
    check_policy_service {{ inet:127.0.0.1:{policy}, timeout=3s }}
smtpd_end_of_data_restrictions =
    check_policy_service {{ inet:127.0.0.1:{policy}, timeout=3s }}
transport_maps = inline:{{ {{bypass@example.com = bypass:[127.0.0.1]:{smtp}}} {{client.example = smtp:[{client}]:25}} }}
"""
_MASTER_CF = """
virtual   unix - n n - - virtual
smtp      unix - - n - - smtp
127.0.0.1:{relay} inet n - n - - smtpd
"""

_EXIM_CONF = """
primary_hostname = mail.client.example
qualify_domain = client.example
exim_path = {root}/usr/sbin/exim4
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
daemon_smtp_ports = 25
local_interfaces = {client}
trusted_users = root
local_from_check = false
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
keep_environment =
add_environment = <; LD_LIBRARY_PATH={libraries}
acl_smtp_rcpt = take
begin acl
take:
  accept
begin routers
here:
  driver = accept
  domains = client.example
  transport = box
away:
  {route}
  transport = remote
begin transports
box:
  driver = appendfile
  file = {folder}/spool/box
  user = Debian-exim
remote:
  driver = smtp
  hosts_try_fastopen =
begin retry
* * F,1h,1m
"""


def _resolver(folder: Path) -> list[str]:
    """Give the command prefix under which names are asked of the machine's own loopback."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    return _with_file(folder / "resolv.conf", "/etc/resolv.conf")


def _libraries(folder: Path, places: str) -> list[str]:
    """Give the command prefix under which libraries are found in `places`, by programs that change their user too."""
    (folder / "ld.so.conf").write_text("\n".join(["include /etc/ld.so.conf", *filter(None, places.split(":"))]) + "\n")
    cache = folder / "ld.so.cache"
    subprocess.run(["/sbin/ldconfig", "-X", "-C", cache, "-f", folder / "ld.so.conf"], check=True, capture_output=True)
    return _with_file(cache, "/etc/ld.so.cache")


def _with_file(file: Path, place: str) -> list[str]:
    script = f'mount --bind {file} {place} && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


class Mx:
    """The receiving side; mail for user@example.com ends in a Maildir."""

    def __init__(self, folder: Path, machine: Machine, client: Machine) -> None:
        folder.chmod(0o755)
        self.machine = machine
        self._folder = folder
        self._postfix = postfix = Postfix(folder, 25, "example.com", "error:unused")
        postfix.prefix = [*machine.prefix, *_resolver(folder), *postfix.prefix]
        boxes = folder / "boxes"
        boxes.mkdir()
        owner = boxes.stat()
        uid, gid = (owner.st_uid or 65534, owner.st_gid or 65534)
        os.chown(boxes, uid, gid)
        main, master = folder / "etc/main.cf", folder / "etc/master.cf"
        kept = [line for line in main.read_text().splitlines() if not line.startswith(_names(_MAIN_CF))]
        given = {"mx": machine.address, "client": client.address, "folder": folder, "uid": uid, "gid": gid}
        ports = {"policy": POLICY_PORT, "smtp": SMTP_PORT, "relay": RELAY_PORT}
        main.write_text("\n".join(kept) + _MAIN_CF.format(**given, **ports))
        own = master.read_text().replace("127.0.0.1:25 ", f"{machine.address}:25 ")
        master.write_text(own + _MASTER_CF.format(relay=RELAY_PORT))

    @contextmanager
    def running(self, listed: str) -> Iterator["Mx"]:
        """Run Postfix, and a list that names `listed`, until the block ends."""
        (self._folder / "zone").write_text(f":127.0.0.10:Dynamic address $\n{listed}\n")
        program, environment = find_program("rbldnsd", "rbldnsd")
        command = [program, "-n", "-u", "nobody", "-b", "127.0.0.1/53", "-w", str(self._folder)]
        rbldnsd = subprocess.Popen(
            [*self.machine.prefix, *command, f"{LIST_ZONE}:ip4set:zone"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with self._postfix.running():
                yield self
            assert rbldnsd.poll() is None, "the list did not run"
        finally:
            rbldnsd.terminate()
            rbldnsd.wait(SECONDS)

    @property
    def log(self) -> str:
        """Postfix's log so far."""
        return self._postfix.log

    @property
    def delivered(self) -> list[str]:
        """The subjects of what user@example.com has got."""
        arrived = (self._folder / "boxes/user").glob("new/*")
        return sorted(str(message_from_bytes(file.read_bytes())["Subject"]) for file in arrived)


def _names(text: str) -> tuple[str, ...]:
    return tuple(line.partition(" ")[0] + " " for line in text.splitlines() if " =" in line and line[0] != " ")


def _route(mx: Machine | None) -> str:
    return "driver = dnslookup" if mx is None else f"driver = manualroute\n  route_list = * {mx.address}"


class Sender:
    """The sending side: an organisation's own Exim, which also takes the mail for client.example.

    Mail for others goes to `mx`, or, where that is None, to whom the machine's own name server says.
    """

    def __init__(self, folder: Path, machine: Machine, mx: Machine | None) -> None:
        self.machine = machine
        self._exim = exim = Exim(folder, 25)
        libraries = next(
            line.partition("LD_LIBRARY_PATH=")[2]
            for line in (folder / "exim.conf").read_text().splitlines()
            if "LD_LIBRARY_PATH" in line
        )
        root = "" if exim.root == Path("/") else exim.root
        text = _EXIM_CONF.format(
            folder=folder, root=root, client=machine.address, route=_route(mx), libraries=libraries
        )  # fmt: skip
        (folder / "exim.conf").write_text(text)
        self._folder = folder
        self._environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libraries}
        program = f"{exim.root / 'usr/sbin/exim4'}"
        prefix = [*machine.prefix, *_resolver(folder), *_libraries(folder, libraries), *exim.prefix]
        self._command = [*prefix, program, "-C", str(folder / "exim.conf")]

    @contextmanager
    def running(self) -> Iterator["Sender"]:
        """Run Exim as a daemon, to take mail, until the block ends."""
        with (self._folder / "daemon.log").open("wb") as log:
            daemon = subprocess.Popen(
                [*self._command, "-bdf"], env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            yield self
        finally:
            daemon.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(SECONDS)
            daemon.kill()
            daemon.wait()

    def send(self, message: bytes, *recipients: str, sender: str = "admin@client.example") -> str:
        """Send a message, and give what Exim's log says of its first attempt."""
        before = len(self.log)
        done = subprocess.run(
            [*self._command, "-odf", "-i", "-f", sender, *recipients],
            input=message,
            env=self._environment,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return self.log[before:]

    @property
    def log(self) -> str:
        """Exim's log so far."""
        file = self._folder / "spool/mainlog"
        return file.read_text() if file.exists() else ""

    @property
    def box(self) -> list[mailbox.mboxMessage]:
        """What the sender's people have got."""
        file = self._folder / "spool/box"
        if not file.exists():
            return []
        with closing(mailbox.mbox(file, create=False)) as box:
            return list(box)

    def wait_for(self, subject: str) -> mailbox.mboxMessage:
        """Wait for a message whose subject holds these words."""
        return wait_until(lambda: next((one for one in self.box if subject in str(one["Subject"])), None), subject)
