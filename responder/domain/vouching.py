"""The second decision: does anything speak for the sender, or against it, before an answer leaves?

What is not known (DNS is dead, the client unknown or private) counts neither way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from responder.domain.address import IPAddress, domain_of
from responder.domain.disposition import Reason
from responder.domain.findings import Check, Finding, Result, results, select
from responder.domain.hops import is_provider, organisation

_REJECTING = frozenset({"reject", "quarantine"})
_NO_DESTINATION = frozenset({Result.NULL_MX, Result.NO_SUCH_DOMAIN, Result.NO_MAIL_HOST})


class SenderEvidence(StrEnum):
    """What must speak for a sender before it is answered.

    Attributes:
        NONE: nothing.
        NOT_FORGED: nothing may speak against it, and after an SPF softfail the message must be a plea.
        PLEA: as before, and the message of a sender that nothing vouches for must be a plea.
        PROVEN: SPF, DKIM or the client's name must vouch for it.
    """

    NONE = "none"
    NOT_FORGED = "not-forged"
    PLEA = "plea"
    PROVEN = "proven"


@dataclass(frozen=True, slots=True)
class Sender:
    """What the envelope and the message say about their sender.

    Attributes:
        reverse_path: where the answer would go.
        client: the host that sent the message; None when unknown.
        is_plea: the message quotes a refusal, names its client's own address, or carries a reference of ours.
    """

    reverse_path: str
    client: IPAddress | None
    is_plea: bool


def decide_again(sender: Sender, findings: Sequence[Finding], wanted: SenderEvidence) -> Reason | None:
    """Say why an answer must not leave after all, None when it may.

    Sources: RFC 3834 section 2 (an address that cannot be answered), RFC 7505 (null MX), RFC 5321 section 5.1,
    RFC 7208 section 8.4 and RFC 7489 section 6.6 (what a domain says about mail in its name).
    """
    if not results(findings, Check.SENDER_DOMAIN).isdisjoint(_NO_DESTINATION):
        return Reason.UNANSWERABLE_ADDRESS
    if wanted is SenderEvidence.NONE:
        return None
    if is_forged(findings):
        return Reason.FORGED
    if wanted is SenderEvidence.PROVEN:
        return None if is_vouched_for(sender, findings) else Reason.UNPROVEN
    if not sender.is_plea and _must_be_plea(sender, findings, wanted):
        return Reason.UNPROVEN
    return None


def is_forged(findings: Sequence[Finding]) -> bool:
    """Tell whether the sender's own domain speaks against the message: by SPF, or by DMARC and a policy to reject."""
    if Result.FAIL in results(findings, Check.SPF):
        return True
    return any(one.result is Result.FAIL and one.value in _REJECTING for one in select(findings, Check.DMARC))


def is_vouched_for(sender: Sender, findings: Sequence[Finding]) -> bool:
    """Tell whether SPF, an aligned signature or the confirmed name of the client speaks for the reverse-path's domain.

    Aligned is meant with the reverse-path, where the answer goes, not with From, which its writer chooses.
    """
    if Result.PASS in results(findings, Check.SPF) or _has_aligned_signature(sender, findings):
        return True
    return is_named_in(sender.client, domain_of(sender.reverse_path), findings)


def _must_be_plea(sender: Sender, findings: Sequence[Finding], wanted: SenderEvidence) -> bool:
    if wanted is SenderEvidence.PLEA:
        return not is_vouched_for(sender, findings)
    return Result.SOFTFAIL in results(findings, Check.SPF) and not _has_aligned_signature(sender, findings)


def _has_aligned_signature(sender: Sender, findings: Sequence[Finding]) -> bool:
    home = organisation(domain_of(sender.reverse_path))
    signed = (one for one in select(findings, Check.DKIM) if one.result is Result.PASS)
    return bool(home) and any(organisation(one.subject) == home for one in signed)


def is_named_in(client: IPAddress | None, domain: str, findings: Sequence[Finding]) -> bool:
    """Tell whether the confirmed reverse name of `client` lies in the registered domain of `domain`.

    A generated name does not count: it is any customer's of a provider. Neither does that of a large mailbox provider.
    """
    home = organisation(domain)
    if client is None or not home or is_provider(home):
        return False
    if Result.GENERATED in results(findings, Check.GENERATED_NAME, client):
        return False
    names = (one for one in select(findings, Check.REVERSE_NAME, client) if one.result is Result.CONFIRMED)
    return any(organisation(one.value) == home for one in names)


def is_refused_client(client: IPAddress | None, domain: str, findings: Sequence[Finding]) -> bool:
    """Tell whether `client` is the refused server of a message that names no address: a list has it, or its name is.

    A forward from a large mailbox provider tells nothing about the refused server.
    """
    if client is None:
        return False
    names = {organisation(one.value) for one in select(findings, Check.REVERSE_NAME, client)}
    if any(map(is_provider, names)):
        return False
    return Result.LISTED in results(findings, Check.LISTING, client) or is_named_in(client, domain, findings)
