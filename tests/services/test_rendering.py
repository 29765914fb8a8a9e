from dataclasses import replace
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import pytest

from responder.domain.outbound import Kind
from responder.domain.plea import Cause, Certainty, Software
from responder.services.header_fields import CompositionError
from responder.services.rendering import MAX_MESSAGE_BYTES, MAX_TEXT_BYTES, Blocklist, Organization
from responder.services.samples import SAMPLES
from tests.support.answers import (
    BLOCKLISTS,
    IDENTITY,
    guide_source,
    make_renderer,
    parts,
    read,
    shown,
    source,
    words,
    write_library,
)
from tests.support.golden import FOLDER, golden_messages

DYNAMIC = SAMPLES["dynamic"]
GOLDEN = golden_messages()
LOCALES = ("en", "de", "es", "fr")
ANSWERS = [name for name, letter in SAMPLES.items() if letter.template == "answer"]
AUTO_SUBMITTED = {
    Kind.REPLY: "auto-replied",
    Kind.NOTICE: "auto-generated",
    Kind.WARNING: "auto-generated",
    Kind.QUESTION: None,
}
GUIDE = guide_source("Steps for {{ organization.name }}.\n", software='["exchange 2003"]')


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_messages(name):
    assert GOLDEN[name] == (FOLDER / name).read_bytes(), "see tests/support/golden.py"


