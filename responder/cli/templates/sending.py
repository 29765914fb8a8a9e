"""`templates send-test`: the message as a stranger would get it, to oneself."""

from dataclasses import replace

import click

from responder.app.identity import make_identity
from responder.app.wording import make_letters
from responder.cli.context import Invocation, json_option, pass_invocation
from responder.cli.failures import Failure
from responder.cli.output import print_json
from responder.cli.templates.desk import find_template, locale_option, open_desk, version_option
from responder.cli.types import MAILBOX
from responder.services.checking import samples_of
from responder.services.samples import SAMPLES
from responder.services.templates.cases import letter_of_request
from responder.services.templates.file import TemplateError, parse_template
from responder.services.templates.trial import Trial, send_trial
from responder.storage.secrets import IDENTITY, KEY_BYTES, get_or_make


@click.command(
    "send-test",
    short_help="Send a template to yourself.",
    epilog="Example: responder templates send-test answer --sample ipv6 --to me@example.com",
)
@click.argument("name", default="answer")
@click.option("--to", "recipient", type=MAILBOX, required=True, metavar="ADDRESS", help="Who gets it.")
@locale_option
@version_option
@click.option("--sample", type=click.Choice(list(SAMPLES)), metavar="CASE", help=f"The case: {', '.join(SAMPLES)}.")
@click.option("--request", "reference", metavar="REFERENCE", help="The case of a real request, once it was answered.")
@json_option
@pass_invocation
def send_test(
    invocation: Invocation,
    /,
    *,
    name: str,
    recipient: str,
    locale: str | None,
    version: int | None,
    sample: str | None,
    reference: str | None,
    as_json: bool,
) -> None:
    """Send a template to yourself, as it is in use or a version that is not yet; a running worker delivers it."""
    settings = invocation.settings
    with open_desk(invocation) as desk:
        library = desk.library()
        template = find_template(library, name, locale or settings.reply.default_locale)
        if version is not None:
            text = desk.text(template.name, template.locale, version)
            try:
                template = replace(parse_template(template.name, template.locale, text), version=version)
            except TemplateError as error:
                raise Failure(str(template.problem(error))) from None
        letter = SAMPLES[sample or next(iter(samples_of(template.name)))]
        if reference:
            letters = make_letters(settings, library)
            letter = desk.database.read(lambda connection: letter_of_request(connection, letters, reference))
        key = desk.database.write(lambda connection: get_or_make(connection, IDENTITY, KEY_BYTES))
        outbound_id = send_trial(
            desk,
            Trial(template, letter, recipient),
            identity=make_identity(settings, key),
            envelope_sender=settings.relay.envelope_sender,
        )
    if as_json:
        print_json({"id": str(outbound_id), "name": template.name, "locale": template.locale, "recipient": recipient})
    else:
        click.echo(f"{outbound_id}: queued for {recipient}; `responder outbox show {outbound_id}` tells how it went.")


COMMANDS: tuple[click.Command, ...] = (send_test,)
