"""The bypass address in a subdomain of its own (docs/howto/subdomain.md): the sender's server finds it by its MX."""

import email
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.support.dns_servers import nsd
from tests.support.namespaces import wired
from tests.support.root import needs_root
from tests.support.running import running
from tests.support.story import LIST_ZONE, POLICY_PORT, RELAY_PORT, Mx, Sender

MX = "80.90.100.25"
BYPASS_MX = "80.90.100.26"
LISTED = "80.81.82.83"
USER = "user@example.com"
BYPASS = "unblock@bypass.example.com"
ZONE = f"""
@ IN MX 10 mx
mx IN A {MX}
bypass IN MX 10 bypass-mx
bypass-mx IN A {BYPASS_MX}
bypass IN TXT "v=spf1 a:mx.example.com -all"
"""
SETTINGS = {
    "smtp.listen": [f"{BYPASS_MX}:25"],
    "smtp.hostname": "bypass-mx.example.com",
    "smtp.bypass_addresses": [BYPASS],
    "reply.from": f"Mail delivery help <{BYPASS}>",
    "policy.listen": [f"127.0.0.1:{POLICY_PORT}"],
    "web.listen": ["127.0.0.1:8025"],
    "relay.url": f"smtp://127.0.0.1:{RELAY_PORT}",
    "dns.nameservers": ["127.0.0.1:53"],
    "blocklists": [
        {"name": "The dynamic list", "zone": LIST_ZONE, "codes": ["127.0.0.10"], "provider": "Example lists"}
    ],
}

pytestmark = needs_root


def test_the_mx_of_the_subdomain_takes_what_the_mx_of_the_domain_refuses(tmp_path):
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
        here, there = stack.enter_context(wired(MX, LISTED))
        here.add_address(BYPASS_MX)
        there.add_route(BYPASS_MX)
        stack.enter_context(nsd({"example.com": ZONE}, there))
        stack.enter_context(Mx(folders[0], here, there).running(LISTED))
        service = stack.enter_context(running(tmp_path / "service", SETTINGS, prefix=here.prefix))
        sender = Sender(folders[1], there, None)
        stack.enter_context(sender.running())

        refused = sender.send(b"From: admin@client.example\nSubject: first\n\nGood morning.\n", USER)
        assert f"write to {BYPASS} (ref " in re.search(r"550 5\.7\.1 .*", refused)[0]
        plea = email.message.EmailMessage()
        plea["From"], plea["To"], plea["Subject"] = "admin@client.example", BYPASS, "Fwd: our mail is refused"
        plea.set_content("Our address is static, please let us through.\n")
        plea.add_attachment(sender.wait_for("Mail delivery failed"))
        sent = sender.send(plea.as_bytes(), BYPASS)
        assert re.search(rf"=> {BYPASS} .*H=bypass-mx.example.com \[{BYPASS_MX}\].*250 2\.0\.0", sent)

        (request,) = service.rows("queue", "list")
        assert (request["address"], request["client"], request["proof"]) == (LISTED, LISTED, "client")
        answer = sender.wait_for(request["reference"])
        assert (answer["Auto-Submitted"], BYPASS in answer["From"]) == ("auto-replied", True)
