"""Why a server refused, told from the words of its reply. The kinds are those that need a different answer."""

import re

from responder.domain.plea import Cause

_CHARACTERS = 1_000  # several times as much as a reply holds


def _any(*words: str) -> re.Pattern[str]:
    """Compile what is looked for in lower-cased text; to ignore case in each would cost several times as much."""
    return re.compile("|".join(words))


# In order: the first kind whose words occur is the cause. What is said of the message or of a domain comes before the
# words for listings, because replies about them use the same words ("blocked", "reputation").
_CAUSES = {
    Cause.DYNAMIC: _any(
        r"\bdynamic(?:ally)?\b|\bdynamische?\b|\bdynamique|\bdin.mic[ao]",
        r"\bdial-?up\b|\bdynablock|\bresidential\b|\bdhcp\b|\bend-?user (?:ip|address|range)",
        r"\bnot authori[sz]ed to send (?:e-?mail|mail|messages) directly",
        r"\bpbl\b|\bdul\b|\bdyn\b|\bnjabl-dyn|policy block list",
        r"\bgeneric (?:reverse|r?dns|ptr|host ?name)|\bsmart-? ?host\b",
        r"\bconsumer (?:ip|line|address)|\b(?:dsl|cable) (?:line|modem|user|address)",
    ),
    Cause.NO_REVERSE_NAME: _any(
        r"\bptr\b|\br-?dns\b|\binverse dns|\breverse\b(?![ -]?path)",
        r"\bname look-?up failed|\bcannot (?:find|resolve) your (?:reverse )?(?:host ?name|address)",
        r"\bunverifiable (?:host|client)",
    ),
    Cause.AUTHENTICATION: _any(
        r"\bspf\b|\bdkim\b|\bdmarc\b|\bsender ?id\b|\bsender policy framework|\bunauthenticated\b",
        r"\bnot authori[sz]ed to send|\bnot designated|\bnot (?:a )?permitted sender|\bsmtp auth",
        r"\bauthentication (?:is )?(?:required|failed|checks?)|\bmust authenticate",
    ),
    Cause.CONTENT: _any(
        r"\bcontents?\b|\bvirus\b|\bmalware\b|\bphish|\battachment|\bheader (?:check|error)",
        r"\bspam (?:url|score|message|content)|\b(?:is|as|like|considered) spam\b",
        r"\burl\b.{0,20}(?:listed|blocked|black)",
    ),
    Cause.RATE: _any(
        r"\brate[ -]?limit|\bunusual rate|\bthrottl|\bgr[ea]y-?list|\bslow down\b|\bfrequency limit",
        r"\btoo many (?:connections?|messages?|mails?|errors?|sessions?|concurrent|recipients)",
        r"\bunexpected volume|\bdeferred due to|\b(?:limit|quota) exceeded",
        r"\bexceeded (?:the |your )?(?:limit|rate|quota|maximum)",
    ),
    Cause.LISTED: _any(
        r"\bblack-? ?list|\bblock-? ?list|\bdeny-? ?list|\blisted\b|\blisting\b|\bbanned\b|\bblocked\b|\breputation",
        r"\bdnsb?ls?\b|\bdnsrbl|\brbls?\b|\bs?xbl\b|\bsbl\b|\bbl[0-9]{0,3}\b",
        r"spamhaus|spamcop|\bsorbs\b|barracuda|cloudmark|proofpoint|senderbase|senderscore",
        r"\babuse\b|\bunsolicited\b|\bunwanted (?:messages|mail)|\bspamm?(?:ing|er)\b|\bopen (?:relay|proxy)",
    ),
}

# A listing of a domain is about the sender's name or words, not about the address.
_OF_DOMAIN = _any(
    r"\bdbl\b|uribl|surbl",
    r"\b(?:mail-?from|helo|sender|sending|from|envelope) (?:domain|address)\b(?! \[?[\d.]{7})",
)
_OF_RECIPIENT = _any(r"\brecipient|\bmail ?box\b|\buser unknown|\bunknown user|\bno such (?:user|address)")

_OF_CLIENT = _any(r"\b(?:access|connections?|connecting|clients?|policy|refused)\b")


def find_cause(text: str) -> Cause:
    """Give the cause that the reply `text` states, `Cause.OTHER` when it states none of those we know."""
    text = text[:_CHARACTERS].lower()
    for cause, words in _CAUSES.items():
        if words.search(text):
            return Cause.OTHER if cause is Cause.LISTED and _OF_DOMAIN.search(text) else cause
    return Cause.OTHER


def is_about_recipient(text: str) -> bool:
    """Tell whether the reply `text` is about a mailbox of its own rather than about the client."""
    return _OF_RECIPIENT.search(text[:_CHARACTERS].lower()) is not None


def is_about_client(text: str) -> bool:
    """Tell whether the reply `text` is about the client that connected rather than about what it brought."""
    return _OF_CLIENT.search(text[:_CHARACTERS].lower()) is not None


def is_about_address(cause: Cause) -> bool:
    """Tell whether `cause` is one for which a server refuses an address rather than a message."""
    return cause in {Cause.DYNAMIC, Cause.LISTED, Cause.NO_REVERSE_NAME, Cause.RATE}
