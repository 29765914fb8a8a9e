"""SIGHUP: what a running service takes over from settings and templates that have changed."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from responder import maillog
from responder.app.errors import StartError
from responder.app.evidence import make_evidence_terms
from responder.app.parts import make_delivery_terms, make_smtp_limits, make_terms, make_tls_context
from responder.app.policy import remember_for
from responder.app.sockets import raise_file_limit
from responder.settings import Loaded, SettingsError, load

if TYPE_CHECKING:
    from responder.app.service import Service

# What other settings name was built into sockets, threads, the identity or the database's rows at the start.
CHANGEABLE = frozenset(
    {
        "organization.name",
        "organization.domain",
        "organization.website",
        "smtp.max_message_bytes",
        "smtp.keep_bytes",
        "smtp.max_recipients",
        "smtp.max_connections",
        "smtp.max_connections_per_client",
        "smtp.max_messages_per_session",
        "smtp.max_errors",
        "smtp.max_idle_commands",
        "smtp.command_timeout_seconds",
        "smtp.message_timeout_seconds",
        "smtp.session_timeout_seconds",
        "smtp.tls_certificate",
        "smtp.tls_key",
        "relay.envelope_sender",
        "relay.give_up_after_hours",
        "reply.guides",
        "reply.html",
        "reply.quote_subject",
        "reply.window_hours",
        "reply.max_per_sender_per_week",
        "reply.max_per_network_per_hour",
        "reply.max_per_domain_per_hour",
        "reply.max_per_minute",
        "reply.drop_waiting_after_hours",
        "reply.sender_evidence",
        "evidence.deadline_seconds",
        "blocklists",
        "review.auto_approve",
        "review.exemption_days",
        "review.max_prefix_v4",
        "review.max_prefix_v6",
        "review.admin_max_prefix_v4",
        "review.admin_max_prefix_v6",
        "review.allow_networks",
        "review.undo_seconds",
        "review.overdue_after_days",
        "review.lapse_after_days",
        "staff.digest",
        "staff.webhook",
        "policy.own_networks",
        "policy.dynamic_networks",
        "policy.dynamic_names",
        "policy.bypass_action",
        "policy.remember_refusals_days",
        "log.format",
    }
)


def reread(service: "Service") -> None:
    """Read settings and templates again and let `service` go on with them; wrong ones change nothing."""
    try:
        loaded = load(service.loaded.file, os.environ)
        tls_context = make_tls_context(loaded.settings)
        raise_file_limit(loaded.settings.smtp.max_connections)
        make_evidence_terms(loaded.settings)  # a list's file that cannot be read is told before anything has changed
    except SettingsError as error:
        for problem in error.problems:
            maillog.settings_refused(problem=problem)
        return
    except StartError as error:
        maillog.settings_refused(problem=error)
        return
    others = sorted(_changed(service.loaded, loaded) - CHANGEABLE)
    _apply(service, loaded)
    if service.smtp:
        service.smtp.tls_context = tls_context
    maillog.reread(restart_for=",".join(others) or None)


def _changed(old: Loaded, new: Loaded) -> set[str]:
    before = {setting.key: setting.value for setting in old.effective()}
    return {setting.key for setting in new.effective() if setting.value != before[setting.key]}


def _apply(service: "Service", loaded: Loaded) -> None:
    settings = loaded.settings
    maillog.configure(settings.log.format)
    if service.intake:
        service.intake.terms = make_terms(settings)
        service.recall.remember_for = remember_for(settings)
    if service.smtp:
        service.smtp.limits = make_smtp_limits(settings)
    if service.inquirer:
        inquiry = service.inquirer.inquiry
        inquiry.evidence.terms = make_evidence_terms(settings)
        inquiry.terms = service.make_inquiry_terms(settings)
    if service.chores:
        service.chores.apply(settings)
    if service.policy:
        service.policy.apply(settings, service.identity)
    if service.web:
        service.web.apply(settings)
    service.wording.apply(settings)
    if service.delivery:
        # How long a delivery may last is built into the transport, and how long a pause into the upkeep.
        fresh, old = make_delivery_terms(settings), service.delivery.terms
        service.delivery.terms = replace(fresh, timeout_seconds=old.timeout_seconds, retry_seconds=old.retry_seconds)
