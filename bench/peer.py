"""The peer: Postfix that hands to Dovecot LMTP, whose Sieve vacation answers.

Dovecot answers each sender once, as the service does; the load uses a new sender for each message. The text of its
answer is the service's own, so both send the same number of octets. Dovecot hands the answer straight to the sink, or
to Postfix again, whose queue then holds it until the sink has it.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.mta import Postfix
from tests.support.ports import free_port

BOX = "bypass@vacation.example"
_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = no
hostname = mx.vacation.example
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@vacation.example
}}
plugin {{
  sieve = file:{folder}/home/sieve;active={folder}/home/active.sieve
}}
submission_host = 127.0.0.1:{submission}
"""
_SIEVE = """require ["vacation"];
vacation :days 1 :addresses ["{box}"] :subject "Re: your request" :mime text:
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="=-bench"

--=-bench
Content-Type: text/plain; charset=utf-8

{text}
--=-bench
Content-Type: text/html; charset=utf-8

{html}
--=-bench--
.
;
"""


def missing() -> list[str]:
    """Give the programs that the peer needs and this machine does not have."""
    return [name for name in ("postfix", "dovecot", "sievec") if not shutil.which(name, path="/usr/sbin:/usr/bin")]


@contextmanager
def vacation(folder: Path, sink: int, *, text: str, html: str, is_queued: bool) -> Iterator[int]:
    """Run the peer until the block ends and give the loopback port on which it takes mail for `BOX`.

    Args:
        folder: where its files lie.
        sink: the port to which answers go.
        text: the text part of the answer.
        html: its HTML part.
        is_queued: the answer goes through the queue of Postfix.
    """
    folder.mkdir()
    folder.chmod(0o755)
    listen, lmtp = free_port(), free_port()
    home = folder / "home"
    for name in ("run", "state", "home"):
        (folder / name).mkdir()
    submission = listen if is_queued else sink
    (folder / "dovecot.conf").write_text(_DOVECOT.format(folder=folder, lmtp=lmtp, submission=submission))
    quoted = [part.replace("\n.", "\n..") for part in (text, html)]
    (home / "active.sieve").write_text(_SIEVE.format(box=BOX, text=quoted[0], html=quoted[1]))
    subprocess.run(["sievec", "-c", folder / "dovecot.conf", home / "active.sieve"], check=True)
    for path in (home, *home.iterdir()):
        shutil.chown(path, "nobody", "nogroup")
    dovecot = subprocess.Popen(
        ["dovecot", "-F", "-c", str(folder / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        (folder / "postfix").mkdir()
        domain = BOX.partition("@")[2]
        postfix = Postfix(folder / "postfix", listen, domain, f"lmtp:inet:127.0.0.1:{lmtp}")
        with (folder / "postfix/etc/main.cf").open("a") as settings:
            settings.write(f"default_transport = bypass:[127.0.0.1]:{sink}\n")
        with postfix.running():
            time.sleep(1)
            yield listen
    finally:
        dovecot.terminate()
        dovecot.wait(10)
