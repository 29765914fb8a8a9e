"""What no single setting shows: two that contradict each other, a file that is named and missing."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from responder.settings.model import Settings
from responder.settings.values import Endpoint

Finding = tuple[tuple[str, ...], str]
"""The keys concerned, the one to mend first, and what to do."""


def contradictions(settings: Settings) -> Iterator[Finding]:
    """Give every pair of settings that cannot hold together."""
    yield from _addresses(settings)
    yield from _smtp(settings)
    yield from _relay(settings)
    yield from _listeners(settings)
    yield from _review(settings)
    names = [blocklist.name for blocklist in settings.blocklists]
    if len(set(names)) < len(names):
        yield ("blocklists",), "every name stands for one list; give each its own"
    if settings.export.formats and not settings.export.directory:
        yield ("export.directory", "export.formats"), "must name a folder, since export.formats asks for files"


def _addresses(settings: Settings) -> Iterator[Finding]:
    ours = {address.lower() for address in settings.smtp.bypass_addresses}
    if settings.reply.from_address.lower() not in ours:
        bypass = settings.smtp.bypass_addresses[0]
        yield (
            ("reply.from", "smtp.bypass_addresses"),
            f'must be a bypass address, since people answer it; write "Mail delivery help <{bypass}>"',
        )
    if settings.relay.envelope_sender.lower() in ours:
        yield (
            ("relay.envelope_sender", "smtp.bypass_addresses"),
            "must not be a bypass address: bounces would be read as pleas; leave it empty for the null sender",
        )
    for address in sorted(ours):
        if address.partition("@")[0] in {"postmaster", "abuse"}:
            yield (
                ("smtp.bypass_addresses",),
                f"{address} belongs to staff and is never answered; choose another mailbox",
            )


def _smtp(settings: Settings) -> Iterator[Finding]:
    smtp = settings.smtp
    if 0 < smtp.max_message_bytes < smtp.keep_bytes:
        yield ("smtp.keep_bytes", "smtp.max_message_bytes"), "must not be more than smtp.max_message_bytes"
    if smtp.tls_certificate and not smtp.tls_key:
        yield ("smtp.tls_key", "smtp.tls_certificate"), "must name the private key of smtp.tls_certificate"
    if smtp.tls_key and not smtp.tls_certificate:
        yield ("smtp.tls_certificate", "smtp.tls_key"), "must name the certificate of smtp.tls_key"


def _relay(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.relay.url)
    if url.username and not settings.relay.password_file:
        yield (
            ("relay.password_file", "relay.url"),
            "must name a file with the password, since relay.url names a user",
        )
    if settings.relay.password_file and not url.netloc:
        yield ("relay.password_file", "relay.url"), f"must be empty: nobody signs in to {url.scheme}:"
    elif settings.relay.password_file and not url.username:
        yield (
            ("relay.url", "relay.password_file"),
            f"names no user for the password; write {url.scheme}://USER@HOST:PORT",
        )


def _listeners(settings: Settings) -> Iterator[Finding]:
    seen: dict[Endpoint, str] = {}
    for key, endpoints in (
        ("smtp.listen", settings.smtp.listen),
        ("policy.listen", settings.policy.listen),
        ("web.listen", settings.web.listen),
    ):
        for endpoint in endpoints:
            if endpoint.port and endpoint in seen:
                yield (key, seen[endpoint]), f"{endpoint} is taken by {seen[endpoint]}; choose another port"
            seen[endpoint] = key


def _review(settings: Settings) -> Iterator[Finding]:
    review = settings.review
    for family, admin, reviewer in (
        ("v4", review.admin_max_prefix_v4, review.max_prefix_v4),
        ("v6", review.admin_max_prefix_v6, review.max_prefix_v6),
    ):
        if admin > reviewer:
            yield (
                (f"review.admin_max_prefix_{family}", f"review.max_prefix_{family}"),
                f"must not be more than review.max_prefix_{family}: administrators may do what reviewers may",
            )


def missing_files(settings: Settings) -> Iterator[Finding]:
    """Give every file that the service reads at its start and that this process cannot read."""
    for key, path in (
        ("smtp.tls_certificate", settings.smtp.tls_certificate),
        ("smtp.tls_key", settings.smtp.tls_key),
        ("relay.password_file", settings.relay.password_file),
        *(("blocklists", one.zone_file) for one in settings.blocklists),
    ):
        if path and (trouble := _trouble(settings.under_data_dir(path))):
            yield (key,), trouble


def _trouble(path: Path) -> str | None:
    try:
        path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return None
