"""One message looked at for a person: what evidence there is about its sender, and what would be decided from it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from responder.domain.address import IPAddress, domain_of, unwrapped_address
from responder.domain.advice import Advice, advise
from responder.domain.disposition import Reason
from responder.domain.findings import Check, Finding, Result
from responder.domain.plea import AddressSource, Proof, Rejection
from responder.domain.reading import Reading
from responder.domain.vouching import Sender, SenderEvidence, decide_again, is_refused_client
from responder.services.evidence import Evidence, Question

_SAYS_SO = frozenset({AddressSource.REJECTION, AddressSource.TEXT})


@dataclass(frozen=True, slots=True)
class Examined:
    """What the evidence about one message decides.

    Attributes:
        findings: all of it.
        advice: what it speaks for.
        reason: why the message would not be answered after all; None when it would.
        refused_client: the client, where the evidence shows that it is the refused address; else None.
    """

    findings: tuple[Finding, ...]
    advice: Advice
    reason: Reason | None
    refused_client: IPAddress | None


def judge_findings(
    question: Question,
    findings: tuple[Finding, ...],
    *,
    rejection: Rejection | None,
    is_plea: bool,
    wanted: SenderEvidence,
) -> Examined:
    """Say what the `findings` about a message decide.

    Args:
        question: what was asked.
        findings: what came of it.
        rejection: the refusal that the message quotes.
        is_plea: it shows that its sender was refused (`shows_refusal`), or heard from us.
        wanted: what must speak for a sender.
    """
    client, refused_client = question.client, None
    # A forwarder that writes SRS names itself in the reverse-path, and is not the server that was refused.
    domain = domain_of(unwrapped_address(question.reverse_path))
    if client and question.address is None and is_refused_client(client, domain, findings):
        refused_client = client
        findings = tuple(_tied(finding, client) for finding in findings)
    return Examined(
        findings=findings,
        advice=advise(question.address or refused_client, rejection, findings),
        reason=decide_again(Sender(question.reverse_path, client, is_plea), findings, wanted),
        refused_client=refused_client,
    )


def _tied(finding: Finding, client: IPAddress) -> Finding:
    """Give the finding about the proof as it is once the client is known to be the refused address."""
    if finding.check is not Check.PROOF:
        return finding
    return replace(finding, subject=str(client), result=Result.CLIENT)


def shows_refusal(question: Question, *, quotes_refusal: bool, address_source: AddressSource | None) -> bool:
    """Tell whether a message quotes a refusal, names its client's own address, or has the reference of a refusal."""
    if quotes_refusal or question.proof is Proof.REFERENCE:
        return True
    return address_source in _SAYS_SO and question.client is not None and question.client == question.address


def examine(reading: Reading, raw: bytes, evidence: Evidence, wanted: SenderEvidence) -> Examined:
    """Gather the evidence about a message that was read, and say what it decides; nothing is stored."""
    envelope, plea, now = reading.envelope, reading.plea, datetime.now(UTC)
    question = Question(
        received_at=now,
        reverse_path=envelope.reverse_path,
        header_from=reading.message.header_from,
        client=plea.client,
        helo_name=envelope.helo_name,
        address=plea.address,
        proof=plea.proof,
        came_by_relay=envelope.trusted_relay,
        read_raw=lambda: raw,
    )
    found = evidence.begin(question, evidence.deadline_of(now, now)).result()
    quotes_refusal = plea.rejection is not None
    is_plea = shows_refusal(question, quotes_refusal=quotes_refusal, address_source=plea.address_source)
    return judge_findings(question, found, rejection=plea.rejection, is_plea=is_plea, wanted=wanted)
