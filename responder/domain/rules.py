"""The rules by which mail is known that must not be answered: one small function each, true when it fires.

Only the message's own header counts, never that of an attached or quoted message; every occurrence of a field counts.
"""

import re
import unicodedata
from collections.abc import KeysView, Mapping
from dataclasses import dataclass

from responder.domain import marks
from responder.domain.address import AddressError, domain_of, parse_mailbox, unwrapped_address
from responder.domain.envelope import Envelope, RecipientKind
from responder.domain.identity import Identity
from responder.domain.message import InboundMessage, PartKind
from responder.domain.reference import find_references

HOPS = 50

_NULL_PATHS = frozenset({"<>", "mailer-daemon", "<mailer-daemon>"})
_NUMERIC_DOMAIN = re.compile(r"[0-9.]+")
_WORDS = re.compile(r"[^\s,;]+")
_SUBJECT_CHARACTERS = 200
_OPENING_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at."""

    envelope: Envelope
    message: InboundMessage
    identity: Identity

    @property
    def keys(self) -> KeysView[str]:
        """The lower-cased names of the fields in the message's own header."""
        return self.message.header.keys

    def every(self, key: str) -> tuple[str, ...]:
        """Give the values of the fields named `key` in the message's own header."""
        return self.message.header.every(key)

    def words(self, key: str) -> list[list[str]]:
        """Give for each field named `key` its words: lower-cased, without comments, split at blanks, `,` and `;`."""
        return [_WORDS.findall(_without_comments(value).lower()) for value in self.every(key)]

    def senders(self) -> set[str]:
        """Give the envelope sender and the addresses of From and Sender, without repeats."""
        return {self.envelope.reverse_path, *(mailbox.address for mailbox in self.message.senders)}


def is_for_staff(facts: Facts) -> bool:
    """No recipient is a bypass address: postmaster and abuse are read by people (RFC 5321 section 4.5.1, RFC 2142)."""
    return not any(recipient.kind is RecipientKind.BYPASS for recipient in facts.envelope.recipients)


def has_null_reverse_path(facts: Facts) -> bool:
    """The reverse-path is null (RFC 3834 section 2, RFC 5321 section 4.5.5), or a Return-Path field says so.

    The field counts in mail that was delivered and sent in again (RFC 5321 section 4.4); old systems write the null
    path there as a bare `MAILER-DAEMON`.
    """
    if not facts.envelope.reverse_path:
        return True
    return any(value.strip().lower() in _NULL_PATHS for value in facts.every("return-path"))


def is_unanswerable(facts: Facts) -> bool:
    """The reverse-path is no mailbox, or in no domain: an address literal or a bare number (RFC 3834 section 2)."""
    try:
        domain = domain_of(parse_mailbox(facts.envelope.reverse_path))
    except AddressError:
        return True
    return domain.startswith("[") or bool(_NUMERIC_DOMAIN.fullmatch(domain))


def is_from_us(facts: Facts) -> bool:
    """One of our own addresses sent it or would get the answers (RFC 3834 sections 2 and 6)."""
    addresses = facts.senders()
    addresses.update(mailbox.address for mailbox in facts.message.reply_to)
    return any(facts.identity.is_own_address(address) for address in addresses)


def is_loop(facts: Facts) -> bool:
    """It was here before, or is a machine's answer to a message of ours (RFC 5321 section 6.3).

    Shown by our secret mark, by `X-Loop` or `Delivered-To` with an address of ours, or by an id of ours in In-Reply-To
    or References together with any sign of automation. Such an id alone is what a person's answer has.
    """
    if any(facts.identity.loop_token in value for value in facts.every(marks.LOOP_FIELD.lower())):
        return True
    visited = (*facts.every("x-loop"), *facts.every("delivered-to"))
    if any(facts.identity.is_own_address(value.strip().strip("<>")) for value in visited):
        return True
    return _answers_ours(facts) and any(sign(facts) for sign in SIGNS_OF_AUTOMATION)


def _answers_ours(facts: Facts) -> bool:
    ids = (*facts.message.references, *facts.message.in_reply_to)
    return any(facts.identity.made_message_id(message_id) for message_id in ids)


def has_too_many_hops(facts: Facts) -> bool:
    """It passed so many servers that it must be going round (RFC 5321 section 6.3)."""
    return len(facts.every("received")) >= HOPS


def is_report(facts: Facts) -> bool:
    """It is a report by its declared type, whatever its structure and `report-type` (RFC 6522, RFC 3464, RFC 8098).

    Also a report that declares nothing: the subject and the first sentence are a mail server's, and no mail program
    signed it. Either alone is what a person has who passes a bounce on.
    """
    if facts.message.content_type in marks.REPORT_TYPES:
        return True
    if not marks.MAIL_PROGRAM_FIELDS.isdisjoint(facts.keys):
        return False
    if not marks.REPORT_SUBJECT.match(_plain(facts.message.subject)):
        return False
    return bool(marks.REPORT_OPENING.match(_opening(facts.message)))


