"""What a listed client meets at the front MTA: the bypass address, and no one else."""

from collections.abc import Iterator

from responder.app.identity import hostname
from responder.app.verdict import Finding, Verdict
from responder.domain.address import IPAddress
from responder.services.through import ThroughError, ask_as
from responder.services.transports.outcome import Reply
from responder.settings import Endpoint, Settings

_TIMEOUT_SECONDS = 60.0
_PART = "through"


def examine_through(
    settings: Settings, server: Endpoint, client: IPAddress, recipient: str | None = None
) -> Iterator[Finding]:
    """Ask `server` as if `client`, which a list names, wrote to each bypass address and to `recipient`.

    Without `recipient` that is a mailbox of the organisation that does not exist; where the server looks at the client
    first, as it should, that makes no difference.
    """
    bypass = settings.smtp.bypass_addresses
    other = recipient or f"nobody-{client.packed.hex()}@{settings.organization.domain}"
    try:
        replies = ask_as(
            client,
            (*bypass, other),
            host=server.host,
            port=server.port,
            hostname=hostname(settings),
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    except ThroughError as error:
        yield Finding(_PART, Verdict.FAILED, str(error))
        return
    for address, reply in zip(bypass, replies, strict=False):
        yield _judge_bypass(client, address, reply)
    yield _judge_other(client, other, replies[-1], bypass)


def _judge_bypass(client: IPAddress, address: str, reply: Reply) -> Finding:
    if reply.accepts:
        return Finding(_PART, Verdict.OK, f"{client} reaches {address}: {reply}")
    if reply.is_permanent:
        advice = "let the bypass address through before whatever refuses"
        return Finding(_PART, Verdict.FAILED, f"{client} is refused for {address}: {reply}; {advice}")
    advice = "let the bypass address past greylisting and the like"
    return Finding(_PART, Verdict.FAILED, f"{client} is put off for {address}: {reply}; {advice}")


def _judge_other(client: IPAddress, address: str, reply: Reply, bypass: tuple[str, ...]) -> Finding:
    if reply.accepts:
        advice = f"does a list name it, is it exempt, is the policy service asked? `responder policy test {client}`"
        return Finding(_PART, Verdict.FAILED, f"{client} reaches {address} too: {reply}; {advice}")
    text = str(reply).lower()
    names_bypass = any(each.lower() in text for each in bypass)
    if not reply.is_permanent or not (names_bypass or str(client) in text):
        advice = "that may not be because of its address; name a mailbox that exists with --recipient"
        return Finding(_PART, Verdict.WARNING, f"{client} does not reach {address}: {reply}; {advice}")
    if not names_bypass:
        advice = "the refusal does not name the bypass address, so nobody will find it"
        return Finding(_PART, Verdict.WARNING, f"{client} is refused for {address}: {reply}; {advice}")
    return Finding(_PART, Verdict.OK, f"{client} is refused for {address}: {reply}")
