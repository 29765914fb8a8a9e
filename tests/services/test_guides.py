"""The guides of the answer are complete: every step and label that Microsoft's article 886692 tells, in its order.

Where the article is wrong about its product, the list follows the product: Send connectors belong to the organisation,
and the check box for public folder referrals is on the General tab.
"""

from dataclasses import replace

import pytest

from responder.domain.guides import choose_guides
from responder.domain.plea import Certainty, Software
from responder.domain.products import PRODUCTS
from responder.services.samples import SAMPLES
from responder.services.templates.library import Library
from tests.support.answers import guide_source, make_renderer, parts, shown, source, words, write_library

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
LIBRARY = Library()
GUIDES = LIBRARY.parts("guides/", "en")
TITLES = {key: GUIDES[key].title for key in LABELS}
CONFIGURED = ("exchange-2007", "exchange-2003-2000", "exchange-5.5", "generic")
EXCHANGES = ("4.0", "5.0", "5.5", "2000", "2003", "2007", "2010", "2013", "2016", "2019", "se", "online")


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


def runs(product, version=None, name=None, evidence="a line"):
    return Software(product, version, name, Certainty.CERTAIN, evidence)


FINGERPRINTS = [runs(each.key, name=each.name) for each in PRODUCTS if each.key != "exchange"]
FINGERPRINTS += [runs("exchange", version) for version in (*EXCHANGES, None)]
FINGERPRINTS += [runs("exim", "4.96", evidence="Received: ... with local (Exim 4.96 #2 (Debian))")]


def named(software):
    return "-".join(filter(None, (software.product, software.version, software.name)))


@pytest.mark.parametrize("software", FINGERPRINTS, ids=named)
def test_every_product_that_is_recognised_has_a_guide(software):
    guides = choose_guides(software, CONFIGURED, LIBRARY.guides("en"))

    rendered = make_renderer().render(replace(SAMPLES["ipv6"], software=software, guides=guides))

    text = words(parts(rendered.content)["plain"])
    assert rendered.problem is None, "a guide was left out, so the answer has grown too large"
    assert guides[-1] == "generic"
    if software.product in {"other", "groupwise"}:
        assert guides == CONFIGURED
        assert "Choose your server from the following, or the steps that come closest." in text
    elif software.version is None and software.product == "exchange":
        assert guides == CONFIGURED
    else:
        assert f"Your server: {GUIDES[guides[0]].title}" in text
    assert software.product == "exchange" or "Your message shows that you run " in text


@pytest.mark.parametrize("locale", ["de", "es", "fr"])
@pytest.mark.parametrize("software", FINGERPRINTS, ids=named)
def test_no_answer_in_another_language_is_too_large_for_its_guides(software, locale):
    guides = choose_guides(software, CONFIGURED, LIBRARY.guides(locale))

    rendered = make_renderer().render(replace(SAMPLES["ipv6"], locale=locale, software=software, guides=guides))

    assert (rendered.problem, rendered.locale) == (None, locale)


@pytest.mark.parametrize("key", sorted(GUIDES))
def test_a_guide_is_whole(key):
    """Where the relay is named, how the password stays safe, and how to go back."""
    page = make_renderer().page(GUIDES[key], SAMPLES["dynamic"])

    for part in (words(page.text), shown(f"<body>{page.html}")):
        assert "SMARTHOST" in part
        assert "To go back" in part
        assert any(word in part for word in ("encrypt", "TLS"))
    assert all(len(line) <= 72 for line in page.text.splitlines())


@pytest.mark.parametrize(
    "key", ["exchange-2003-2000", "exchange-2007", "exchange-2010", "exchange-2013-later", "iis-smtp"]
)
def test_guides_for_old_windows_tell_which_encryption_they_know(key):
    text = words(make_renderer().page(GUIDES[key], SAMPLES["dynamic"]).text)

    assert "insists on TLS 1.2" in text
    assert "TLS 1.0" in text


@pytest.mark.parametrize(
    "template",
    [template for template in LIBRARY.templates if template.literals],
    ids=lambda template: f"{template.locale}/{template.name}",
)
def test_literals_stand_unchanged_in_both_parts(template):
    page = make_renderer().page(template, SAMPLES["dynamic"])

    for literal in template.literals:
        assert words(literal) in words(page.text)
        assert words(literal) in shown(f"<body>{page.html.partition('<body>')[2] or page.html}")


def test_a_guide_in_another_language_is_marked_as_such(tmp_path):
    library = write_library(tmp_path, answer=source("{{ own_guide.body }}\n"), guides__good=guide_source("Steps.\n"))
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "answer.md").write_text(
        source(
            "Bonjour\n\n{{ other_guides|length }}\n\n"
            "{% for guide in other_guides %}\n{{ guide.locale }}\n\n{{ guide.body }}\n{% endfor %}\n"
        ),
        encoding="utf-8",
    )
    letter = replace(SAMPLES["dynamic"], locale="fr", guides=("good",), software=None)

    html = parts(make_renderer(Library(tmp_path)).render(letter).content)["html"]

    assert library.problems == ()
    assert '<div lang="en">\n<p>Steps.</p>\n</div>\n' in html
