"""The text of a refusal: what is wrong, whom to ask, what to do instead, in one line that no server has to cut.

Servers cut such texts at 240 characters or so, in reports and logs; what the sender cannot do without stands first.
"""

from collections.abc import Iterable

from responder.domain.address import IPAddress, canonical_domain

LONGEST = 240
LONGEST_CONTACT = 110

_WRONG = "550 5.7.1 Your IP address {address} appears to be dynamically assigned."
_CONTACT = " If it is static or you need help, write to {contact} (ref {reference})."
_SHORT_CONTACT = " Write to {contact} (ref {reference})."
_ADVICE = " Else send through your provider's mail server (smart host)."
_SHORT_ADVICE = " Else use your provider's smart host."
_LISTED = " Listed: {list_name}."
# Ever less; the last always fits.
_FORMS = (
    _WRONG + _CONTACT + _ADVICE + _LISTED,
    _WRONG + _CONTACT + _ADVICE,
    _WRONG + _CONTACT + _SHORT_ADVICE,
    _WRONG + _SHORT_CONTACT + _SHORT_ADVICE,
    _WRONG + _SHORT_CONTACT,
)


def contact_for(bypass_addresses: Iterable[str]) -> str | None:
    """Give the first of `bypass_addresses` that a refusal can name, in ASCII; None where none is short and plain."""
    for address in bypass_addresses:
        local, _, domain = address.rpartition("@")
        spelled = f"{local}@{canonical_domain(domain)}"
        if spelled.isascii() and len(spelled) <= LONGEST_CONTACT:
            return spelled
    return None


def refusal_text(address: IPAddress, contact: str, reference: str, list_name: str = "") -> str:
    """Give the reply for a refused client, at most `LONGEST` ASCII characters: the list gives way, then the advice.

    Args:
        address: the client's.
        contact: the bypass address, as `contact_for` gives it.
        reference: that of this refusal.
        list_name: the list that names the address; left out where it is not ASCII.
    """
    forms = _FORMS if list_name and list_name.isascii() else _FORMS[1:]
    texts = [form.format(address=address, contact=contact, reference=reference, list_name=list_name) for form in forms]
    return next((text for text in texts if len(text) <= LONGEST), texts[-1])
