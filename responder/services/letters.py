"""From rows of the database to the letter that a template words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_network
from typing import Any

from responder.domain.address import key_to_ip
from responder.domain.guides import choose_guides
from responder.domain.outbound import Kind
from responder.domain.plea import AddressSource, Cause, Certainty, Proof, Software
from responder.services.letter import Blocklist, Letter, LetterDecision
from responder.services.letter_evidence import read_evidence
from responder.services.templates.library import Library

_WITH_GUIDES = frozenset({Kind.REPLY, Kind.TEST})


class Letters:
    """Makes letters from the facts that `responder.storage.outbox.read_facts` gives."""

    def __init__(
        self, library: Library, *, guides: Sequence[str], quote_subject: bool, blocklists: Sequence[Blocklist] = ()
    ) -> None:
        """Take the parts.

        Args:
            library: has the guides.
            guides: keys of those that all get.
            quote_subject: an answer repeats the sender's subject.
            blocklists: how the providers of the lists are reached that findings name.
        """
        self._library = library
        self._blocklists = tuple(blocklists)
        self._guides = tuple(guides)
        self._quote_subject = quote_subject
        self._available: dict[str, Mapping[str, Sequence[str]]] = {}

    def make(self, facts: Mapping[str, Any]) -> Letter:
        """Make the letter for one outbound message; `facts` are its row."""
        rejection: Mapping[str, Any] | None = facts["message_rejection"]
        kind, software = Kind(facts["kind"]), _software(facts)
        key, source = _address(facts)
        address = key_to_ip(bytes(key)) if key else None
        return Letter(
            kind=kind,
            template=facts["template"],
            locale=facts["locale"],
            message_id=facts["message_id_header"],
            recipient=facts["recipient"],
            date=facts["created_at"],
            in_reply_to=facts["message_message_id_header"],
            references=tuple(facts["message_message_references"] or ()),
            reply_token=facts["request_reply_token"],
            quoted_subject=facts["message_subject"] if self._quote_subject and kind is Kind.REPLY else None,
            reference=facts["request_reference"] or "",
            address=address,
            address_source=AddressSource(source) if key and source else None,
            cause=Cause(rejection["cause"]) if rejection else None,
            ours=rejection["ours"] if rejection else None,
            refused_by=rejection["by"] if rejection else None,
            networks=tuple(ip_network(network) for network in facts["request_networks"] or ()),
            proof=Proof(facts["request_proof"] or Proof.NONE),
            software=software,
            guides=self._choose_guides(software, facts["locale"]) if kind in _WITH_GUIDES else (),
            evidence=read_evidence(facts["findings"], address, facts["request_advice"], self._blocklists),
            decision=_decision(facts["data"]),
        )

    def _choose_guides(self, software: Software | None, locale: str) -> tuple[str, ...]:
        if locale not in self._available:
            self._available[locale] = self._library.guides(locale)
        return choose_guides(software, self._guides, self._available[locale])


def _address(facts: Mapping[str, Any]) -> tuple[bytes | None, str | None]:
    """Give the refused address and its source: as the message answered has it, else as its request knows it."""
    if facts["message_refused_key"]:
        return facts["message_refused_key"], facts["message_address_source"]
    return facts["request_address_key"], facts["request_address_source"]


def _decision(data: Mapping[str, Any] | None) -> LetterDecision | None:
    if data is None:
        return None
    network, expires_at = data.get("network"), data.get("expires_at")
    return LetterDecision(
        network=ip_network(network) if network else None,
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        reason=data.get("reason") or "",
        paragraphs=tuple(data.get("paragraphs") or ()),
        text=data.get("text") or "",
    )


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
