"""Mail servers that refuse what a DNS list names, on a machine of their own with clients on many addresses.

Everything lives in one network namespace: the list, the server, and the clients, whose addresses lie on its loopback.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.mta import Exim, Postfix
from tests.support.namespaces import Machine
from tests.support.tools import PROJECT, find_program
from tests.support.waiting import wait_until

SECONDS = 30
HOST = {4: "192.0.2.25", 6: "2001:db8:feed::25"}
LIST_ZONE = "dyn.bl.example"
BYPASS, USER = "bypass@example.com", "user@example.com"


@contextmanager
def machine(*addresses: str) -> Iterator[Machine]:
    """Give a namespace whose loopback has `addresses`, and those of `HOST`, until the block ends."""
    made = Machine(f"responder-{os.getpid()}-front", HOST[4])
    _ip("netns", "add", made.name)
    try:
        _ip("-n", made.name, "link", "set", "lo", "up")
        for address in (*HOST.values(), *addresses):
            single = f"{address}/128" if ":" in address else f"{address}/32"
            _ip("-n", made.name, "address", "add", single, "dev", "lo", *(["nodad"] if ":" in address else []))
        yield made
    finally:
        _ip("netns", "delete", made.name)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr


def with_resolver(folder: Path) -> list[str]:
    """Give the command prefix under which names are asked of the machine's own loopback."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    # Sendmail waits a minute for a name of its own that has a dot.
    (folder / "hosts").write_text(f"{HOST[4]} mx.example.com {socket.gethostname()}\n")
    places = " && ".join(f"mount --bind {folder}/{name} /etc/{name}" for name in ("resolv.conf", "hosts"))
    script = f'{places} && exec "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


