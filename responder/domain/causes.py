"""Why a server refused, told from the words of its reply. The kinds are those that need a different answer."""

import re

from responder.domain.plea import Cause

_CHARACTERS = 1_000  # several times as much as a reply holds


def _any(*words: str) -> re.Pattern[str]:
    r"""Compile what is looked for, at the beginning of a word, in lower-cased text.

    To ignore case, or to write `\b` before each, would cost many times as much.
    """
    return re.compile(rf"\b(?:{'|'.join(words)})")


# In order: the first kind whose words occur is the cause. What is said of the message or of a domain comes before the
# words for listings, because replies about them use the same words ("blocked", "reputation").
_CAUSES = {
    Cause.DYNAMIC: _any(
        r"dynamic(?:ally)?\b|dynamische?\b|dynamique|din.mic[ao]",
        r"dial-?up\b|dynablock|residential\b|dhcp\b|end-?user (?:ip|address|range)",
        r"not authori[sz]ed to send (?:e-?mail|mail|messages) directly",
        r"pbl\b|dul\b|dyn\b|njabl-dyn|policy block list",
        r"generic (?:reverse|r?dns|ptr|host ?name)|smart-? ?host\b",
        r"rtr:du\b|rats-dyna",
        r"consumer (?:ip|line|address)|(?:dsl|cable) (?:line|modem|user|address)",
    ),
    Cause.NO_REVERSE_NAME: _any(
        r"ptr\b|r-?dns\b|inverse dns|reverse\b(?![ -]?path)",
        r"name look-?up failed|cannot (?:find|resolve) your (?:reverse )?(?:host ?name|address)",
        r"unverifiable (?:host|client)|possibly forged\b",
    ),
    Cause.AUTHENTICATION: _any(
        r"spf\b|dkim\b|dmarc\b|sender ?id\b|sender policy framework|unauthenticated\b",
        r"not authori[sz]ed to send|not designated|not (?:a )?permitted sender|smtp auth",
        r"authentication (?:is )?(?:required|failed|checks?)|must authenticate",
    ),
    Cause.CONTENT: _any(
        r"contents?\b|virus\b|malware\b|phish|attachment|header (?:check|error)",
        r"spam (?:url|score|message|content)|(?:is|as|like|considered) spam\b",
        r"url\b.{0,20}(?:listed|blocked|black)",
    ),
    Cause.RATE: _any(
        r"rate[ -]?limit|unusual rate|throttl|gr[ea]y-?list|slow down\b|frequency limit",
        r"too many (?:connections?|messages?|mails?|errors?|sessions?|concurrent|recipients)",
        r"unexpected volume|deferred due to|(?:limit|quota) exceeded",
        r"exceeded (?:the |your )?(?:limit|rate|quota|maximum)",
        r"too much mail\b|limits? (?:for|on|to) how (?:many|much)\b",
    ),
    Cause.LISTED: _any(
        r"black-? ?list|block-? ?list|deny-? ?list|listed\b|listing\b|banned\b|block(?:ed|s)?\b",
        r"gesperrt\b|sperrliste|liste noire\b|lista nera\b|lista negra\b|bloqu|bloccat|reputation",
        r"dnsb?ls?\b|dnsrbl|rbls?\b|s?xbl\b|sbl\b|bl[0-9]{0,3}\b",
        r"spamhaus|spamcop|sorbs\b|barracuda|cloudmark|proofpoint|senderbase|senderscore",
        r"abuse\b|unsolicited\b|unwanted (?:messages|mail)|spamm?(?:ing|er)\b|open (?:relay|proxy)",
    ),
}

# A listing of a domain is about the sender's name or words, not about the address.
_OF_DOMAIN = _any(
    r"dbl\b|uribl|surbl",
    r"(?:mail-?from|helo|sender|sending|from|envelope) (?:domain|address)\b(?! \[?[\d.]{7})",
)
# A limit on what one mailbox holds, or takes at once, is no limit on the client.
_OF_MAILBOX = _any(r"mail ?box\b|account is over|over ?quota\b|disk|storage|size\b|user has too many")
# By cause: words that show that it is not the address that was refused for it.
_OF_ANOTHER = {Cause.LISTED: _OF_DOMAIN, Cause.RATE: _OF_MAILBOX}
_OF_RECIPIENT = _any(r"recipient|mail ?box\b|user unknown|unknown user|no such (?:user|address)")

_OF_ADDRESS = (Cause.DYNAMIC, Cause.LISTED, Cause.NO_REVERSE_NAME, Cause.RATE)

_OF_CLIENT = _any(r"(?:access|connections?|connecting|clients?|policy|refused)\b|from (?:ip )?\W?\d")


def find_cause(text: str) -> Cause:
    """Give the cause that the reply `text` states, `Cause.OTHER` when it states none of those we know."""
    text = text[:_CHARACTERS].lower()
    for cause, words in _CAUSES.items():
        if words.search(text):
            about_another = _OF_ANOTHER.get(cause)
            return Cause.OTHER if about_another and about_another.search(text) else cause
    return Cause.OTHER


def is_about_recipient(text: str) -> bool:
    """Tell whether the reply `text` is about a mailbox of its own rather than about the client."""
    return _OF_RECIPIENT.search(text[:_CHARACTERS].lower()) is not None


def is_about_client(text: str) -> bool:
    """Tell whether the reply `text` is about the client that connected rather than about what it brought."""
    return _OF_CLIENT.search(text[:_CHARACTERS].lower()) is not None


def is_about_address(cause: Cause) -> bool:
    """Tell whether `cause` is one for which a server refuses an address rather than a message."""
    return cause in _OF_ADDRESS
