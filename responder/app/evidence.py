"""What finds out about senders, made of the settings."""

import resource
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from responder.app.errors import StartError
from responder.app.parts import dynamic_names
from responder.app.review import make_review
from responder.app.sockets import raise_file_limit
from responder.domain.identity import Identity
from responder.domain.vouching import SenderEvidence
from responder.faces.inquirer import InquirerFace
from responder.services.clock import SystemClock
from responder.services.evidence import BlockList, Evidence, EvidenceTerms, Resolver
from responder.services.inquiry import Inquiry, InquiryTerms
from responder.services.zone_file import ZoneFile
from responder.settings import Blocklist, Settings
from responder.storage.writer import Writer

# Of the files that this process may open, those that are not sockets of look-ups.
_OTHER_FILES = 200
_FEWEST_QUESTIONS = 100
_MOST_QUESTIONS = 8_000


def make_evidence_terms(settings: Settings) -> EvidenceTerms:
    """Give how evidence is gathered."""
    policy = settings.policy
    return EvidenceTerms(
        deadline_seconds=settings.evidence.deadline_seconds,
        blocklists=make_lists(settings),
        dynamic_networks=policy.dynamic_networks,
        dynamic_names=dynamic_names(settings),
    )


def make_lists(settings: Settings) -> tuple[BlockList, ...]:
    """Give the lists: those that are asked over the DNS, and those that are files.

    Raises:
        StartError: a file cannot be read.
    """
    return tuple(_make_list(settings, one) for one in settings.blocklists)


def _make_list(settings: Settings, one: Blocklist) -> BlockList:
    codes = frozenset(one.codes)
    if one.zone:
        return BlockList(one.name, one.zone, codes)
    path = settings.under_data_dir(one.zone_file)
    try:
        return BlockList(one.name, codes=codes, entry_of=_open_zone(path).entry_of)
    except OSError as error:
        raise StartError(f"blocklists.zone_file: {path} cannot be read: {error.strerror}") from None


@lru_cache
def _open_zone(path: Path) -> ZoneFile:
    """Give the list in a file; all parts of the process share one."""
    return ZoneFile(path)


def make_resolver(settings: Settings) -> Resolver:
    """Give what asks name servers, with as many questions at once as this process may open sockets for."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        allowed = _MOST_QUESTIONS + _OTHER_FILES
    return Resolver(
        tuple((each.host, each.port) for each in settings.dns.nameservers),
        timeout_seconds=settings.dns.timeout_seconds,
        most_at_once=max(_FEWEST_QUESTIONS, min(_MOST_QUESTIONS, allowed - _OTHER_FILES)),
    )


def make_evidence(settings: Settings) -> Evidence:
    """Give what gathers evidence; it is to be started."""
    return Evidence(make_evidence_terms(settings), make_resolver(settings))


def make_inquiry_terms(
    settings: Settings, writer: Writer, identity: Identity, on_notice: Callable[[], None]
) -> InquiryTerms:
    """Give what is decided from evidence; it approves by itself only where the settings want that."""
    wanted = SenderEvidence(settings.reply.sender_evidence)
    if settings.review.auto_approve != "static-and-proven":
        return InquiryTerms(wanted, None)
    review = make_review(settings, writer, identity, clock=SystemClock(), on_notice=on_notice)
    return InquiryTerms(wanted, review.approve_proven)


def make_inquirer(
    settings: Settings,
    engine: Engine,
    writer: Writer,
    *,
    identity: Identity,
    instance: str,
    on_ready: Callable[[], None],
) -> InquirerFace | None:
    """Give the face that finds out, None where the settings want no evidence: nothing is looked up then.

    `on_ready` is called once answers, or notices about what was approved, have become due.

    Raises:
        StartError: the process may open hardly any files.
    """
    if not settings.evidence.enabled:
        return None
    raise_file_limit(0)
    terms = make_inquiry_terms(settings, writer, identity, on_ready)
    inquiry = Inquiry(engine, writer, make_evidence(settings), terms, instance=instance, clock=SystemClock())
    return InquirerFace(inquiry, on_ready=on_ready)
