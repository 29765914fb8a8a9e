"""What notices, questions and warnings say, and what an answer says when something is known about the address."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from responder.domain.address import parse_network
from responder.domain.outbound import Kind
from responder.services.letter import LetterDecision, LetterEvidence, LetterListing, letter_context
from responder.services.rendering import MAX_MESSAGE_BYTES
from responder.services.samples import SAMPLES
from responder.services.sandbox import MAX_PASSAGE_CHARACTERS
from responder.services.templates.file import DENY_REASONS
from responder.services.templates.library import Library
from tests.support.answers import make_renderer, parts, read, shown, source, words, write_library

LOCALES = ("en", "de", "es", "fr")
NOTICES = ("approved", "denied", "question", "lapsed", "expiring", "renewed", "revoked")
TYPED = (
    "Is *this* yours: <b>203.0.113.9</b>?\n\n  1. {{ reference }} {% if x %}\n  2. [a](javascript:b) & `c`  d\n"
    "# no heading\nGrüße, 日本"
)
PBL = LetterListing("Spamhaus PBL", "Spamhaus", "https://check.spamhaus.org/", "pbl@example.net", "owner")
DIAL_UP = LetterListing("Dial-up list", "Example Networks", "https://lists.example.net/", entry="list")


def rendered(template, locale="en", kind=Kind.NOTICE, **decision):
    letter = replace(
        SAMPLES["dynamic"],
        kind=kind,
        template=template,
        locale=locale,
        guides=(),
        decision=LetterDecision(**decision),
    )
    return make_renderer().render(letter)


def both_parts(message):
    found = parts(message.content)
    return {"text": words(found["plain"]), "html": shown(found["html"])}


def answer(evidence, **changes):
    letter = replace(SAMPLES["dynamic"], guides=(), evidence=evidence, **changes)
    return words(parts(make_renderer().render(letter).content)["plain"])


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", ["approved", "denied", "question", "expiring", "renewed", "revoked"])
def test_what_a_person_typed_comes_out_unchanged(template, locale):
    message = rendered(template, locale, text=TYPED)

    assert message.problem is None
    for part in both_parts(message).values():
        assert words(TYPED) in part
    found = parts(message.content)
    assert "\n\n  1. {{ reference }} {% if x %}\n  2. [a](javascript:b) & `c`  d\n# no heading\n" in found["plain"]
    assert "<br>\n# no heading<br>\n" in found["html"]
    assert "`c`&nbsp;&nbsp;d<br>" in found["html"]
    assert "<b>" not in found["html"]


@pytest.mark.parametrize("template", ["denied", "revoked"])
def test_the_reason_for_the_sender_comes_out_unchanged(template):
    for part in both_parts(rendered(template, reason=TYPED)).values():
        assert words(TYPED) in part


def test_what_hides_or_reorders_text_is_taken_out_of_what_was_typed():
    text = parts(rendered("question", text="a\x00b\u202ec\u200bd\r\ne\x1b[1mf").content)["plain"]

    assert "\na b c d\ne [1mf\n" in text


def test_a_long_text_still_leaves_if_need_be_without_html():
    typed = "日" * (MAX_PASSAGE_CHARACTERS - 2) + " x"

    message = rendered("question", text=typed)

    assert len(message.content) <= MAX_MESSAGE_BYTES
    assert message.template == "question"
    assert message.problem == "too large, left out the HTML part"
    assert read(message.content).get_content_type() == "text/plain"
    assert typed in words(read(message.content).get_content())


@pytest.mark.parametrize("locale", LOCALES)
def test_an_approval_says_what_to_do_now(locale):
    network, day = parse_network("203.0.113.8/29"), datetime(2025, 3, 4, 9, tzinfo=UTC)

    for part in both_parts(rendered("approved", locale, network=network, expires_at=day)).values():
        assert "203.0.113.8/29" in part
        assert "2025-03-04" in part
        again = {"en": "has not been delivered", "de": "ist nicht zugestellt", "es": "no se ha entregado"}
        assert again.get(locale, "n'a pas été remis") in part


def test_the_day_is_that_of_utc():
    day = datetime(2025, 3, 5, 1, tzinfo=timezone(timedelta(hours=2)))
    letter = replace(SAMPLES["approved"], decision=LetterDecision(expires_at=day))

    assert letter_context(letter)["expires_at"] == "2025-03-04"


def test_deny_reasons_stand_in_their_order_each_in_the_best_language():
    reasons = ("use-smart-host", "dynamic")

    for part in both_parts(rendered("denied", "de", paragraphs=reasons)).values():
        assert part.index("hat für genau diesen Zweck einen Mailserver") < part.index("dynamisch vergibt")


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("key", Library().parts(DENY_REASONS, "en"))
def test_each_deny_reason_can_be_given(key, locale):
    message = rendered("denied", locale, paragraphs=(key,))

    reason = Library().parts(DENY_REASONS, locale)[key]
    assert reason.locale == locale
    assert reason.title
    assert message.problem is None
    assert len(message.content) > len(rendered("denied", locale).content) + 200


def test_a_deny_reason_that_is_gone_is_left_out_and_told():
    message = rendered("denied", paragraphs=("gone", "dynamic"))

    assert message.problem == "there is no template 'deny-reasons/gone'"
    assert "assigns dynamically" in both_parts(message)["text"]


@pytest.mark.parametrize(
    ("kind", "automatic"), [(Kind.NOTICE, "auto-generated"), (Kind.WARNING, "auto-generated"), (Kind.QUESTION, None)]
)
def test_only_what_no_person_typed_says_that_it_is_automatic(kind, automatic):
    message = read(rendered("question", kind=kind, text="x").content)

    assert (message["Auto-Submitted"], message["Precedence"]) == (automatic, None)


@pytest.mark.parametrize("template", NOTICES)
def test_without_a_template_a_decision_is_still_told(tmp_path, template):
    library = write_library(tmp_path, **{template: source("{{ nothing }}")})
    decision = LetterDecision(parse_network("203.0.113.9"), datetime(2025, 3, 4, tzinfo=UTC), "R {e}", (), "T\n{f} x")
    letter = replace(SAMPLES["dynamic"], kind=Kind.NOTICE, template=template, decision=decision)

    message = make_renderer(library).render(letter)

    text = read(message.content).get_content().replace("\r\n", "\n")
    assert message.template == "fallback"
    assert f"en/{template}" in message.problem
    for fact in ("203.0.113.9", "2025-03-04", "R {e}", "T\n{f} x", "9K3QF-2M7XA", template):
        assert fact in text
    assert "smart host" not in text


def test_the_list_that_has_the_address_comes_first_with_who_can_take_it_out():
    text = answer(LetterEvidence((PBL, DIAL_UP)))

    listed = text.partition("The blocklists that have your address")[2].partition("Method 1")[0]
    assert listed.index("<https://check.spamhaus.org/>") < listed.index("Ask your provider to take your address out")
    assert listed.index("pbl@example.net") < listed.index("Dial-up list")
    assert "Ask there to have it removed" in listed.partition("Dial-up list")[2]
    assert "The blocklists that we use" not in text


def test_who_made_an_entry_is_not_guessed():
    text = answer(LetterEvidence((replace(PBL, entry="unknown"),)))

    assert "This entry was made" not in text


def test_a_reverse_name_is_shown_and_judged_only_as_far_as_it_is_known():
    name = "dsl-9.example.net"

    assert f"The reverse name of this address is {name}. It looks as if" in answer(LetterEvidence((), name, True))
    assert "looks as if" not in answer(LetterEvidence((), name, None))
    assert "looks as if" not in answer(LetterEvidence((), name, False))
    assert "; yours, dsl-9.example.net, looks like that." in answer(LetterEvidence((), name, True))


def test_a_reverse_name_that_is_no_host_name_is_not_shown():
    assert "buy now" not in answer(LetterEvidence((), "buy now at example.net", True))
    assert "reverse name of this address" not in answer(LetterEvidence((), "x\r\nBcc: y", True))


def test_who_is_refused_no_longer_is_told_to_send_again():
    assert "Please send your mail once more." in answer(LetterEvidence(advice="not-refused-now"))


@pytest.mark.parametrize("locale", LOCALES)
def test_when_nothing_is_known_the_answer_says_no_more_than_without_looking(locale):
    letter = replace(SAMPLES["dynamic"], locale=locale)
    plain = make_renderer().render(letter).content

    assert make_renderer().render(replace(letter, evidence=LetterEvidence())).content == plain
    assert make_renderer().render(replace(letter, evidence=LetterEvidence(advice="unclear"))).content == plain
    assert make_renderer().render(replace(letter, evidence=LetterEvidence(advice="static"))).content == plain


def test_a_provider_is_asked_for_what_shows_the_range_to_be_static():
    text = words(parts(make_renderer().render(SAMPLES["provider-listed"]).content)["plain"])

    for fact in ("198.51.100.0/24", "RIPE NCC, ARIN, APNIC, LACNIC or AFRINIC", "Reverse names", "contact for abuse"):
        assert fact in text
    assert "kept by the owner of the network" in text
    assert "cust-7.example.net" in text
    assert "Exchange" not in text
