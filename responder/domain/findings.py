"""Findings: what was looked up about one plea, each with its source and its age; an unknown stays an unknown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from responder.domain.address import IPAddress, special_range


class Check(StrEnum):
    """What is looked up, in the order in which it is shown."""

    LISTING = "listing"
    REVERSE_NAME = "reverse-name"
    GENERATED_NAME = "generated-name"
    HELO_NAME = "helo-name"
    SENDER_DOMAIN = "sender-domain"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    PROOF = "proof"
    HISTORY = "history"


class Result(StrEnum):
    """What can come of a look-up; `RESULTS` says which check has which."""

    # nobody knows
    TIMED_OUT = "timed-out"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    NOT_CHECKED = "not-checked"
    # lists
    LISTED = "listed"
    OTHER_CODE = "other-code"
    NOT_LISTED = "not-listed"
    # names
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not-confirmed"
    MISSING = "missing"
    GENERATED = "generated"
    STATIC = "static"
    PLAIN = "plain"
    MATCHES = "matches"
    DIFFERS = "differs"
    # the sender's domain
    TAKES_MAIL = "takes-mail"
    NULL_MX = "null-mx"
    NO_SUCH_DOMAIN = "no-such-domain"
    NO_MAIL_HOST = "no-mail-host"
    # SPF, DKIM, DMARC (RFC 8601 section 2.7)
    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    NEUTRAL = "neutral"
    NONE = "none"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"
    POLICY = "policy"
    # what is known here
    CLIENT = "client"
    REFERENCE = "reference"
    EXEMPT = "exempt"
    KNOWN = "known"


UNKNOWN = frozenset({Result.TIMED_OUT, Result.UNAVAILABLE, Result.REFUSED, Result.NOT_CHECKED, Result.TEMPERROR})
"""Results that say nothing about the subject: neither yes nor no."""

_R = Result
_NOT_ASKED = frozenset({_R.TIMED_OUT, _R.UNAVAILABLE, _R.NOT_CHECKED})
_SIGNATURE = frozenset({_R.PASS, _R.FAIL, _R.NONE, _R.TEMPERROR, _R.PERMERROR, _R.NOT_CHECKED})

RESULTS = MappingProxyType(
    {
        Check.LISTING: frozenset({_R.LISTED, _R.OTHER_CODE, _R.NOT_LISTED, _R.REFUSED}) | _NOT_ASKED,
        Check.REVERSE_NAME: frozenset({_R.CONFIRMED, _R.NOT_CONFIRMED, _R.MISSING}) | _NOT_ASKED,
        Check.GENERATED_NAME: frozenset({_R.GENERATED, _R.STATIC, _R.PLAIN}),
        Check.HELO_NAME: frozenset({_R.MATCHES, _R.DIFFERS, _R.MISSING}) | _NOT_ASKED,
        Check.SENDER_DOMAIN: frozenset({_R.TAKES_MAIL, _R.NULL_MX, _R.NO_SUCH_DOMAIN, _R.NO_MAIL_HOST}) | _NOT_ASKED,
        Check.SPF: _SIGNATURE | {_R.SOFTFAIL, _R.NEUTRAL},
        Check.DKIM: _SIGNATURE | {_R.POLICY},
        Check.DMARC: _SIGNATURE,
        Check.PROOF: frozenset({_R.CLIENT, _R.REFERENCE, _R.NONE}),
        Check.HISTORY: frozenset({_R.EXEMPT, _R.KNOWN, _R.NONE}),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked up.

    Attributes:
        check: what was looked up.
        subject: about what: an address, a network, a name, a domain, a mailbox.
        result: what came of it, one of `RESULTS[check]`.
        value: what was seen: a list's code and text, a name, a policy; empty when there is nothing to see.
        source: who says so: a list's name, `dns`, `database`, `message`, or a relay's name.
        observed_at: when, UTC; for an answer out of the cache, when that answer came.
        ttl_seconds: how long it holds by its source; None when that says nothing about it.
    """

    check: Check
    subject: str
    result: Result
    value: str
    source: str
    observed_at: datetime
    ttl_seconds: int | None = None

    @property
    def is_unknown(self) -> bool:
        """Tell whether nothing is known, so that it counts neither way."""
        return self.result in UNKNOWN


_INTERNAL = frozenset({"this-network", "unspecified", "private", "shared", "loopback", "link-local"})


def internal_range(ip: IPAddress) -> str | None:
    """Name the range of `ip` if the same address is used in many networks, so that nobody outside knows about it."""
    name = special_range(ip)
    return name if name in _INTERNAL else None


def select(findings: Iterable[Finding], check: Check, subject: object | None = None) -> Iterator[Finding]:
    """Give the findings of one check, about one subject where that is given, in their order."""
    wanted = None if subject is None else str(subject)
    return (one for one in findings if one.check is check and wanted in (None, one.subject))


def results(findings: Sequence[Finding], check: Check, subject: object | None = None) -> frozenset[Result]:
    """Give what came of one check, about one subject where that is given."""
    return frozenset(one.result for one in select(findings, check, subject))