@contextmanager
def serving(command: Sequence[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; what it says goes to `log`."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        yield process
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
        process.kill()
        process.wait()


@contextmanager
def lists(front: Machine, folder: Path, *zones: str, check_seconds: int = 1) -> Iterator[subprocess.Popen[bytes]]:
    """Run rbldnsd on port 53 of `front` with `zones`, each ZONE:TYPE:FILES in `folder`, until the block ends."""
    program, environment = find_program("rbldnsd", "rbldnsd")
    options = ["-n", "-u", "nobody", "-b", "127.0.0.1/53", "-c", str(check_seconds), "-w", str(folder)]
    with serving([*front.prefix, program, *options, *zones], folder / "rbldnsd.log", environment) as process:
        wait_until(lambda: "started" in (folder / "rbldnsd.log").read_text(), "rbldnsd")
        yield process


def knock(front: Machine, port: int, *pairs: tuple[str, str]) -> dict[tuple[str, str], tuple[int, str]]:
    """Give what the server on `port` answers to the recipient of each pair of source and recipient."""
    answers: dict[tuple[str, str], tuple[int, str]] = {}
    for family, host in HOST.items():
        named = [",".join(pair) for pair in pairs if (":" in pair[0]) == (family == 6)]
        command = [*front.prefix, sys.executable, "-m", "tests.support.knocking", host, str(port), *named]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=4 * SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            answers[answer["source"], answer["recipient"]] = answer["code"], answer["text"]
    return answers


# A client whose look-up comes after the greeting's wait passes; none is remembered for longer than a second.
_MAIN_CF = f"""
inet_interfaces = {HOST[4]}, {HOST[6]}
inet_protocols = all
relay_domains = example.com
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
maps_rbl_reject_code = 550
postscreen_greet_wait = 3s
postscreen_greet_action = enforce
postscreen_dnsbl_action = enforce
postscreen_dnsbl_sites = {LIST_ZONE}
postscreen_dnsbl_threshold = 1
postscreen_dnsbl_min_ttl = 1s
postscreen_dnsbl_max_ttl = 1s
postscreen_cache_map = internal:postscreen
"""
_MASTER_CF = """
{port} inet n - n - 1 {service}
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
"""


class FrontPostfix:
    """Postfix on `port` of `front`, as `service`: smtpd or postscreen."""

    def __init__(self, folder: Path, front: Machine, port: int, *settings: str, service: str = "smtpd") -> None:
        self._postfix = postfix = Postfix(folder, port, "example.com", "smtp:[127.0.0.1]:9")
        postfix.prefix = [*front.prefix, *with_resolver(folder), *postfix.prefix]
        main, master = folder / "etc/main.cf", folder / "etc/master.cf"
        own = _MAIN_CF + "\n".join(settings) + "\n"
        names = tuple(f"{line.partition(' ')[0]} =" for line in own.splitlines() if line[:1].strip())
        main.write_text(
            "".join(f"{line}\n" for line in main.read_text().splitlines() if not line.startswith(names)) + own
        )
        lines = master.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("127.0.0.1:")]
        master.write_text("\n".join(kept) + _MASTER_CF.format(port=port, service=service))
        self.running = postfix.running

    def run(self, program: str, *arguments: str) -> str:
        """Run one of Postfix's own commands and give what it says."""
        postfix = self._postfix
        command = [*postfix.prefix, str(postfix.root / "usr/sbin" / program), "-c", str(postfix.folder / "etc")]
        done = subprocess.run(
            [*command, *arguments],
            env=postfix.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    @property
    def log(self) -> str:
        return self._postfix.log


class FrontExim:
    """Exim that talks to a make-believe client: `-bh`."""

    def __init__(self, folder: Path, front: Machine, settings: str) -> None:
        exim = Exim(folder, 25)
        libraries = next(
            line.partition("LD_LIBRARY_PATH=")[2]
            for line in (folder / "exim.conf").read_text().splitlines()
            if "LD_LIBRARY_PATH" in line
        )
        self._environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libraries}
        (folder / "exim.conf").write_text(settings)
        prefix = [*front.prefix, *with_resolver(folder), *exim.prefix]
        self._command = [*prefix, str(exim.root / "usr/sbin/exim4"), "-C", str(folder / "exim.conf")]

    def ask(self, source: str, recipient: str) -> str:
        """Give Exim's answer to RCPT; a long one takes several lines."""
        dialogue = f"EHLO mail.client.example\r\nMAIL FROM:<>\r\nRCPT TO:<{recipient}>\r\nQUIT\r\n"
        done = subprocess.run(
            [*self._command, "-bh", source],
            input=dialogue,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stdout.splitlines() if line[:4] not in ("220 ", "221 ")]
        ends = [number for number, line in enumerate(lines) if line[3:4] == " "]
        reply = lines[ends[-2] + 1 :]
        code = reply[0].replace("-", " ", 1)
        return " ".join([code, *(line[len("550 5.7.1 ") :] for line in reply[1:])])


_SENDMAIL_MC = """\
include(`{cf}/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx.example.com')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`STATUS_FILE', `{folder}/status')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
define(`confTO_IDENT', `0')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath')dnl
define(`confUSERDB_SPEC', `')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Addr={v4}, Port={port}, Name=MTA')dnl
DAEMON_OPTIONS(`Family=inet6, Addr={v6}, Port={port}, Name=MTA6')dnl
RELAY_DOMAIN(`example.com')dnl
{features}
MAILER(`smtp')dnl
"""


class FrontSendmail:
    """Sendmail on `port` of `front`, with an access database made of `access`."""

    def __init__(self, folder: Path, front: Machine, port: int, access: str, features: str) -> None:
        root = PROJECT / ".tools/sendmail/usr"
        cf = root / "share/sendmail/cf"
        folder.chmod(0o755)
        (folder / "queue").mkdir(mode=0o700)
        given = {"cf": cf, "folder": folder, "v4": HOST[4], "v6": HOST[6], "port": port}
        text = _SENDMAIL_MC.format(features=features.format(folder=folder), **given)
        (folder / "sendmail.mc").write_text(text)
        program = root / "libexec/sendmail/sendmail"
        program.chmod(0o755)  # with its set-group-id bit it would not look for libraries where they were unpacked
        libraries = ":".join(map(str, root.glob("lib/*-linux-gnu")))
        self._environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libraries}
        m4, environment = find_program("m4", "sendmail")
        made = subprocess.run(
            [m4, f"-D_CF_DIR_={cf}/", folder / "sendmail.mc"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        self.config = folder / "sendmail.cf"
        self.config.write_text(made.stdout)
        self.access = folder / "access"
        self._makemap = [str(root / "libexec/sendmail/makemap"), "-C", str(self.config), "hash", str(self.access)]
        self._daemon = [*front.prefix, *with_resolver(folder), str(program)]
        self._log = folder / "sendmail.log"
        self.load(access)

    def load(self, access: str) -> None:
        """Make the database of the text `access`."""
        done = subprocess.run(
            self._makemap,
            input=access,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        complaints = [line for line in done.stderr.splitlines() if "World writable directory /tmp" not in line]
        assert (done.returncode, complaints) == (0, [])

    @contextmanager
    def running(self) -> Iterator["FrontSendmail"]:
        """Run Sendmail until the block ends."""
        command = [*self._daemon, f"-C{self.config}", "-bD", "-q1h"]
        with serving(command, self._log, self._environment):
            yield self