def test_no_golden_message_is_left_over():
    found = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()}

    assert found == set(GOLDEN)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_gives_a_sound_message(name, locale):
    letter = replace(SAMPLES[name], locale=locale)

    rendered = make_renderer().render(letter)

    message, found = read(rendered.content), parts(rendered.content)
    assert (rendered.problem, rendered.template, rendered.locale) == (None, letter.template, locale)
    assert not message.defects
    assert message["Content-Language"] == locale
    assert message["Auto-Submitted"] == AUTO_SUBMITTED[letter.kind]
    assert message["To"] == letter.recipient
    assert message["Message-ID"] == letter.message_id
    assert parsedate_to_datetime(message["Date"]) == letter.date
    assert letter.reference in words(found["plain"])
    assert letter.reference in shown(found["html"])
    assert letter.quoted_subject is not None or letter.reference in message["Subject"]
    assert len(found["plain"].encode()) <= MAX_TEXT_BYTES
    assert len(rendered.content) <= MAX_MESSAGE_BYTES
    assert max(map(len, rendered.content.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_fits_a_terminal(name, locale):
    text = parts(make_renderer().render(replace(SAMPLES[name], locale=locale)).content)["plain"]

    assert not [
        line for line in text.splitlines() if len(line) > 72 and not line.startswith(("Get-SendConnector", "  -"))
    ]
    assert "\n\n\n\n" not in text
    assert not text.startswith("\n")
    assert text.endswith("\n")


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("locale", LOCALES)
def test_the_refused_address_is_named(name, locale):
    letter = replace(SAMPLES[name], locale=locale)

    text = words(parts(make_renderer().render(letter).content)["plain"])

    assert letter.address is None or str(letter.address) in text


@pytest.mark.parametrize("name", ANSWERS)
def test_the_parts_say_the_same_in_the_same_order(name):
    letter = SAMPLES[name]
    found = parts(make_renderer().render(letter).content)
    headings = ["What to do now", "The blocklists that ", "Method 1: a static address", "Method 2: a smart host"]
    headings.append("A mail program, but no server?")

    for part in (words(found["plain"]), shown(found["html"])):
        places = [part.index(letter.reference), *(part.index(heading) for heading in headings)]
        assert places == sorted(places)


def test_the_own_guide_comes_first_under_its_own_heading():
    found = parts(make_renderer().render(DYNAMIC).content)

    for part in (words(found["plain"]), shown(found["html"])):
        own = part.index("Your server: Exchange Server 2003 and Exchange 2000 Server")
        steps = part.index("Right-click")
        others = part.index("Other servers")
        assert own < steps < others < part.index("Exchange Management Console") < part.index("Any other mail server")
        assert "you run Microsoft Exchange Server 2003" in part
        assert part.count("Exchange System Manager") == 1


def test_without_known_software_the_reader_chooses():
    text = words(parts(make_renderer().render(SAMPLES["no-refusal"]).content)["plain"])

    assert "Your server:" not in text
    assert "Other servers" not in text
    assert text.index("The steps for your server") < text.index("Exchange Management Console")


def test_software_that_only_seems_so_is_not_claimed():
    letter = replace(DYNAMIC, software=Software("exchange", "2003", None, Certainty.LIKELY, "x"))

    assert "you probably run Microsoft Exchange Server 2003" in words(
        parts(make_renderer().render(letter).content)["plain"]
    )


CAUSES = {
    Cause.DYNAMIC: "looks dynamically assigned",
    Cause.LISTED: "is on a blocklist because unwanted mail came from it",
    Cause.NO_REVERSE_NAME: "has no reverse name (PTR record)",
    Cause.AUTHENTICATION: "SPF, DKIM or DMARC",
    Cause.CONTENT: "about the message itself",
    Cause.RATE: "too much mail came in too short a time",
    Cause.OTHER: "gives another reason than a dynamic address",
    None: "We could not find the refusal in your message",
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_has_its_own_opening(cause):
    text = words(parts(make_renderer().render(replace(DYNAMIC, cause=cause)).content)["plain"])
    opening = text.partition("What to do now")[0]

    assert [words for words in CAUSES.values() if words in opening] == (
        [CAUSES[cause]] if cause else [CAUSES[Cause.DYNAMIC], CAUSES[None]]
    )
    assert ("An exemption from our check" in opening or "an exemption from" in opening) == (
        cause not in {Cause.DYNAMIC, None}
    )


@pytest.mark.parametrize("cause", [*Cause, None])
def test_a_block_of_somebody_else_is_named_and_not_promised_away(cause):
    letter = replace(DYNAMIC, cause=cause, ours=False, refused_by="mx.example.net")

    text = words(parts(make_renderer().render(letter).content)["plain"])

    assert "Your mail was refused by mx.example.net, which is not a server of Example Organisation." in text
    assert "We cannot lift that block." in text
    assert "If it is approved" not in text
    assert "Right-click *Connectors*" in text


def test_a_server_that_may_be_ours_is_named():
    text = words(parts(make_renderer().render(replace(DYNAMIC, ours=None)).content)["plain"])

    assert "calls itself mx.example.com" in text
    assert "Our mail server refused" not in text


def test_who_does_not_tell_the_address_is_told_what_to_send():
    text = words(parts(make_renderer().render(SAMPLES["address-unknown"]).content)["plain"])

    assert "We could not find the address of your server in your message." in text
    assert "as text and not as a picture" in text
    assert "the line with the number 550 or 5.7.1" in text


def test_each_blocklist_is_named_with_its_ways():
    found = parts(make_renderer().render(DYNAMIC).content)

    assert "- Spamhaus PBL, kept by Spamhaus\n  Look-up and removal: <https://check.spamhaus.org/>\n" in found["plain"]
    assert "  Contact: <removal@lists.example.net>\n" in found["plain"]
    assert 'href="https://lists.example.net/?remove=a&amp;b"' in found["html"]
    assert 'href="mailto:removal@lists.example.net"' in found["html"]


def test_without_blocklists_nothing_is_said_of_them():
    text = parts(make_renderer(blocklists=()).render(DYNAMIC).content)["plain"]

    assert "The blocklists that we use" not in text


def test_the_html_is_one_document_that_needs_nothing_else():
    html = parts(make_renderer().render(DYNAMIC).content)["html"]

    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.seen = [], {}

        def handle_starttag(self, tag, attrs):
            self.seen.setdefault(tag, []).append(dict(attrs))
            if tag not in {"meta", "br", "hr"}:
                self.open.append(tag)

        def handle_startendtag(self, tag, attrs):
            self.handle_starttag(tag, attrs)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    assert reader.seen["html"] == [{"lang": "en"}]
    assert not reader.seen.keys() & {"img", "script", "link", "iframe", "form", "object"}
    assert "url(" not in html
    assert "@import" not in html
    assert {"charset": "utf-8"} in reader.seen["meta"]


HOSTILE = 'Ex *am* <b>ple</b> "&" [x](javascript:y) {{ 7*7 }} `q` \\ _z_'


def test_hostile_settings_stay_literal():
    organization = Organization(HOSTILE, "example.com", "postmaster@example.com", "javascript:alert(1)")
    blocklists = (Blocklist(HOSTILE, HOSTILE + "2", "javascript:alert(2)", HOSTILE),)

    found = parts(make_renderer(organization=organization, blocklists=blocklists).render(DYNAMIC).content)

    assert f"- {HOSTILE}, kept by" in words(found["plain"])
    assert HOSTILE in shown(found["html"])
    assert "<b>" not in found["html"]
    assert 'href="javascript' not in found["html"]


def test_what_a_stranger_wrote_never_reaches_the_answer():
    marker = "MARKER"
    letter = replace(
        DYNAMIC,
        refused_by=f"{marker} visit www.example.net",
        software=Software("other", f"{marker}1", f"{marker}2", Certainty.CERTAIN, f"{marker}3"),
        in_reply_to=f"<{marker} x@example.org>",
        references=(f"{marker}",),
    )

    assert marker.encode() not in make_renderer().render(letter).content


def test_only_the_sender_who_is_to_be_quoted_is_quoted():
    letter = replace(DYNAMIC, quoted_subject="Auto: a\r\nBcc: victim@example.net\r\n\r\nbody")

    message = read(make_renderer().render(letter).content)

    assert message["Subject"] == "Auto: a Bcc: victim@example.net body"
    assert message["Bcc"] is None


def test_an_answer_leads_back_to_its_request():
    assert read(make_renderer().render(DYNAMIC).content)["Reply-To"] == "bypass+r-q7m2k9x4c1v8b3n6@example.com"
    plain = replace(IDENTITY, plus_addressing=False)
    assert read(make_renderer(identity=plain).render(DYNAMIC).content)["Reply-To"] is None


def test_html_can_be_left_out():
    message = read(make_renderer(html=False).render(DYNAMIC).content)

    assert message.get_content_type() == "text/plain"


def test_a_broken_template_gives_way_to_the_next_locale(tmp_path):
    write_library(tmp_path, answer=source("in English {{ reference }}\n"))
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "answer.md").write_text(source("x\n{{ refrence }}"), encoding="utf-8")
    renderer = make_renderer(write_library(tmp_path))

    rendered = renderer.render(replace(DYNAMIC, locale="de", guides=()))

    assert rendered.locale == "en"
    assert rendered.problem == "de/answer, line 6: 'refrence' is not a variable; did you mean 'reference'?"
    assert "in English 9K3QF-2M7XA" in parts(rendered.content)["plain"]
    assert read(rendered.content)["Content-Language"] == "en"


@pytest.mark.parametrize(
    "body",
    ["{{ nothing }}", "{% if %}", "{{ organization.nothing }}", "{{ networks }}", "[x](https://{{ reference }}/)"],
)
def test_without_a_template_that_works_the_sender_still_gets_an_answer(tmp_path, body):
    rendered = make_renderer(write_library(tmp_path, answer=source(body))).render(DYNAMIC)

    message = read(rendered.content)
    assert rendered.template == "fallback"
    assert "en/answer" in rendered.problem
    assert "9K3QF-2M7XA" in message["Subject"]
    assert "9K3QF-2M7XA" in message.get_content()
    assert "smart host" in message.get_content()
    assert max(map(len, message.get_content().splitlines())) <= 80


def test_a_missing_template_is_told(tmp_path):
    rendered = make_renderer(write_library(tmp_path)).render(DYNAMIC)

    assert (rendered.template, rendered.problem) == ("fallback", "there is no template 'answer'")


def test_a_broken_or_missing_guide_is_left_out_and_told(tmp_path):
    library = write_library(
        tmp_path,
        answer=source("{% for guide in other_guides %}\n## {{ guide.title }}\n\n{{ guide.body }}\n\n{% endfor %}"),
        guides__good=GUIDE,
        guides__bad=guide_source("a\n\n{{ reference }}"),
    )

    rendered = make_renderer(library).render(replace(DYNAMIC, software=None, guides=("bad", "gone", "good")))

    assert "Steps for Example Organisation." in parts(rendered.content)["plain"]
    assert rendered.problem == (
        "en/guides/bad, line 7: 'reference' is not a variable; there is no template 'guides/gone'"
    )


def test_a_guide_stands_where_the_template_puts_it(tmp_path):
    library = write_library(tmp_path, answer=source("before\n\n{{ own_guide.body }}\n\nafter\n"), guides__good=GUIDE)

    found = parts(make_renderer(library).render(replace(DYNAMIC, guides=("good",))).content)

    assert found["plain"] == "before\n\nSteps for Example Organisation.\n\nafter\n"
    assert shown(found["html"]) == "before Steps for Example Organisation. after"


def test_guides_that_make_the_answer_too_large_are_left_out_from_the_end(tmp_path):
    body = source("{{ reference }}\n\n{% for guide in other_guides %}\n{{ guide.body }}\n\n{% endfor %}")
    large = guide_source("word " * 2000)
    library = write_library(tmp_path, answer=body, guides__a=large, guides__b=large, guides__c=large)

    rendered = make_renderer(library).render(replace(DYNAMIC, software=None, guides=("a", "b", "c")))

    assert len(rendered.content) <= MAX_MESSAGE_BYTES
    assert len(parts(rendered.content)["plain"].encode()) <= MAX_TEXT_BYTES
    assert rendered.template == "answer"
    assert rendered.problem == "too large, left out c"


def test_a_template_too_large_by_itself_falls_back(tmp_path):
    rendered = make_renderer(write_library(tmp_path, answer=source("word " * 6000))).render(DYNAMIC)

    assert rendered.template == "fallback"
    assert "over 24,576 bytes" in rendered.problem


def test_a_text_with_what_markdown_eats_arrives_as_written(tmp_path):
    literals = ["*", "[192.0.2.25]", "<DOMAIN>", "a_b_c"]
    library = write_library(tmp_path, answer=source("type * and [192.0.2.25] <DOMAIN> a_b_c\n\n```\n.\nFrom x\n```\n"))

    content = make_renderer(library).render(DYNAMIC).content

    for part in (parts(content)["plain"], shown(parts(content)["html"])):
        assert all(literal in part for literal in literals)
    assert parts(content)["plain"].endswith("\n\n.\nFrom x\n")
    assert "\n.\nFrom x\n" in parts(content)["html"].replace("<pre><code>", "\n")
    assert b"\r\n.\r\n" not in content


def test_the_same_letter_gives_the_same_bytes():
    assert make_renderer().render(DYNAMIC).content == make_renderer().render(DYNAMIC).content


def test_an_impossible_recipient_is_refused_whatever_the_template():
    with pytest.raises(CompositionError):
        make_renderer().render(replace(DYNAMIC, recipient="a@b\r\nBcc: c@d"))


def test_a_name_beyond_ascii_makes_both_parts_encoded():
    organization = Organization("Universität Köln", "example.com", "postmaster@example.com")

    rendered = make_renderer(organization=organization, sender="Hilfe für Köln <bypass@example.com>").render(DYNAMIC)

    assert rendered.problem is None
    assert rendered.content.isascii()
    assert "Universität Köln" in parts(rendered.content)["plain"]
    assert read(rendered.content)["From"].addresses[0].display_name == "Hilfe für Köln"
    assert len(rendered.content) <= MAX_MESSAGE_BYTES


def test_a_notice_is_marked_as_one():
    message = read(make_renderer().render(replace(DYNAMIC, kind=Kind.NOTICE)).content)

    assert (message["Auto-Submitted"], message["Precedence"]) == ("auto-generated", None)


def test_the_renderer_knows_its_blocklists_by_name_only():
    assert not {"zone", "codes"} & set(Blocklist.__slots__)
    assert len(BLOCKLISTS) == 2
