"""DMARC (RFC 7489): does SPF or DKIM speak for the domain of From, and what does it want where neither does?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from responder.domain.address import canonical_domain
from responder.domain.findings import Check, Finding, Result, select
from responder.domain.hops import organisation
from responder.services.evidence.facts import Fact

_POLICIES = frozenset({"none", "quarantine", "reject"})
_RECORD_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Policy:
    """What a domain publishes.

    Attributes:
        wanted: for mail that fails: `none`, `quarantine` or `reject`.
        strict_spf: SPF must pass for the very domain of From, not only for one of the same organisation.
        strict_dkim: the same for DKIM.
    """

    wanted: str
    strict_spf: bool
    strict_dkim: bool


def policy_names(domain: str) -> tuple[str, ...]:
    """Give the names at which the policy for mail from `domain` may stand, the first that has one counts."""
    names = (domain, organisation(domain))
    return tuple(f"_dmarc.{name}" for name in dict.fromkeys(names) if name)


def read_policy(domain: str, facts: Sequence[Fact]) -> Policy | None:
    """Give the policy for mail from `domain`, None when there is none; `facts` are those of its `policy_names`."""
    for fact in facts:
        records = [tags for text in fact.values if (tags := _read_tags(text)).get("v") == "DMARC1"]
        if len(records) == 1:
            return _policy(records[0], is_own=fact.name == f"_dmarc.{domain}")
    return None


def _read_tags(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text[:_RECORD_CHARACTERS].split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _policy(tags: Mapping[str, str], *, is_own: bool) -> Policy:
    """Read a record; `sp` holds for the domains below, `pct=0` asks for nothing yet, as does the test mode `t=y`."""
    wanted = tags.get("p", "none").lower()
    if not is_own:
        wanted = tags.get("sp", wanted).lower()
    if wanted not in _POLICIES or tags.get("pct") == "0" or tags.get("t", "").lower() == "y":
        wanted = "none"
    return Policy(wanted, tags.get("aspf", "r").lower() == "s", tags.get("adkim", "r").lower() == "s")


def judge_dmarc(domain: str, policy: Policy, findings: Sequence[Finding]) -> Result:
    """Say whether mail from `domain` (of From) is authentic, from the findings about SPF and DKIM."""
    spf = list(select(findings, Check.SPF))
    signatures = list(select(findings, Check.DKIM))
    if any(one.result is Result.PASS and _is_aligned(one.subject, domain, strict=policy.strict_spf) for one in spf):
        return Result.PASS
    signed = [one for one in signatures if _is_aligned(one.subject, domain, strict=policy.strict_dkim)]
    if any(one.result in {Result.PASS, Result.POLICY} for one in signed):
        return Result.PASS
    if not spf or any(one.is_unknown for one in (*spf, *signatures)):
        return Result.TEMPERROR
    return Result.FAIL


def _is_aligned(domain: str, author: str, *, strict: bool) -> bool:
    """Tell whether two domains are the same, or of one organisation (RFC 7489 section 3.1)."""
    domain, author = canonical_domain(domain.rpartition("@")[2]), canonical_domain(author)
    if strict:
        return domain == author
    return bool(organisation(author)) and organisation(domain) == organisation(author)
