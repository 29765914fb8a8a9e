"""Answers to mail servers that ask whether to take a recipient: from memory where that tells, else from the lists."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from responder import maillog
from responder.domain.address import IPAddress
from responder.domain.policy import Ground, PolicyRequest, PolicyRules, Verdict, judge_client, judge_request
from responder.domain.refusal_text import refusal_text
from responder.services.allowlist import Allowlist
from responder.services.evidence.facts import Fact
from responder.services.refusals import Refusals
from responder.services.tally import Tally

NO_OPINION = "DUNNO"

Words = Callable[[IPAddress, str, str, str], str]
"""Gives the reply for a refused client: its address, the contact, the reference, and the list's name or nothing."""


class Lists(Protocol):
    """What the blocklists and the DNS say about a client."""

    def known(self, client: IPAddress) -> str | None:
        """Give the name of the list that names `client`, empty when none does, None when that must be looked up."""

    async def look_up(self, client: IPAddress) -> str:
        """As `known`, after asking; a list that does not answer in time names nobody."""

    async def ask_name(self, client: IPAddress) -> Fact:
        """Give what the DNS says about the reverse name of `client`."""


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """How requests are answered.

    Attributes:
        rules: what the operator set.
        contact: the bypass address that refusals name, in ASCII.
        bypass_action: the answer for a bypass address.
    """

    rules: PolicyRules
    contact: str
    bypass_action: str = NO_OPINION


class Policy:
    """Judges requests; `terms` and `lists` may be replaced at any time. All but its construction runs in the loop.

    Args:
        terms: how requests are answered.
        allowlist: who is exempt.
        lists: who is listed.
        answers: counts which ground decided.
        uses: counts which exemption let a recipient pass.
        refusals: is told who was refused.

    Attributes:
        words: words a refusal, as `refusal_text` does; may be replaced too.
    """

    def __init__(
        self,
        terms: PolicyTerms,
        *,
        allowlist: Allowlist,
        lists: Lists,
        answers: Tally[str],
        uses: Tally[int],
        refusals: Refusals,
    ) -> None:
        self.terms = terms
        self.lists = lists
        self.words: Words = refusal_text
        self._allowlist = allowlist
        self._answers = answers
        self._uses = uses
        self._refusals = refusals

    def answer(self, request: PolicyRequest) -> str | Awaitable[str]:
        """Give the action that answers `request`; at once where memory tells, else something to await.

        Raises:
            LookupError: the exemptions were never read, so no answer is right.
        """
        verdict = judge_request(request, self.terms.rules)
        if verdict is None and request.client is not None:
            verdict = self._judge_known(request, request.client)
            if verdict is None:
                return self._answer_later(request, request.client)
        return self._action(request, verdict or Verdict(Ground.CLIENT_UNKNOWN))

    def _judge_known(self, request: PolicyRequest, client: IPAddress) -> Verdict | None:
        exemption_id = self._allowlist.find(client)
        if exemption_id is not None:
            self._uses.add(exemption_id)
            return Verdict(Ground.EXEMPT, str(exemption_id))
        if request.reverse_name is None:
            return None
        verdict = judge_client(client, request.reverse_name, self.terms.rules)
        listed_by = None if verdict else self.lists.known(client)
        return verdict if listed_by is None else _by_lists(listed_by)

    async def _answer_later(self, request: PolicyRequest, client: IPAddress) -> str:
        name = request.reverse_name
        if name is None:
            name = next(iter((await self.lists.ask_name(client)).values), "")
        verdict = judge_client(client, name, self.terms.rules) or _by_lists(await self.lists.look_up(client))
        return self._action(request, verdict)

    def _action(self, request: PolicyRequest, verdict: Verdict) -> str:
        self._answers.add(verdict.ground)
        if verdict.ground is Ground.BYPASS:
            return self.terms.bypass_action
        if not verdict.refuses or request.client is None:
            return NO_OPINION
        reference = self._refusals.note(request.client, request.sender)
        list_name = verdict.detail if verdict.ground is Ground.LISTED else ""
        maillog.policy_refused(
            client=request.client,
            sender=request.sender,
            recipient=request.recipient,
            ground=verdict.ground,
            detail=verdict.detail,
            reference=reference,
        )
        return self.words(request.client, self.terms.contact, reference, list_name)

    def counts(self) -> dict[str, float]:
        """Give what this process knows and what waits in it, which no database can tell."""
        return {
            "exemptions": len(self._allowlist),
            "exemptions_age_seconds": self._allowlist.age_seconds,
            "refusals_waiting": len(self._refusals),
            "refusals_dropped": self._refusals.dropped,
        }


def _by_lists(listed_by: str) -> Verdict:
    return Verdict(Ground.LISTED, listed_by) if listed_by else Verdict(Ground.NOT_DYNAMIC)
