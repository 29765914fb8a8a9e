"""From rows of the database to the letter that a template words."""

from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from responder.domain.address import key_to_ip
from responder.domain.guides import choose_guides
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software
from responder.services.letter import Letter
from responder.services.library import Library


class Letters:
    """Makes letters from the facts that `responder.storage.outbox.read_facts` gives."""

    def __init__(self, library: Library, *, guides: Sequence[str], quote_subject: bool) -> None:
        """Take the `library` that has the guides, the keys of those that all get, and whether to repeat subjects."""
        self._library = library
        self._guides = tuple(guides)
        self._quote_subject = quote_subject
        self._available: dict[str, Collection[str]] = {}

    def make(self, facts: Mapping[str, Any]) -> Letter:
        """Make the letter for one outbound message; `facts` are its row."""
        rejection: Mapping[str, Any] | None = facts["message_rejection"]
        software = _software(facts)
        key, source = _address(facts)
        return Letter(
            kind=Kind(facts["kind"]),
            template=facts["template"],
            locale=facts["locale"],
            message_id=facts["message_id_header"],
            recipient=facts["recipient"],
            date=facts["created_at"],
            in_reply_to=facts["message_message_id_header"],
            references=tuple(facts["message_message_references"] or ()),
            reply_token=facts["request_reply_token"],
            quoted_subject=facts["message_subject"] if self._quote_subject else None,
            reference=facts["request_reference"] or "",
            address=key_to_ip(bytes(key)) if key else None,
            address_source=AddressSource(source) if key and source else None,
            cause=Cause(rejection["cause"]) if rejection else None,
            ours=rejection["ours"] if rejection else None,
            refused_by=rejection["by"] if rejection else None,
            networks=tuple(ip_network(network) for network in facts["request_networks"] or ()),
            proof=Proof(facts["request_proof"] or Proof.NONE),
            software=software,
            guides=choose_guides(software, self._guides, self._guides_in(facts["locale"])),
        )

    def _guides_in(self, locale: str) -> Collection[str]:
        if locale not in self._available:
            self._available[locale] = self._library.guides(locale)
        return self._available[locale]


def _address(facts: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    """Give the refused address and its source: as the message answered has it, else as its request knows it."""
    if facts["message_refused_key"]:
        return facts["message_refused_key"], facts["message_address_source"]
    return facts["request_address_key"], facts["request_address_source"]


def _software(facts: Mapping[str, Any]) -> Software | None:
    if not facts["message_software_product"]:
        return None
    return Software(
        product=facts["message_software_product"],
        version=facts["message_software_version"],
        name=facts["message_software_name"],
        certainty=Certainty(facts["message_software_certainty"]),
        evidence=facts["message_software_evidence"],
    )
