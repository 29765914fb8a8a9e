"""Real Postfix and Exim as clients of the service, each in a folder and a mount namespace of its own.

Both start from the system's programs or, where Debian installed the other one, from the tree that
`tests/system-packages` unpacked. Their master programs want root.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LIBRARIES = "usr/lib/x86_64-linux-gnu"
SECONDS = 30


def _root_of(name: str) -> Path:
    unpacked = PROJECT / ".tools" / name
    if not Path("/usr/sbin", name).exists() and unpacked.exists():
        return unpacked
    return Path("/")


def _environment(root: Path) -> dict[str, str]:
    libraries = [str(path) for path in (*root.glob("usr/lib/*-linux-gnu"), root / "usr/lib/postfix") if path.exists()]
    return {"PATH": f"{root / 'usr/sbin'}:/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": ":".join(libraries)}


def _with_users(folder: Path, *names: str) -> list[str]:
    """Give the command prefix under which the system users `names` exist."""
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    for number, name in enumerate(names, start=61000):
        if f"\n{name}:" not in passwd and name != "postdrop":
            passwd += f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
        if f"\n{name}:" not in group:
            group += f"{name}:x:{number}:\n"
    (folder / "passwd").write_text(passwd)
    (folder / "group").write_text(group)
    script = f'mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def _uid(folder: Path, name: str) -> tuple[int, int]:
    line = next(line for line in (folder / "passwd").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split(":")[2]), int(line.split(":")[3])


class Exim:
    """Sends messages through Exim's own queue to a service on loopback."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.root = _root_of("exim4")
        self.prefix = _with_users(folder, "Debian-exim")
        (folder / "spool").mkdir()
        os.chown(folder / "spool", *_uid(folder, "Debian-exim"))
        folder.chmod(0o755)
        (folder / "exim.conf").write_text(f"""
primary_hostname = mail.exim-client.example
exim_path = {self.root / "usr/sbin/exim4"}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/%slog
trusted_users = root
local_from_check = false
keep_environment =
add_environment = LD_LIBRARY_PATH={_environment(self.root)["LD_LIBRARY_PATH"]}
begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = service
begin transports
service:
  driver = smtp
  port = {port}
  allow_localhost
  hosts_try_fastopen =
begin retry
* * F,1h,1m
""")

    def send(self, reverse_path: str, recipient: str, message: bytes) -> str:
        """Hand `message` to Exim and give its log once it has tried to deliver it."""
        exim = [*self.prefix, str(self.root / "usr/sbin/exim4"), "-C", str(self.folder / "exim.conf")]
        for arguments in (["-odq", "-i", "-f", reverse_path or "<>", recipient], ["-qff"]):
            done = subprocess.run(
                [*exim, *arguments],
                input=message,
                env=_environment(self.root),
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        return (self.folder / "spool/mainlog").read_text()


_MAIN_CF = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
shlib_directory = {root}/usr/lib/postfix
meta_directory = {folder}/etc
import_environment = MAIL_CONFIG MAIL_LOGTAG LD_LIBRARY_PATH TZ LANG=C
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.front.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = {domain}
relay_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_authorized_xforward_hosts = 127.0.0.0/8
smtpd_authorized_xclient_hosts = 127.0.0.0/8
transport_maps = inline:{{ {{ {domain} = {route} }} }}
"""

_MASTER_CF = """
127.0.0.1:{listen} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
error     unix - - n - - error
retry     unix - - n - - error
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
lmtp      unix - - n - - lmtp
bypass    unix - - n - - smtp
    -o smtp_send_xforward_command=yes
"""


class Postfix:
    """A front MTA that takes mail on loopback port `listen` and passes that for `domain` on by `route`.

    The transport `bypass` is the one that the README recommends.
    """

    def __init__(self, folder: Path, listen: int, domain: str, route: str) -> None:
        self.folder = folder
        self.listen = listen
        self.root = _root_of("postfix")
        self.prefix = _with_users(folder, "postfix", "postdrop")
        folder.chmod(0o755)
        for name in ("etc", "spool", "data"):
            (folder / name).mkdir()
        os.chown(folder / "data", *_uid(folder, "postfix"))
        root = "" if self.root == Path("/") else str(self.root)
        (folder / "etc/main.cf").write_text(_MAIN_CF.format(folder=folder, root=root, domain=domain, route=route))
        (folder / "etc/master.cf").write_text(_MASTER_CF.format(listen=listen))
        for name in ("postfix-files", "postfix-script", "post-install", "dynamicmaps.cf"):
            for place in ("etc/postfix", "usr/share/postfix", "usr/lib/postfix/sbin", "usr/lib/postfix"):
                if (self.root / place / name).exists():
                    shutil.copy2(self.root / place / name, folder / "etc" / name)
                    break
        self.environment = _environment(self.root)

    @contextmanager
    def running(self) -> Iterator["Postfix"]:
        """Run Postfix's master until the block ends."""
        subprocess.run(
            [*self.prefix, str(self.root / "usr/sbin/postfix"), "-c", str(self.folder / "etc"), "start"],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
        )
        master = int((self.folder / "spool/pid/master.pid").read_text())
        try:
            yield self
        finally:
            os.kill(master, signal.SIGTERM)

    @property
    def log(self) -> str:
        """The mail log so far."""
        return (self.folder / "postfix.log").read_text()