def _opening(message: InboundMessage) -> str:
    """Give the beginning of the first text that is the message's own, blanks collapsed, in lower case."""
    own = (part.text for part in message.parts if part.kind is PartKind.TEXT and part.depth == 0)
    return " ".join(next(own, "")[:_OPENING_CHARACTERS].lower().split())


def is_auto_submitted(facts: Facts) -> bool:
    """`Auto-Submitted` has a keyword other than `no`; one that nobody knows counts too (RFC 3834 sections 2 and 5)."""
    return any(words[:1] != ["no"] for words in facts.words("auto-submitted"))


def is_from_list(facts: Facts) -> bool:
    """A mailing list sent it (RFC 2919, RFC 2369, RFC 5230 section 4.6, RFC 8058, and what lists wrote before)."""
    if not marks.LIST_FIELDS.isdisjoint(facts.keys):
        return True
    return any(key.startswith(marks.LIST_PREFIX) for key in facts.keys)


def is_bulk(facts: Facts) -> bool:
    """`Precedence` says that it went to many, or comes from a responder (RFC 2076, RFC 3834 section 3.1.8)."""
    return any(
        not marks.BULK_PRECEDENCES.isdisjoint(words) for key in marks.PRECEDENCE_FIELDS for words in facts.words(key)
    )


def is_suppressed(facts: Facts) -> bool:
    """The sender asks for no automatic answer, which says nothing about itself (MS-OXCMAIL section 2.1.3.2.20)."""
    return any(not marks.SUPPRESS_WORDS.isdisjoint(words) for words in facts.words(marks.SUPPRESS_FIELD))


def is_from_system(facts: Facts) -> bool:
    """A mailbox behind which no person reads sent it (RFC 3834 section 2, RFC 5230 section 4.6), or From is null.

    Return-Path counts as in `has_null_reverse_path`. The fields are also read as they stand, since machines write
    addresses without a domain.
    """
    if any(value.endswith("<>") for value in facts.every("from")):
        return True
    addresses = facts.senders()
    for key in ("from", "sender", "return-path"):
        addresses.update(map(_bare, facts.every(key)))
    names = {name for address in addresses for name in local_parts(address)}
    return any(map(marks.SYSTEM_LOCAL_PART.fullmatch, names))


def _bare(value: str) -> str:
    """Give the address that ends an address field: the last word in angle brackets, without brackets all of it."""
    _, bracket, address = _without_comments(value).rpartition("<")
    words = address.strip("> \t").rsplit(maxsplit=1)
    return words[-1] if bracket and words else address.strip()


def local_parts(address: str) -> tuple[str, str]:
    """Give the canonical local part of `address` as it is, and without its `+detail`."""
    local, at, domain = unwrapped_address(address).rpartition("@")
    local = local if at else domain
    return local, local.partition("+")[0]


def is_marked_automatic(facts: Facts) -> bool:
    """A field or the subject shows that a program wrote it: vendors' marks, out-of-office replies."""
    if not marks.AUTOMATIC_FIELDS.isdisjoint(facts.keys):
        return True
    return _has_first_word_of(facts, marks.AUTOMATIC_VALUES) or _has_automatic_subject(facts)


def _has_automatic_subject(facts: Facts) -> bool:
    """Judge the subject's beginning; a person who answers our own answer keeps our mark behind `Re:`."""
    subject = _plain(facts.message.subject)
    answer = marks.ANSWER_PREFIX.match(subject)
    mark = marks.AUTOMATIC_SUBJECT.match(subject, answer.end() if answer else 0)
    if mark is None:
        return False
    is_our_mark_answered = answer is not None and mark[0] == marks.OWN_SUBJECT_MARK
    return not (is_our_mark_answered and (_answers_ours(facts) or find_references(facts.message.subject)))


def is_spam(facts: Facts) -> bool:
    """One of our own relays says so; anybody else's verdict is only a claim."""
    return facts.envelope.trusted_relay and _has_first_word_of(facts, marks.SPAM_VERDICTS)


def is_unreadable(facts: Facts) -> bool:
    """It has no header field at all."""
    return not facts.keys


def _has_first_word_of(facts: Facts, values: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether the first word of a field is one of those that `values` has for its name."""
    keys = values.keys() & facts.keys
    return any(words and words[0] in values[key] for key in keys for words in facts.words(key))


def _plain(subject: str) -> str:
    """Give the beginning of a subject in lower case and without accents."""
    start = subject[:_SUBJECT_CHARACTERS].casefold().strip()
    if start.isascii():
        return start
    return "".join(c for c in unicodedata.normalize("NFKD", start) if not unicodedata.combining(c))


def _without_comments(value: str) -> str:
    """Give a structured value without its comments, which may lie in one another (RFC 5322 section 3.2.2)."""
    if "(" not in value:
        return value
    kept, depth = [], 0
    for character in value:
        depth += (character == "(") - (character == ")" and depth > 0)
        if not depth and character != ")":
            kept.append(character)
    return "".join(kept)


SIGNS_OF_AUTOMATION = (
    is_report,
    is_auto_submitted,
    is_from_list,
    is_bulk,
    is_suppressed,
    is_from_system,
    is_marked_automatic,
)
