"""The guides of the answer are complete: every step and label that Microsoft's article 886692 tells, in its order.

Where the article is wrong about its product, the list follows the product: Send connectors belong to the organisation,
and the check box for public folder referrals is on the General tab.
"""

import pytest

from responder.services.library import Library
from responder.services.samples import SAMPLES
from tests.support.answers import make_renderer, parts, shown, words

LABELS = {
    "exchange-2007": (
        "Exchange Management Console",
        "Organization Configuration",
        "Hub Transport",
        "Hub Transport pane",
        "Send Connectors",
        "New Send Connector",
        "Actions pane",
        "Introduction page",
        "Name box",
        "Select the intended use for this Send connector",
        "Internet",
        "Next",
        "Address Space page",
        "Add",
        "Add Address Space dialog box",
        "(*)",
        "Include all subdomains",
        "OK",
        "Note: the list now shows one entry of the type SMTP that stands for all domains (*)",
        "Next",
        "Network settings page",
        "Route mail through the following smart hosts",
        "Add",
        "Add smart host dialog box",
        "IP address or",
        "Fully qualified domain name (FQDN)",
        "SMARTHOST",
        "OK",
        "Note: your provider tells you this address or name",
        "Next",
        "Configure smart host authentication settings",
        "Basic Authentication",
        "login that your provider gave you",
        "Basic Authentication over TLS",
        "Next",
        "Source Server page",
        "Add",
        "Hub Transport servers",
        "Note: the wizard has already entered a Hub Transport server",
        "Next",
        "New Connector page",
        "New",
        "Completion page",
        "Finish",
        "Exchange Management Shell",
        'Set-SendConnector "Internet via provider" -Port 587',
        "BasicAuthRequireTLS",
        "TLS 1.2",
    ),
    "exchange-2003-2000": (
        "Exchange System Manager",
        "If administrative groups are enabled",
        "Administrative Groups",
        "If routing groups are enabled",
        "Routing Groups",
        "Right-click Connectors",
        "New",
        "SMTP Connector",
        "General tab",
        "Name box",
        "Forward all mail through this connector to the following smart hosts",
        "SMARTHOST",
        "Note: an IP address must stand in square brackets",
        "[192.0.2.25]",
        "Add",
        "SMTP virtual server",
        "OK",
        "several Exchange servers",
        "SMTP virtual server instances",
        "Default SMTP Virtual Server",
        "General tab",
        "Do not allow public folder referrals",
        "Address Space tab",
        "Add",
        "SMTP",
        "OK",
        "asterisk (*)",
        "E-mail domain box",
        "leave 1 in the Cost box",
        "OK",
        "If your provider wants a login",
        "Advanced tab",
        "Outbound Security",
        "Basic authentication",
        "TLS encryption",
        "OK two times",
        "Start",
        "Run",
        "services.msc",
        "OK",
        "Microsoft Exchange Routing Engine",
        "Restart",
        "Simple Mail Transfer Protocol (SMTP)",
        "Restart",
        "Outbound connections",
        "TCP port",
        "TLS 1.0",
    ),
    "exchange-5.5": (
        "Microsoft Exchange Administrator program",
        "Expand your site",
        "Configuration",
        "Connections",
        "In the right pane double-click",
        "Internet Mail Service (ServerName)",
        "Connections tab",
        "Forward all messages to host",
        "Forward all messages to host",
        "SMARTHOST",
        "Note: an IP address must stand in square brackets",
        "[192.0.2.25]",
        "OK",
        "The Microsoft Exchange Internet Mail Service must be restarted for your changes to take effect.",
        "Stop and start the Internet Mail Service using the Services icon in Windows NT Control Panel.",
        "OK",
        "Restart the Internet Mail Service",
        "Start",
        "Settings",
        "Control Panel",
        "Services",
        "Microsoft Exchange Internet Mail Service",
        "Stop",
        "Are you sure you want to stop the Microsoft Exchange Internet Mail Service service?",
        "Yes",
        "Microsoft Exchange Internet Mail Service",
        "Start",
        "Note: there are several versions of Windows",
        "encrypts nothing",
    ),
    "generic": (
        "smart host",
        "smarthost",
        "relay host",
        "mail relay",
        "upstream server",
        "forwarder",
        "next hop",
        "route all mail through",
        "ISP mail server",
        "outbound gateway",
        "SMARTHOST",
        "587",
        "STARTTLS",
        "USER",
        "PASS",
        "try direct delivery first",
        "relayhost = [SMARTHOST]:587",
        "mynetworks",
    ),
}
TITLES = {
    template.name.removeprefix("guides/"): template.title for template in Library().templates if template.is_guide
}


def both_parts(sample):
    found = parts(make_renderer().render(SAMPLES[sample]).content)
    return {"text": words(found["plain"].replace("*", "")), "html": shown(found["html"]).replace("*", "")}


@pytest.mark.parametrize("part", ["text", "html"])
@pytest.mark.parametrize("key", LABELS)
def test_every_label_of_every_guide_is_in_both_parts_in_order(key, part):
    answer = both_parts("no-refusal")[part]
    others = [answer.find(title) for other, title in TITLES.items() if other != key]
    start = answer.index(TITLES[key])
    guide = answer[start : min((place for place in others if place > start), default=len(answer))]

    at = 0
    for label in LABELS[key]:
        wanted = label.replace("*", "")
        assert wanted in guide[at:], f"{label!r} is missing, or stands before what it should follow"
        at = guide.index(wanted, at) + len(wanted)


@pytest.mark.parametrize("part", ["text", "html"])
def test_what_to_ask_the_provider_is_in_both_parts(part):
    answer = both_parts("dynamic")[part]
    asked = answer.partition("Ask your provider first")[2].partition("Your server:")[0]

    for fact in (
        "name of the mail server for outgoing mail",
        "Which port",
        "587 with STARTTLS",
        "465 is encrypted from the first byte",
        "25 is often closed",
        "login",
        "from your domain, and from every other domain",
        "Never let your server send a password over a connection that is not encrypted",
        "SPF record",
        "Received:",
    ):
        assert fact in asked


def test_steps_are_numbered_in_both_parts():
    found = parts(make_renderer().render(SAMPLES["dynamic"]).content)

    assert "\n13. Restart two services" in found["plain"]
    assert "\n    3. Right-click *Simple Mail" in found["plain"]
    assert found["html"].count("<ol>") == found["plain"].count("\n1. ") + found["plain"].count(" 1. ")
