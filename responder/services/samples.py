"""Sample letters of every kind: what templates are checked with before anybody gets them."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from responder.domain.address import parse_ip, parse_network
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software
from responder.services.letter import Letter

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


SAMPLES = MappingProxyType(
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
    }
)
