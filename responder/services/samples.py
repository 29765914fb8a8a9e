"""Sample letters of every kind: what templates are checked with before anybody gets them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from responder.domain.address import parse_ip, parse_network
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software
from responder.services.letter import Letter, LetterDecision, LetterEvidence, LetterListing

_GUIDES = ("exchange-2007", "exchange-2003-2000", "exchange-5.5", "generic")
_EXCHANGE_2003 = Software("exchange", "2003", None, Certainty.CERTAIN, "X-MimeOLE: Produced By Microsoft Exchange V6.5")

_DYNAMIC = Letter(
    kind=Kind.REPLY,
    template="answer",
    locale="en",
    message_id="<1a2b3c.5d6e7f8091a2b3c4@example.com>",
    recipient="admin@example.org",
    date=datetime(2024, 3, 4, 9, 30, tzinfo=UTC),
    in_reply_to="<plea-1@mail.example.org>",
    references=(),
    reply_token="q7m2k9x4c1v8b3n6",  # noqa: S106 a sample
    quoted_subject=None,
    reference="9K3QF-2M7XA",
    address=parse_ip("203.0.113.9"),
    address_source=AddressSource.REJECTION,
    cause=Cause.DYNAMIC,
    ours=True,
    refused_by="mx.example.com",
    networks=(parse_network("203.0.113.9"),),
    proof=Proof.CLIENT,
    software=_EXCHANGE_2003,
    guides=("exchange-2003-2000", "exchange-2007", "exchange-5.5", "generic"),
)
_UNKNOWN = replace(
    _DYNAMIC, address=None, address_source=None, networks=(), proof=Proof.NONE, software=None, guides=_GUIDES
)


def _because(cause: Cause) -> Letter:
    return replace(_DYNAMIC, cause=cause, software=None, guides=_GUIDES)


_PBL = LetterListing("Spamhaus PBL", "Spamhaus", "https://check.spamhaus.org/", entry="owner")
_OTHER_LIST = LetterListing("Dial-up list", "Example Networks", "https://lists.example.net/?remove=a&b", entry="list")
_EXPIRES_AT = datetime(2025, 3, 4, 9, 30, tzinfo=UTC)
_TYPED = """Does the address 203.0.113.9 stay the same after a restart of the router?

Please send us *one* of these:
  - the line <static IP> of your contract [page 2],
  - the name that `dig -x 203.0.113.9` gives you & {{ the date }}.
Grüße aus Köln"""


def _found(evidence: LetterEvidence) -> Letter:
    return replace(_DYNAMIC, software=None, guides=_GUIDES, evidence=evidence)


def _decided(kind: Kind, template: str, decision: LetterDecision) -> Letter:
    return replace(_DYNAMIC, kind=kind, template=template, decision=decision, guides=())


_ANSWERS: Mapping[str, Letter] = MappingProxyType(
    {
        "dynamic": _DYNAMIC,
        "ipv6": replace(
            _because(Cause.DYNAMIC),
            address=parse_ip("2001:db8:1234:5678:9abc:def0:1234:5678"),
            networks=(parse_network("2001:db8:1234:5678:9abc:def0:1234:5678"), parse_network("2001:db8:1234::/64")),
        ),
        "address-unknown": _UNKNOWN,
        "no-refusal": replace(_UNKNOWN, cause=None, ours=None, refused_by=None),
        "client-only": replace(
            _DYNAMIC, cause=None, ours=None, refused_by=None, address_source=AddressSource.CLIENT, software=None
        ),
        "somebody-else": replace(_DYNAMIC, ours=False, refused_by="mx.example.net"),
        "somebody-unnamed": replace(_UNKNOWN, ours=False, refused_by=None, cause=Cause.LISTED),
        **{str(cause): _because(cause) for cause in Cause if cause is not Cause.DYNAMIC},
        "from-text": replace(_because(Cause.DYNAMIC), address_source=AddressSource.TEXT),
        "from-received": replace(_because(Cause.DYNAMIC), address_source=AddressSource.RECEIVED),
        "from-refusal": replace(_because(Cause.DYNAMIC), address_source=AddressSource.REFUSAL),
        "unguided-software": replace(
            _DYNAMIC, software=Software("postfix", "3.7.11", None, Certainty.LIKELY, "by mail.example.org (Postfix)")
        ),
        "utf8-address": replace(_DYNAMIC, recipient="pelé@bücher.example"),
        "quoted-subject": replace(_DYNAMIC, quoted_subject="Auto: Übermittlung fehlgeschlagen"),
        "bare": replace(_UNKNOWN, in_reply_to=None, reply_token=None, guides=()),
        "entry-of-owner": _found(LetterEvidence((_PBL,), "dsl-9.example.net", True)),
        "entry-of-list": _found(LetterEvidence((_OTHER_LIST,), "mail.example.org", False)),
        "entries": _found(
            LetterEvidence((_PBL, replace(_OTHER_LIST, contact="removal@lists.example.net", entry="unknown")))
        ),
        "not-refused-now": _found(LetterEvidence(reverse_name="mail.example.org", advice="not-refused-now")),
        "nothing-found": _found(LetterEvidence()),
    }
)

_PROVIDER = replace(_UNKNOWN, template="provider", cause=None, ours=None, refused_by=None)
_PROVIDERS: Mapping[str, Letter] = MappingProxyType(
    {
        "provider": replace(
            _PROVIDER, networks=(parse_network("203.0.113.0/24"), parse_network("2001:db8::/32")), guides=()
        ),
        "provider-listed": replace(
            _PROVIDER,
            networks=(parse_network("198.51.100.0/24"),),
            address=parse_ip("198.51.100.7"),
            address_source=AddressSource.REJECTION,
            evidence=LetterEvidence((_PBL, _OTHER_LIST), "cust-7.example.net", True, "dynamic"),
        ),
    }
)

_EXEMPTION = LetterDecision(parse_network("203.0.113.9"), _EXPIRES_AT)
_NOTICES: Mapping[str, Letter] = MappingProxyType(
    {
        "approved": _decided(Kind.NOTICE, "approved", _EXEMPTION),
        "approved-network": _decided(
            Kind.NOTICE,
            "approved",
            replace(_EXEMPTION, network=parse_network("203.0.113.8/29"), expires_at=None, text=_TYPED),
        ),
        "denied": _decided(
            Kind.NOTICE,
            "denied",
            LetterDecision(paragraphs=("dynamic", "use-smart-host"), reason="No *proof* [yet].", text=_TYPED),
        ),
        "denied-bare": replace(_decided(Kind.NOTICE, "denied", LetterDecision()), address=None, address_source=None),
        "question": _decided(Kind.QUESTION, "question", LetterDecision(text=_TYPED)),
        "lapsed": _decided(Kind.NOTICE, "lapsed", LetterDecision()),
        "expiring": _decided(Kind.WARNING, "expiring", _EXEMPTION),
        "renewed": _decided(Kind.NOTICE, "renewed", _EXEMPTION),
        "revoked": _decided(Kind.NOTICE, "revoked", replace(_EXEMPTION, reason="The address has a new owner.")),
    }
)

SAMPLES: Mapping[str, Letter] = MappingProxyType({**_ANSWERS, **_PROVIDERS, **_NOTICES})
