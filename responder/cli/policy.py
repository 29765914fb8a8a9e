"""`responder policy`: what the policy service answers, and why; and what it refused."""

import asyncio

import click
from sqlalchemy import Engine, RowMapping

from responder.app.database import require_file
from responder.app.identity import make_identity
from responder.app.policy import make_blockcheck, make_policy_terms
from responder.app.wording import read_library
from responder.cli.context import Invocation, after_id, json_option, list_options, pass_invocation
from responder.cli.database import open_engine, reading
from responder.cli.output import Column, print_fields, print_json, print_table, rfc3339
from responder.cli.types import ADDRESS, MAILBOX, NETWORK, REFERENCE
from responder.domain.address import IPAddress, IPNetwork, key_to_ip, sender_key
from responder.services.allowlist import Allowlist
from responder.services.clock import SystemClock
from responder.services.policy.steps import Explanation, Step, explain
from responder.services.refusal_words import RefusalWords
from responder.settings import Settings
from responder.storage import migrate
from responder.storage.exemptions import find_exemption
from responder.storage.refusals import RefusalFilter, list_refusals

_NO_KEY = bytes(32)  # the policy service makes no marks
_SOMEBODY = "somebody"
_COLUMNS = (Column("ID"), Column("AT"), Column("ADDRESS"), Column("SENDER", may_be_cut=True), Column("REFERENCE"))
_HOLDS = {True: "yes", False: "no", None: "unknown"}


@click.group(name="policy")
def command() -> None:
    """What the policy service answers to mail servers, and what it refused."""


@command.command("test", epilog="Example: responder policy test 203.0.113.9 --recipient bypass@example.com")
@click.argument("address", type=ADDRESS)
@click.option("--recipient", type=MAILBOX, metavar="ADDR", help="To whom; some mailbox of ours without.")
@json_option
@pass_invocation
def test(invocation: Invocation, *, address: IPAddress, recipient: str | None, as_json: bool) -> None:
    """Explain what a mail server would hear about a client with ADDRESS.

    It decides as the service does, from the same settings, exemptions and lists, but asks the DNS anew and remembers
    nothing. Every step is shown; the first that holds decides.
    """
    settings = invocation.settings
    recipient = recipient or f"{_SOMEBODY}@{settings.organization.domain}"
    exemption = _find_exemption(settings, address)
    explanation = asyncio.run(_explain(settings, address, recipient, exemption))
    if as_json:
        print_json(_object(address, recipient, explanation))
    else:
        print_fields({"client": address, "recipient": recipient})
        click.echo()
        for step in explanation.steps:
            print_fields({f"{step.ground:<16} {_HOLDS[step.holds]:<7}": step.detail})
        click.echo()
        print_fields({"ground": explanation.ground, "action": explanation.action})


async def _explain(settings: Settings, address: IPAddress, recipient: str, exemption: str | None) -> Explanation:
    terms = make_policy_terms(settings, make_identity(settings, _NO_KEY))
    words = RefusalWords(read_library(settings), terms.contact).text
    return await explain(address, recipient, terms, make_blockcheck(settings), exemption=exemption, words=words)


def _find_exemption(settings: Settings, address: IPAddress) -> str | None:
    require_file(settings)
    with open_engine(settings) as engine:
        migrate.check(engine)
        allowlist = Allowlist(engine, SystemClock())
        allowlist.refresh()
        found = allowlist.find(address)
        return None if found is None else _describe(engine, found)


def _describe(engine: Engine, exemption_id: int) -> str:
    with engine.connect() as connection:
        row = find_exemption(connection, exemption_id)
    if row is None:
        return f"exemption {exemption_id}"
    network = f"{key_to_ip(bytes(row['first_key']))}/{row['prefix_length']}"
    request = f", request {row['request']}" if row["request"] else ""
    return f"exemption {exemption_id} of {network} until {rfc3339(row['expires_at'])}{request}"


@command.command("refusals", epilog="Example: responder policy refusals --reference 7K3QW-0M9XT")
@click.option("--reference", type=REFERENCE, help="The one that the refusal named.")
@click.option("--address", type=NETWORK, help="Refused address, or a network that it lies in.")
@click.option("--sender", type=MAILBOX, metavar="ADDR", help="Whose mail was refused.")
@list_options
@after_id
@pass_invocation
def refusals(
    invocation: Invocation,
    *,
    reference: str | None,
    address: IPNetwork | None,
    sender: str | None,
    limit: int,
    after: int | None,
    as_json: bool,
) -> None:
    """List what the policy service refused lately, newest first: who asks for help with which reference?"""
    wanted = RefusalFilter(reference, address, None if sender is None else sender_key(sender))
    with reading(invocation.settings) as connection:
        rows = list_refusals(connection, wanted, limit=limit, after=after)
    objects = [_refusal_object(row) for row in rows]
    if as_json:
        for each in objects:
            print_json(each)
    else:
        print_table(_COLUMNS, [tuple(each.values()) for each in objects])


def _refusal_object(row: RowMapping) -> dict[str, object]:
    return {
        "id": row["id"],
        "at": row["at"],
        "address": str(key_to_ip(bytes(row["client_key"]))),
        "sender": row["sender_key"],
        "reference": row["reference"],
    }


def _object(address: IPAddress, recipient: str, explanation: Explanation) -> dict[str, object]:
    return {
        "address": str(address),
        "recipient": recipient,
        "action": explanation.action,
        "ground": explanation.ground,
        "steps": [_step_object(step) for step in explanation.steps],
    }


def _step_object(step: Step) -> dict[str, object]:
    return {"ground": step.ground, "holds": step.holds, "detail": step.detail}
