"""Does a host name look as if a provider's program made it? The words and forms that say so, as data.

Names of hosts that move about are made from their address, or by words such as `dyn` and `dhcp`; a word such as
`static` among them says that this one stays. It is one sign among others: it can be wrong both ways. Every step takes
time in proportion to the name, of which at most 253 characters are looked at.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from responder.domain.address import DOMAIN_CHARACTERS, IPAddress
from responder.domain.hops import organisation


class Naming(StrEnum):
    """How a name came about, as far as it shows."""

    GENERATED = "generated"
    STATIC = "static"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class NameVerdict:
    """What a name looks like, and the word or form that shows it; empty for a plain one."""

    naming: Naming
    shown: str = ""


STATIC_WORDS = frozenset(
    {"static", "stat", "fix", "fixed", "fixip", "dedicated", "dedi", "colo", "colocation", "statisch", "fijo", "fixe"}
)
"""Words by which providers mark addresses that stay."""

DYNAMIC_WORDS = frozenset(
    {
        *("dyn", "dynamic", "dynip", "dynamicip", "dynamisch", "dinamico", "dynamique"),
        *("dhcp", "pool", "pools", "ppp", "pppoe", "dial", "dialup", "dialin", "dip"),
        *("dsl", "adsl", "vdsl", "xdsl", "sdsl", "cable", "cablemodem", "broadband", "catv", "ftth", "fttb"),
        *("cpe", "gprs", "umts", "wimax", "mobile", "residential", "homeuser"),
    }
)
"""Words by which providers mark addresses that move; each stands alone or before a number."""

FILLER_WORDS = frozenset(
    {
        *("ip", "host", "client", "clients", "cust", "customer", "user", "users", "node", "net", "unknown", "addr"),
        *("rev", "reverse", "res", "home", "h", "c", "i"),
    }
)
"""Words that say nothing by themselves; beside two numbers of the address they do."""

_Octets = list[str]
NUMBER_FORMS: tuple[tuple[str, Callable[[_Octets], _Octets]], ...] = (
    ("all numbers of the address", lambda o: o),
    ("all numbers of the address, in reverse", lambda o: o[::-1]),
    ("the last three numbers of the address", lambda o: o[1:]),
    ("the last three numbers of the address, in reverse", lambda o: o[:0:-1]),
)
"""Ways in which the numbers of an IPv4 address stand next to one another in a name."""

PAIR_FORMS: tuple[tuple[str, Callable[[_Octets], _Octets]], ...] = (
    ("the last two numbers of the address", lambda o: o[2:]),
    ("the last two numbers of the address, in reverse", lambda o: o[:1:-1]),
)
"""As above, but only beside one of `FILLER_WORDS` or `DYNAMIC_WORDS`."""

TEXT_FORMS_V4: tuple[tuple[str, Callable[[IPv4Address], str]], ...] = (
    ("the address in hexadecimal", lambda ip: ip.packed.hex()),
    ("the address in hexadecimal, in reverse", lambda ip: ip.packed[::-1].hex()),
    ("the address with leading zeros", lambda ip: "".join([f"{octet:03}" for octet in ip.packed])),
    ("the address as one number", lambda ip: str(int(ip))),
)
"""Ways in which a whole IPv4 address is written as one word."""

_BESIDE_PAIRS = FILLER_WORDS | DYNAMIC_WORDS
_TOKENS = re.compile(r"[a-z]+|[0-9]+")
_SEPARATORS = str.maketrans("", "", ".-_")
_INTERFACE_NIBBLES = 16
_GROUP_NIBBLES = 4


def judge_name(name: str, ip: IPAddress, own_patterns: Sequence[re.Pattern[str]] = ()) -> NameVerdict:
    """Say whether `name`, the reverse name of `ip`, looks generated.

    Args:
        name: the host name; what is not ASCII is looked at as it is.
        ip: the address that it is the name of.
        own_patterns: the operator's patterns, looked for in the whole name; they come before everything else.
    """
    lowered = name[:DOMAIN_CHARACTERS].lower().rstrip(".")
    for pattern in own_patterns:
        if pattern.search(lowered):
            return NameVerdict(Naming.GENERATED, f"the pattern {pattern.pattern}")
    host = _host_part(lowered)
    tokens = _TOKENS.findall(host)
    if marker := next((word for word in tokens if word in STATIC_WORDS), None):
        return NameVerdict(Naming.STATIC, f"the word {marker!r}")
    shown = _form(host, tokens, ip) or next((f"the word {word!r}" for word in tokens if word in DYNAMIC_WORDS), "")
    return NameVerdict(Naming.GENERATED, shown) if shown else NameVerdict(Naming.PLAIN)


def _host_part(name: str) -> str:
    """Give `name` without its registered domain, which is a company's name and says nothing."""
    home = organisation(name)
    return name.removesuffix(home).rstrip(".") if home else name


def _form(host: str, tokens: Sequence[str], ip: IPAddress) -> str:
    """Give the form in which the address stands in `host`, empty when it does not."""
    if not isinstance(ip, IPv4Address):
        return _form_v6(host, ip)
    numbers = [token.lstrip("0") or "0" for token in tokens if token.isdigit()]
    if numbers:
        octets = [str(octet) for octet in ip.packed]
        forms = NUMBER_FORMS if _BESIDE_PAIRS.isdisjoint(tokens) else NUMBER_FORMS + PAIR_FORMS
        for shown, arrange in forms:
            if _contains(numbers, arrange(octets)):
                return shown
    return next((shown for shown, write in TEXT_FORMS_V4 if write(ip) in host), "")


def _form_v6(host: str, ip: IPAddress) -> str:
    nibbles = ip.packed.hex()
    packed = host.translate(_SEPARATORS)
    if nibbles in packed or nibbles[::-1] in packed:
        return "the whole address"
    interface = nibbles[_INTERFACE_NIBBLES:]
    starts = range(0, len(interface), _GROUP_NIBBLES)
    groups = "-".join([f"{int(interface[at : at + _GROUP_NIBBLES], 16):x}" for at in starts])
    if interface in packed or groups in host:
        return "the second half of the address"
    return ""


def _contains(numbers: _Octets, wanted: _Octets) -> bool:
    """Tell whether `wanted` stands in `numbers`, next to one another."""
    size = len(wanted)
    return any(numbers[at : at + size] == wanted for at in range(len(numbers) - size + 1))
