"""Why a request would be answered as it would: every step of the decision with what came of it."""

from dataclasses import dataclass

from responder.domain.address import IPAddress
from responder.domain.findings import Result
from responder.domain.generated_names import Naming, judge_name
from responder.domain.policy import REFUSING, Ground, PolicyRequest, PolicyRules, judge_request
from responder.domain.reference import make_reference
from responder.domain.refusal_text import refusal_text
from responder.services.blockcheck import BlockCheck, judge
from responder.services.policy import NO_OPINION, PolicyTerms, Words


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        ground: what the answer would be grounded on.
        holds: whether it is so; None when that cannot be told, which counts as no.
        detail: what shows it.
    """

    ground: Ground
    holds: bool | None
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """All steps in order, of which the first that holds decides, and the answer.

    Attributes:
        steps: every step, also those behind the one that decides.
        ground: that of the step that decides.
        action: the answer to the mail server; the reference in it stands for none.
    """

    steps: tuple[Step, ...]
    ground: Ground
    action: str


async def explain(
    client: IPAddress,
    recipient: str,
    terms: PolicyTerms,
    lists: BlockCheck,
    *,
    exemption: str | None,
    words: Words = refusal_text,
) -> Explanation:
    """Explain what a mail server would hear about `client` and `recipient`; nothing is remembered of it.

    Args:
        client: the address of the client, of which the reverse name is looked up.
        recipient: the recipient.
        terms: how requests are answered.
        lists: asks the DNS.
        exemption: what exempts the client, None when nothing does.
        words: words a refusal.
    """
    steps = (
        _mailbox(recipient, terms.rules),
        _own_network(client, terms.rules),
        Step(Ground.EXEMPT, exemption is not None, exemption or "no exemption in force"),
        _dynamic_network(client, terms.rules),
        await _name(client, terms.rules, lists),
        *await _listings(client, lists),
    )
    decisive = next((step for step in steps if step.holds), Step(Ground.NOT_DYNAMIC, True, ""))
    return Explanation(steps, decisive.ground, _action(client, decisive, terms, words))


def _mailbox(recipient: str, rules: PolicyRules) -> Step:
    verdict = judge_request(PolicyRequest("RCPT", None, "", "", recipient), rules)
    if verdict and verdict.ground in {Ground.BYPASS, Ground.STAFF}:
        return Step(verdict.ground, True, recipient)
    return Step(Ground.BYPASS, False, f"{recipient} is neither a bypass address nor a mailbox of staff")


def _own_network(client: IPAddress, rules: PolicyRules) -> Step:
    own = rules.own_network(client)
    return Step(Ground.OWN_NETWORK, own is not None, own or "neither own nor internal")


def _dynamic_network(client: IPAddress, rules: PolicyRules) -> Step:
    network = rules.dynamic_network(client)
    return Step(Ground.DYNAMIC_NETWORK, network is not None, network or "in none of policy.dynamic_networks")


async def _name(client: IPAddress, rules: PolicyRules, lists: BlockCheck) -> Step:
    fact = await lists.ask_name(client)
    if not fact.values:
        return Step(Ground.DYNAMIC_NAME, None if fact.is_unknown else False, f"no reverse name ({fact.status})")
    naming = judge_name(fact.values[0], client, rules.dynamic_names)
    detail = f"{fact.values[0]} looks {naming.naming}" + (f": {naming.shown}" if naming.shown else "")
    return Step(Ground.DYNAMIC_NAME, naming.naming is Naming.GENERATED, detail)


async def _listings(client: IPAddress, lists: BlockCheck) -> list[Step]:
    return [
        Step(
            Ground.LISTED,
            None if fact.is_unknown else judge(client, one, fact) is Result.LISTED,
            f"{one.name}: {', '.join(fact.values) or fact.status}",
        )
        for one, fact in await lists.ask_all(client)
    ]


def _action(client: IPAddress, decisive: Step, terms: PolicyTerms, words: Words) -> str:
    if decisive.ground is Ground.BYPASS:
        return terms.bypass_action
    if decisive.ground not in REFUSING:
        return NO_OPINION
    list_name = decisive.detail.partition(":")[0] if decisive.ground is Ground.LISTED else ""
    return words(client, terms.contact, make_reference(0), list_name)
