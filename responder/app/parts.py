"""What the faces and services are built from, made of the settings: limits, terms, the way out, TLS."""

import re
import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from responder.app.errors import StartError
from responder.domain.limits import ReplyLimits, Scope
from responder.faces.smtpd import SmtpLimits
from responder.services.acceptance import Terms
from responder.services.delivery import DeliveryTerms
from responder.services.transports import Transport, make_transport
from responder.settings import Settings

FOR_EVER = timedelta(days=100 * 365)


def make_smtp_limits(settings: Settings) -> SmtpLimits:
    """Give what one client of the SMTP face may use."""
    names = SmtpLimits.__dataclass_fields__
    return SmtpLimits(**{name: getattr(settings.smtp, name) for name in names})


def give_up_after(settings: Settings) -> timedelta:
    """Give how long the relay is tried."""
    hours = settings.relay.give_up_after_hours
    return timedelta(hours=hours) if hours else FOR_EVER


def overdue_after(settings: Settings) -> timedelta | None:
    """Give after how long a request that waits is marked; None where none is."""
    days = settings.review.overdue_after_days
    return timedelta(days=days) if days else None


def dynamic_names(settings: Settings) -> tuple[re.Pattern[str], ...]:
    """Give the patterns of reverse names that are refused besides those that look generated."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in settings.policy.dynamic_names)


def make_terms(settings: Settings) -> Terms:
    """Give how answers are given at intake."""
    reply = settings.reply
    return Terms(
        limits=ReplyLimits(reply.window_hours, reply.max_per_sender_per_week),
        per_hour={Scope.NETWORK: reply.max_per_network_per_hour, Scope.DOMAIN: reply.max_per_domain_per_hour},
        envelope_sender=settings.relay.envelope_sender,
        give_up_after=give_up_after(settings),
        evidence_for=timedelta(seconds=settings.evidence.deadline_seconds if settings.evidence.enabled else 0),
    )


def make_delivery_terms(settings: Settings) -> DeliveryTerms:
    """Give how messages leave."""
    hours = settings.reply.drop_waiting_after_hours
    return DeliveryTerms(
        timeout_seconds=settings.relay.timeout_seconds,
        retry_seconds=settings.relay.retry_seconds,
        max_per_minute=settings.reply.max_per_minute,
        drop_waiting_after=timedelta(hours=hours) if hours else None,
    )


def kept_in(settings: Settings) -> Path | None:
    """Give the folder in which all that should leave stays, None where there is a relay that passes it on."""
    parts = urlsplit(settings.relay.url)
    return settings.under_data_dir(unquote(parts.path)) if parts.scheme == "maildir" else None


def make_relay(settings: Settings, hostname: str) -> Transport:
    """Give the way out.

    Raises:
        StartError: the password cannot be read, or `relay.url` makes no transport.
    """
    try:
        return make_transport(
            settings.relay.url,
            password=_password(settings),
            timeout_seconds=settings.relay.timeout_seconds,
            hostname=hostname,
            data_dir=settings.under_data_dir(""),
        )
    except ValueError as error:
        raise StartError(f"relay.url: {error}") from None


def _password(settings: Settings) -> str | None:
    if not settings.relay.password_file:
        return None
    path = settings.under_data_dir(settings.relay.password_file)
    try:
        return path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"relay.password_file: {path} cannot be read: {_why(error)}") from None


def make_tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Give certificate and key for STARTTLS, None where none is set.

    Raises:
        StartError: they cannot be read, or do not belong together.
    """
    if not settings.smtp.tls_certificate:
        return None
    certificate = settings.under_data_dir(settings.smtp.tls_certificate)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, settings.under_data_dir(settings.smtp.tls_key), password="")
    except (OSError, ValueError) as error:
        raise StartError(f"smtp.tls_certificate: {certificate} and its key cannot be used: {_why(error)}") from None
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "no PEM file with a matching key"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
